"""The OpenAPI document: whole in itself, true to the endpoints, its examples true to its schemas; its page asks no other host."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.pure.shapes import find_faults
from tocsin import api
from tocsin.api.pages import PAGES
from tocsin.api.server import BODY_MOST, ENDPOINTS
from tocsin.api.sms import read_ask
from tocsin.api.wire import Request, parse_body, parse_query
from tocsin.content import Status

HERE = Path(api.__file__).parent
DOCUMENT: dict[str, Any] = json.loads((HERE / "openapi.json").read_text(encoding="utf-8"))
STATIC = sorted((HERE / "static").iterdir())
OPERATIONAL = {"/healthz", "/readyz", "/metrics"}
METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "trace"}
SEND = "/api/v1/sms/sendbatchsms"


def find(thing: Any) -> Any:
    """What a $ref names, else the thing itself."""
    while isinstance(thing, dict) and "$ref" in thing:
        place: Any = DOCUMENT
        for name in thing["$ref"].removeprefix("#/").split("/"):
            place = place[name]
        thing = place
    return thing


def walk(thing: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document."""
    if isinstance(thing, dict):
        yield thing
        for value in thing.values():
            yield from walk(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from walk(value)


def list_operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in [*DOCUMENT["paths"].items(), *DOCUMENT["webhooks"].items()]:
        for method, operation in methods.items():
            yield path, method, operation


def list_contents() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every body of a request or a reply, with where it stands."""
    for path, method, operation in list_operations():
        places = [operation.get("requestBody", {}), *map(find, operation["responses"].values())]
        for place in places:
            for content in place.get("content", {}).values():
                yield f"{method} {path}", content


def test_every_endpoint_is_described_with_its_methods_and_nothing_else() -> None:
    described = {path: {method.upper() for method in methods} for path, methods in DOCUMENT["paths"].items()}
    served = {path: set(endpoint.methods) for path, endpoint in ENDPOINTS.items()}
    assert described == served | {path: {"GET"} for path in OPERATIONAL}
    assert set(PAGES) >= OPERATIONAL


def test_the_form_is_that_of_openapi_3_1() -> None:
    assert re.fullmatch(r"3\.1\.\d+", DOCUMENT["openapi"])
    assert DOCUMENT["info"]["title"]
    assert DOCUMENT["info"]["version"]
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    names = [operation["operationId"] for _, _, operation in list_operations()]
    assert len(names) == len(set(names))
    for path, method, operation in list_operations():
        assert method in METHODS, path
        assert operation["summary"], path
        assert set(operation["tags"]) <= tags, path
        assert operation["responses"], path
        for code, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5](\d\d|XX)", code), path
            assert find(response)["description"], path
        for parameter in map(find, operation.get("parameters", [])):
            assert parameter["name"], path
            assert parameter["in"] in {"query", "header"}, path
            assert "schema" in parameter, path


def test_references_and_security_schemes_resolve() -> None:
    references = [each["$ref"] for each in walk(DOCUMENT) if "$ref" in each]
    assert references
    for reference in references:
        assert reference.startswith("#/components/"), reference
        assert find({"$ref": reference}) is not None
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert set(DOCUMENT["security"][0]) == set(schemes) == {"account", "sign", "datetime"}
    used = {reference.removeprefix("#/components/") for reference in references}
    kept = {
        f"{kind}/{name}"
        for kind in ("schemas", "responses", "parameters", "headers")
        for name in DOCUMENT["components"][kind]
    }
    assert kept - used == set(), "described, but used nowhere"


def test_every_example_fits_its_schema() -> None:
    seen = 0
    for where, content in list_contents():
        for name, example in content.get("examples", {}).items():
            assert find_faults(example["value"], content["schema"], find) == [], f"{where}: example {name}"
            seen += 1
    assert seen > 20


def test_the_pages_requests_are_read_as_they_are_printed() -> None:
    post = DOCUMENT["paths"][SEND]["post"]["requestBody"]["content"]["application/json"]["examples"]["page"]["value"]
    body = json.dumps(post).encode()
    by_post = read_ask(parse_body(Request("POST", SEND, {}, "application/json", body, "", "")), {})
    parameters = map(find, DOCUMENT["paths"][SEND]["get"]["parameters"])
    query = "&".join(f"{each['name']}={each['example']}" for each in parameters if "example" in each)
    assert query == "numbers=13611111111,13722222222&content=helloworld&codeId=10007&action=MARKETING"
    assert read_ask({}, parse_query(query)) == by_post


def test_both_ways_of_a_send_know_the_same_fields() -> None:
    parameters = map(find, DOCUMENT["paths"][SEND]["get"]["parameters"])
    in_query = {each["name"]: each["required"] for each in parameters if each["in"] == "query"}
    schema = DOCUMENT["components"]["schemas"]["SendRequest"]
    assert in_query == {name: name in schema["required"] for name in schema["properties"]}


def test_statuses_are_those_of_the_code() -> None:
    described = {each["const"]: each["title"] for each in DOCUMENT["components"]["schemas"]["Status"]["oneOf"]}
    assert described == {int(status): status.text for status in Status}


def test_the_limit_of_bodies_is_the_servers() -> None:
    assert f"At most {BODY_MOST >> 20} MB" in DOCUMENT["info"]["description"]


@pytest.mark.parametrize("file", STATIC, ids=lambda file: file.name)
def test_the_page_names_no_other_host(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+|@import|@font-face|url\(", text) == []


def test_the_page_lets_the_browser_ask_nobody_else() -> None:
    page = (HERE / "static" / "docs.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert re.findall(r"<style|<script>|\son\w+=|\sstyle=", page) == [], "such a policy lets nothing inline run"


def test_every_file_of_the_page_is_served_where_it_is_asked_for() -> None:
    page = (HERE / "static" / "docs.html").read_text(encoding="utf-8")
    asked = {f"/{name}" for name in re.findall(r'(?:src|href)="((?:docs/)[^"#]+)"', page)}
    assert asked == {f"/docs/{file.name}" for file in STATIC if file.suffix != ".html"}
    assert asked | {"/docs", "/openapi.json"} <= set(PAGES)


def test_no_text_of_the_document_becomes_markup() -> None:
    for file in STATIC:
        assert (
            re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", file.read_text("utf-8"))
            == []
        )
