"""`/metrics` at the door: who reads it, with a token and without one, and that the token is shown nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.doors.api import GOOD, SEND, Bed, Door, Reply
from tocsin.kit.settings import Settings

TOKEN = "a-token-of-this-test-0123456789"


@pytest.fixture(scope="module")
def guarded(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """An API process with a token."""
    opened = Door(bed, tmp_path_factory.mktemp("guarded") / "log", TOCSIN_METRICS_TOKEN=TOKEN)
    try:
        opened.wait()
        yield opened
    finally:
        opened.close()


def ask(door: Door, method: str = "GET", **headers: str) -> Reply:
    return door.call(method, "/metrics", headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_without_a_token_this_machine_reads_metrics_and_nobody_behind_a_proxy(door: Door, second: Door) -> None:
    assert ask(door).http == 200
    assert ask(door, X_Forwarded_For="127.0.0.1").http == 404
    assert ask(second, X_Forwarded_For="203.0.113.7").http == 404, "a trusted proxy passes it on"
    assert ask(second, X_Forwarded_For="127.0.0.1").http == 404


def test_with_a_token_whoever_shows_it_reads_metrics(guarded: Door) -> None:
    assert b"tocsin_requests_total" in ask(guarded, Authorization=f"Bearer {TOKEN}").body
    assert ask(guarded, "HEAD", Authorization=f"Bearer {TOKEN}").http == 200
    for headers in ({}, {"Authorization": TOKEN}, {"Authorization": f"Bearer {TOKEN}0"}):
        refused = ask(guarded, **headers)
        assert refused.http == 401
        assert refused.headers["www-authenticate"].startswith("Bearer ")
        assert refused.headers["content-type"] == "application/json;charset=UTF-8"
        assert json.loads(refused.body)["status"] == 401
    assert guarded.call("GET", f"/metrics?token={TOKEN}").http == 401
    assert TOKEN not in guarded.log


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.js", "/openapi.json", "/healthz", "/metrics", "/nowhere", SEND])
def test_no_browser_guesses_what_an_answer_is(door: Door, path: str) -> None:
    assert door.call("GET", path).headers["x-content-type-options"] == "nosniff"


def test_a_url_that_is_too_long_a_list_is_no_bad_sign(bed: Bed, door: Door) -> None:
    """The client is told what is wrong with it each time, and its other requests go on."""
    customer = bed.customer()
    query = GOOD | {f"x{number}": "1" for number in range(100)}
    limit = Settings().bad_signs_per_minute
    assert {door.get(customer, query=query).status for _ in range(limit + 1)} == {-12}
    assert door.send(customer).status == 0
