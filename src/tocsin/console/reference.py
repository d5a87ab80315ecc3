"""The reference of the public API as the portal's page draws it: the OpenAPI document, read once, in shapes for templates.

The document is a file of the API's package; only the file is read, since doors do not see each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import tocsin

_DOCUMENT = Path(tocsin.__file__).parent / "api" / "openapi.json"
_JSON = "application/json"
_LEFT_OUT = {"Operations"}  # for whoever runs the installation
_LIMITS = {"maxLength": "≤ {}", "minItems": "≥ {}", "maxItems": "≤ {}", "minimum": "≥ {}", "maximum": "≤ {}"}

Found = dict[str, Any]


class Field(NamedTuple):
    """A parameter, a field of a body or of a reply; `inner` are the fields of what it holds."""

    name: str
    kind: str
    required: bool
    ours: bool  # goes beyond the public API page
    text: str
    inner: tuple[Field, ...]


class Example(NamedTuple):
    """A body as it goes over the wire, or a request line."""

    title: str
    text: str


class Reply(NamedTuple):
    """What may come back with one of `codes`."""

    codes: str
    text: str
    fields: tuple[Field, ...]


class Operation(NamedTuple):
    """An endpoint and a method, or a push: then `path` is ""."""

    name: str
    method: str
    path: str
    title: str
    text: str
    ours: bool
    query: tuple[Field, ...]
    headers: tuple[Field, ...]
    body: tuple[Field, ...]
    replies: tuple[Reply, ...]
    requests: tuple[Example, ...]
    answers: tuple[Example, ...]


class Section(NamedTuple):
    """Operations of one kind."""

    title: str
    text: str
    operations: tuple[Operation, ...]


@cache
def read_reference() -> tuple[Section, ...]:
    """All of it, in the document's order."""
    spec: Found = json.loads(_DOCUMENT.read_text(encoding="utf-8"))
    drawer = _Drawer(spec)
    operations = [(each["tags"][0], drawer.draw(method, path, each)) for method, path, each in _list(spec)]
    return tuple(
        Section(tag["name"], tag["description"], tuple(each for name, each in operations if name == tag["name"]))
        for tag in spec["tags"]
        if tag["name"] not in _LEFT_OUT
    )


def _list(spec: Found) -> Iterator[tuple[str, str, Found]]:
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation
    for hook in spec["webhooks"].values():
        yield "POST", "", hook["post"]


class _Drawer:
    """Draws operations of one document."""

    def __init__(self, spec: Found) -> None:
        self._spec = spec

    def _find(self, thing: Found | None) -> Found:
        """What a $ref names, else the thing itself."""
        while thing and "$ref" in thing:
            place: Any = self._spec
            for name in thing["$ref"].removeprefix("#/").split("/"):
                place = place[name]
            thing = place
        return thing or {}

    def draw(self, method: str, path: str, operation: Found) -> Operation:
        parameters = [self._find(each) for each in operation.get("parameters", [])]
        content = operation.get("requestBody", {}).get("content", {}).get(_JSON, {})
        answer = self._find(operation["responses"].get("200")).get("content", {}).get(_JSON, {})
        return Operation(
            operation["operationId"],
            method,
            path,
            operation["summary"],
            operation.get("description", ""),
            operation.get("x-origin") == "extension",
            tuple(self._name(each) for each in parameters if each["in"] == "query"),
            tuple(self._name(each) for each in parameters if each["in"] == "header"),
            self._fields(self._find(content.get("schema"))),
            tuple(self._replies(operation)),
            _write_examples(content) or (Example("", _write_line(method, path, parameters)),),
            _write_examples(answer),
        )

    def _name(self, parameter: Found) -> Field:
        schema = self._find(parameter.get("schema"))
        whole = {**schema, "description": parameter.get("description", ""), "x-origin": parameter.get("x-origin")}
        return self._field(parameter["name"], whole, bool(parameter.get("required")))

    def _field(self, name: str, schema: Found, required: bool) -> Field:
        whole = self._find(schema)
        held = self._find(whole["items"]) if whole.get("items") else whole
        ours, text = whole.get("x-origin") == "extension", whole.get("description", "")
        return Field(name, self._kind(whole), required, ours, text, self._fields(held))

    def _fields(self, schema: Found) -> tuple[Field, ...]:
        needed = schema.get("required", [])
        named = [(name, each, name in needed) for name, each in schema.get("properties", {}).items()]
        placed = [(f"[{turn}]", each, False) for turn, each in enumerate(schema.get("prefixItems", []))]
        return tuple(self._field(*each) for each in named + placed)

    def _kind(self, schema: Found) -> str:
        """Type and limits, in the words of JSON."""
        if schema.get("enum"):
            return " | ".join(map(str, schema["enum"]))
        kinds = schema.get("type", "")
        kind = " | ".join(kinds) if isinstance(kinds, list) else str(kinds)
        if kind == "array" and schema.get("items"):
            kind = f"array <{self._kind(self._find(schema['items']))}>".replace(" <>", "")
        limits = [words.format(schema[name]) for name, words in _LIMITS.items() if name in schema]
        return ", ".join([kind, *limits]) if "prefixItems" not in schema else kind

    def _replies(self, operation: Found) -> Iterator[Reply]:
        """Codes that say the same stand together."""
        same: dict[str, tuple[list[str], Found]] = {}
        for code, reply in operation["responses"].items():
            same.setdefault(json.dumps(reply), ([], self._find(reply)))[0].append(code)
        for codes, reply in same.values():
            shape = self._find(reply.get("content", {}).get(_JSON, {}).get("schema"))
            fields = self._fields(shape) if codes[0].startswith("2") else ()
            yield Reply(", ".join(sorted(codes)), reply.get("description", ""), fields)


def _write_examples(content: Found) -> tuple[Example, ...]:
    return tuple(
        Example(
            each.get("summary", ""), each["value"] if isinstance(each["value"], str) else _write_json(each["value"])
        )
        for each in content.get("examples", {}).values()
    )


def _write_json(value: Any) -> str:
    """Indented, and a row of a report on one line."""
    return _write(value, "")


def _write(value: Any, margin: str) -> str:
    if isinstance(value, dict) and value:
        lines = [f'{margin}  "{name}": {_write(each, margin + "  ")}' for name, each in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{margin}}}"
    if isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        return "[\n" + ",\n".join(f"{margin}  {_write(each, margin + '  ')}" for each in value) + f"\n{margin}]"
    return json.dumps(value, ensure_ascii=False)


def _write_line(method: str, path: str, parameters: list[Found]) -> str:
    if not path:
        return ""
    shown = [f"{each['name']}={each['example']}" for each in parameters if each["in"] == "query" and "example" in each]
    return f"{method} {path}?" + "&".join(["account=…", "sign=…", "datetime=…", *shown])


def list_texts() -> Iterator[str]:
    """Every text of the page that the document gives, paragraph by paragraph: what a catalogue has to have."""
    for section in read_reference():
        yield from (section.title, section.text)
        for each in section.operations:
            yield from (each.title, *each.text.split("\n\n"))
            yield from (example.title for example in each.requests + each.answers)
            for reply in each.replies:
                yield from reply.text.split("\n\n")
                yield from _list_texts(reply.fields)
            yield from _list_texts(each.query + each.headers + each.body)


def _list_texts(fields: tuple[Field, ...]) -> Iterator[str]:
    for field in fields:
        yield from field.text.split("\n\n")
        yield from _list_texts(field.inner)
