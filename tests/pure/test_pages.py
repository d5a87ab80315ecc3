"""The pages beside the API: who may read metrics, and what other sites may not do with the reference."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tocsin.api.desk import Desk
from tocsin.api.pages import PAGES, refuse_reader

TOKEN = "0123456789abcdef-._~+/=="
HERE, ABROAD = "127.0.0.1", "203.0.113.7"


def refuse(token: str, address: str, **headers: str) -> int:
    """The HTTP code of the refusal; 200: none."""
    known = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = refuse_reader(token, address, lambda name: known.get(name, ""))
    return 200 if reply is None else reply.http


@pytest.mark.parametrize("address", [HERE, "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_without_a_token_programs_of_this_machine_read_metrics(address: str) -> None:
    assert refuse("", address) == 200
    assert refuse("", address, authorization="Bearer anything") == 200


@pytest.mark.parametrize("address", [ABROAD, "10.0.0.7", "2001:db8::1", "0.0.0.0", "", "unknown", "/run/socket"])
def test_without_a_token_others_are_told_that_nothing_is_there(address: str) -> None:
    assert refuse("", address) == 404
    assert refuse("", address, authorization="Bearer ") == 404


@pytest.mark.parametrize("name", ["x_forwarded_for", "forwarded", "x_real_ip", "via"])
def test_without_a_token_what_a_proxy_of_this_machine_passes_on_is_not_of_this_machine(name: str) -> None:
    assert refuse("", HERE, **{name: HERE}) == 404


@pytest.mark.parametrize("address", [HERE, ABROAD])
def test_with_a_token_whoever_shows_it_reads_metrics_and_nobody_else(address: str) -> None:
    assert refuse(TOKEN, address, authorization=f"Bearer {TOKEN}") == 200
    assert refuse(TOKEN, address, authorization=f"bearer  {TOKEN} ", via="1.1 proxy") == 200
    for wrong in (
        "",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer \udcff",
    ):
        assert refuse(TOKEN, address, authorization=wrong) == 401, wrong


def test_the_refusal_is_json_and_names_the_scheme() -> None:
    reply = refuse_reader(TOKEN, ABROAD, lambda _: "")
    assert reply is not None
    assert reply.content_type.startswith("application/json")
    assert TOKEN.encode() not in reply.body
    assert dict(reply.headers)["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("path", [path for path in PAGES if path.startswith(("/docs", "/openapi"))])
async def test_no_other_site_shows_the_reference_in_a_frame(path: str) -> None:
    reply = await PAGES[path](cast(Desk, SimpleNamespace()))
    headers: dict[str, Any] = dict(reply.headers)
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
