"""Does a value fit a JSON schema? The few words of JSON Schema that our OpenAPI document uses; an unknown one is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_WORDS = {
    "type", "properties", "additionalProperties", "required",
    "items", "prefixItems", "minItems", "maxItems", "enum", "oneOf", "const", "maxLength",
    "description", "title", "example", "x-origin",
}  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,), "object": (dict,),
    "null": (type(None),),
}  # fmt: skip


def find_faults(value: Any, schema: Any, find: Callable[[Any], Any], where: str = "$") -> list[str]:
    """Every place where `value` does not fit, in words. `find` resolves a $ref. Raises ValueError for words not known here."""
    schema = find(schema)
    if unknown := set(schema) - _WORDS:
        raise ValueError(f"{where}: words that this test does not know: {unknown}")
    faults = list(_check_itself(value, schema, where))
    if isinstance(value, dict):
        faults += _check_object(value, schema, find, where)
    if isinstance(value, list):
        faults += _check_array(value, schema, find, where)
    if "oneOf" in schema and sum(not find_faults(value, each, find, where) for each in schema["oneOf"]) != 1:
        faults.append(f"{where}: {value!r} fits not exactly one of oneOf")
    return faults


def _check_itself(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    wanted = schema.get("type", [])
    names = [wanted] if isinstance(wanted, str) else wanted
    if names and not any(_is_of(value, name) for name in names):
        yield f"{where}: {value!r} is no {' or '.join(names)}"
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        yield f"{where}: too long"
    if isinstance(value, list) and not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{where}: {len(value)} items"


def _is_of(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _check_object(value: dict[str, Any], schema: dict[str, Any], find: Callable[[Any], Any], where: str) -> list[str]:
    properties = schema.get("properties", {})
    faults = [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
    for name, inner in value.items():
        if name in properties:
            faults += find_faults(inner, properties[name], find, f"{where}.{name}")
        elif "additionalProperties" in schema:
            faults += find_faults(inner, schema["additionalProperties"], find, f"{where}.{name}")
        else:
            faults.append(f"{where}: {name} is not described")
    return faults


def _check_array(value: list[Any], schema: dict[str, Any], find: Callable[[Any], Any], where: str) -> list[str]:
    first = schema.get("prefixItems", [])
    faults = []
    for i, inner in enumerate(value):
        each = first[i] if i < len(first) else schema.get("items")
        if each is False:
            faults.append(f"{where}[{i}]: one too many")
        elif each is not None:
            faults += find_faults(inner, each, find, f"{where}[{i}]")
    return faults
