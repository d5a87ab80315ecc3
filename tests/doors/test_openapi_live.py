"""What the OpenAPI document says against what a process answers: an outside reader of the document makes the requests.

Schemathesis draws requests that fit the document and requests that do not; good values are put in here and there, so
that many get past the first checks. Every reply must be one that the document has: code, type, headers, body, and no
field that it does not name. The draw is the same each time: a failure here is a fault, not luck.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any, NamedTuple

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import clone_database
from tests.doors.api import GOOD, MAIL_DOMAIN, SEND, Bed, Customer, Door
from tests.pure.shapes import find_faults
from tests.pure.test_openapi import DOCUMENT, find

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
JSON = "application/json"
SEND_EXAMPLES, EXAMPLES = 90, 20  # of each mode
WANTED = {"/api/v1/email/sendEmail": ("theme", "content")}  # a template, which stands for them, is drawn too seldom
SETTINGS = settings(derandomize=True, database=None, suppress_health_check=list(HealthCheck))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods]
SIGNED = [(path, method) for path, method in OPERATIONS if path.startswith("/api/")]
load_all_checks()


class Ground(NamedTuple):
    """A process, who asks it, and values that mean something to it."""

    door: Door
    customer: Customer
    good: dict[str, Any]
    session: requests.Session


@pytest.fixture(scope="module")
def ground(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """On a database of its own: these requests come from anywhere, and the limit of bad signs is everybody's."""
    home = tmp_path_factory.mktemp("openapi")
    with clone_database(database_server) as dsn:
        bed = Bed(dsn, home)
        limits = {"TOCSIN_BAD_SIGNS_PER_MINUTE": "100000", "TOCSIN_BAD_SIGNS_PER_ADDRESS": "100000"}
        door = Door(bed, home / "log", TOCSIN_MAIL_DOMAIN=MAIL_DOMAIN, **limits)
        try:
            door.wait()
            customer = bed.customer(balance=10**12)
            with requests.Session() as session:
                session.trust_env = False  # no proxy of the environment stands between
                yield Ground(door, customer, _make_good(door, customer), session)
        finally:
            door.close()
            bed.conn.close()


def _make_good(door: Door, customer: Customer) -> dict[str, Any]:
    """Values that are taken, by the names of fields and parameters."""
    now, later = int(time.time()), str(int(time.time()) + 86_400)
    sent = door.send(customer, numbers="81234567801,81234567802,1").data
    kept = door.send(customer, sendTime=later).data
    ids = [row["messageId"] for row in sent["successData"] + sent["failData"] + kept["successData"]]
    return {
        **GOOD, "emails": "somebody@example.com", "theme": "hello", "from": "acme", "title": "hello",
        "attachment": ["aGVsbG8="], "sendTime": later, "timeZone": "UTC+7", "ids": ",".join(ids),
        "batchNo": kept["batchNo"], "start": str(now - 3600), "end": str(now + 3600), "limit": "2",
    }  # fmt: skip


class Drawn(NamedTuple):
    """A request and what is done to it."""

    case: Case[Any]
    fates: dict[str, str]  # of its fields: "good", "gone" or "drawn", as it is
    signed: bool


def draw(path: str, method: str, mode: GenerationMode) -> st.SearchStrategy[Drawn]:
    case = SCHEMA[path][method].as_strategy(generation_mode=mode)
    fates = st.integers(0, 2**32 - 1).map(partial(_choose_fates, _list_fields(path, method)))
    return st.builds(Drawn, case, fates, st.integers(0, 7).map(bool))


def _choose_fates(fields: dict[str, bool], seed: int) -> dict[str, str]:
    """One fault at a time is what gets deep: a required field is mostly good, another one mostly not there.

    By a seed, since hypothesis likes extremes: it would draw faults everywhere or nowhere.
    """
    chance = Random(seed)
    return {
        name: chance.choice([*(["good"] * 8 if must else ["gone"] * 6), "good", "gone", "drawn"])
        for name, must in fields.items()
    }


def _make_empty(path: str, method: str) -> Case[Any]:
    operation = SCHEMA[path][method]
    return operation.Case(query={}, body={}, media_type=JSON) if method == "POST" else operation.Case(query={})


def ask(ground: Ground, drawn: Drawn) -> Response:
    case = drawn.case
    if isinstance(case.body, dict):
        case.body = _change(case.body, drawn.fates, ground.good)
    elif case.method == "GET":
        case.query = _change(case.query, drawn.fates, ground.good)
    if drawn.signed:
        case.query = {**case.query, **ground.customer.sign()}
    return case.call(base_url=f"http://127.0.0.1:{ground.door.port}", session=ground.session, timeout=60)


def _change(fields: Any, fates: dict[str, str], good: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if fates.get(name) != "gone"}
    return kept | {name: good[name] for name, fate in fates.items() if fate == "good" and name in good}


def _list_fields(path: str, method: str) -> dict[str, bool]:
    """Of a request, and whether each is required."""
    operation = DOCUMENT["paths"][path][method.lower()]
    parameters = map(find, operation.get("parameters", []))
    found = {each["name"]: each["required"] for each in parameters if each["in"] == "query"}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = find(content["schema"])
        must = {*schema.get("required", []), *WANTED.get(path, ())}
        found |= {name: name in must for name in schema["properties"]}
    return found


def check(case: Case[Any], response: Response) -> Any:
    """By schemathesis, and beyond it: it does not mind fields that no schema names. The body, where it is JSON."""
    case.validate_response(response, checks=CHECKS)
    described = DOCUMENT["paths"][case.path][case.method.lower()]["responses"][str(response.status_code)]
    content = find(described).get("content", {}).get("application/json")
    if content is None:
        return None
    assert find_faults(response.json(), content["schema"], find) == [], case.as_curl_command()
    return response.json()


@pytest.mark.parametrize(("path", "method"), SIGNED)
def test_every_reply_is_one_that_is_described(ground: Ground, path: str, method: str) -> None:
    """The statuses that were seen tell whether the walk came past the first checks: else it would prove little."""
    # These two are not left to the draw.
    fields = _list_fields(path, method)
    good = {each: "good" if must or each in {"content", "ids"} else "gone" for each, must in fields.items()}
    for signed, status in ((True, 0), (False, -1)):
        case = _make_empty(path, method)
        assert check(case, ask(ground, Drawn(case, good, signed)))["status"] == status
    seen: set[int] = set()
    name = DOCUMENT["paths"][path][method.lower()]["operationId"]
    for mode in GenerationMode:

        @settings(SETTINGS, max_examples=SEND_EXAMPLES if name.startswith("send") else EXAMPLES)
        @given(draw(path, method, mode))
        def walk(drawn: Drawn) -> None:
            reply = check(drawn.case, ask(ground, drawn))
            seen.add(reply["status"])

        walk()
    if path == SEND:
        assert len(seen - {0, -1}) >= 3


@pytest.mark.parametrize("path", [path for path, method in SIGNED if method == "POST"])
@pytest.mark.parametrize(("kind", "size"), [("text/xml", 100), ("text/xml", 10_000), ("application/json", 31 << 20)])
def test_what_is_no_body_is_answered_as_described(ground: Ground, path: str, kind: str, size: int) -> None:
    case = SCHEMA[path]["POST"].Case(query=dict(ground.customer.sign()))
    url = f"http://127.0.0.1:{ground.door.port}{path}"
    reply = ground.session.post(url, b"<" * size, params=case.query, headers={"Content-Type": kind}, timeout=60)
    check(case, Response.from_any(reply))
    assert reply.status_code == 413 or size < 1 << 20


@pytest.mark.parametrize(("path", "method"), [each for each in OPERATIONS if each not in SIGNED])
def test_the_pages_of_operators_are_as_described(ground: Ground, path: str, method: str) -> None:
    case = SCHEMA[path][method].Case()
    check(case, ask(ground, Drawn(case, {}, signed=False)))
