"""Every address of the console as a stranger, as another account's owner, and as each role: none is forgotten, nothing leaks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.doors.console import log_in
from tests.doors.console_things import MARK, Things, make_things
from tocsin.console.rights import RIGHTS

PUBLIC = {"choose", "outbox", "healthz", "invitation"}
"""For everybody, logged in or not."""
READ_BY_ANYBODY = {""}
WORDS = {"kind"}
"""Parameters of addresses that are words, not ids of something."""
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


class Address(NamedTuple):
    """A line of urls.py."""

    name: str
    route: str
    view: Callable[..., Any]

    @property
    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.route)


def list_addresses() -> list[Address]:
    """Of the console's own pages; allauth's (under user/) have tests of their own there."""
    from django.urls import URLPattern

    from tocsin.console.urls import urlpatterns

    return [
        Address(str(each.name), str(each.pattern), each.callback)
        for each in urlpatterns
        if isinstance(each, URLPattern)
    ]


def fill(address: Address, things: Things) -> str:
    """The address with ids of things of that account."""
    return "/" + _PARAMETER.sub(lambda found: things.name_of(address.name, found[1]), address.route)


@pytest.fixture
def things(project: str) -> Things:
    """An account with one of everything, each marked with MARK."""
    return make_things(project, log_in("owner")[1].account_id)


def test_each_view_of_an_account_says_which_right_it_needs(project: str) -> None:
    every = list_addresses()
    assert len(every) > 9
    assert [each.name for each in every if each.name not in PUBLIC and not hasattr(each.view, "right")] == []
    rights = {right for may in RIGHTS.values() for right in may}
    assert {each.view.right for each in every if each.name not in PUBLIC} <= rights | READ_BY_ANYBODY  # type: ignore[attr-defined]


def test_a_stranger_gets_nowhere(project: str, things: Things) -> None:
    from django.test import Client

    before = things.fingerprint()
    for address in list_addresses():
        if address.name in PUBLIC:
            continue
        for method in ("get", "post"):
            answer = getattr(Client(), method)(fill(address, things))
            if answer.status_code == 405:  # the view does not know the method: it was not asked who calls
                continue
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/user/login/"), address.name
    assert things.fingerprint() == before


def test_another_account_sees_and_changes_nothing(project: str, things: Things) -> None:
    """Ids of others are not found, or a page that lists tells nothing of them; whatever was posted, their rows are as before."""
    client, _ = log_in("owner")
    before = things.fingerprint()
    for address in list_addresses():
        if address.name in PUBLIC:
            continue
        path = fill(address, things)
        for method in ("get", "post"):
            answer = getattr(client, method)(path)
            told = (address.name, method, answer.status_code)
            assert answer.status_code < 500, told
            if set(address.parameters) - WORDS:
                assert answer.status_code in {404, 405}, told
            assert MARK not in _text(answer), told
    for path in things.questions():
        assert MARK not in _text(client.get(path)), path
    assert things.fingerprint() == before


@pytest.mark.parametrize("role", sorted(RIGHTS))
def test_a_role_may_what_its_rights_say(project: str, role: str) -> None:
    """With its own account's ids: 403 where the right is missing, and only there."""
    client, membership = log_in(role)
    things = make_things(project, membership.account_id)
    for address in list_addresses():
        if address.name in PUBLIC:
            continue
        allowed = not address.view.right or address.view.right in RIGHTS[role]  # type: ignore[attr-defined]
        answer = client.get(fill(address, things))
        assert answer.status_code < 500, address.name
        assert answer.status_code == 405 or (answer.status_code == 403) is not allowed, (
            address.name,
            answer.status_code,
        )
        if not allowed:
            assert client.post(fill(address, things)).status_code in {403, 405}, address.name


def test_what_is_marked_is_seen_by_its_owner(project: str) -> None:
    """The mark that must not leak is on the pages that must show it: the test above can fail."""
    client, membership = log_in("owner")
    things = make_things(project, membership.account_id)
    seen = [path for path in things.questions() if MARK in _text(client.get(path))]
    assert seen == things.questions()


def test_every_form_wants_its_token(project: str, things: Things) -> None:
    client, _ = log_in("owner", enforce_csrf_checks=True)
    for address in list_addresses():
        answer = client.post(fill(address, things))
        assert answer.status_code in {403, 405}, address.name


def _text(answer: Any) -> str:
    if getattr(answer, "streaming", False):
        return b"".join(answer.streaming_content).decode("utf-8", "replace")
    return str(answer.content.decode("utf-8", "replace"))
