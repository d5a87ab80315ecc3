"""Endpoints and attempts as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext_lazy

from tocsin import webhooks
from tocsin.console.lazy import StrPromise

KINDS: dict[str, tuple[StrPromise, str, StrPromise]] = {
    "sms": (gettext_lazy("SMS reports"), "message", gettext_lazy("What became of each SMS.")),
    "mms": (gettext_lazy("MMS reports"), "photo", gettext_lazy("What became of each MMS.")),
    "vos": (gettext_lazy("Voice reports"), "phone", gettext_lazy("What became of voice notices and voice codes.")),
    "mail": (gettext_lazy("Email reports"), "mail", gettext_lazy("Whether each email was delivered.")),
    "uplink": (gettext_lazy("Replies"), "message-reply", gettext_lazy("What people answer to your messages.")),
    "tracking": (gettext_lazy("Email events"), "click", gettext_lazy("Opens, clicks and unsubscribes.")),
}
"""Of endpoints: title, icon, what comes there."""

OUTCOMES: dict[str, StrPromise] = {
    "failed": gettext_lazy("Failed"),
    "taken": gettext_lazy("Taken"),
    "test": gettext_lazy("Test events"),
}

_BY_TEXT: tuple[tuple[str, StrPromise, StrPromise], ...] = (
    (
        "the address is not allowed",
        gettext_lazy("The address is not allowed: it is private, or of this machine."),
        gettext_lazy("Use a server that the internet reaches. Your operator can open a network by TOCSIN_PUSH_ALLOW."),
    ),
    (
        "the host is not known",
        gettext_lazy("There is no such host."),
        gettext_lazy("Look at the spelling of the name in the URL, and at its DNS record."),
    ),
    (
        "no connection in time",
        gettext_lazy("The server could not be reached in time."),
        gettext_lazy("Look at the firewall: the port must be open to this platform."),
    ),
    (
        "no answer in time",
        gettext_lazy("The server took the request and did not answer within 15 seconds."),
        gettext_lazy("Answer 200 first, and work on it after that."),
    ),
    (
        "certificate",
        gettext_lazy("The server's certificate does not hold."),
        gettext_lazy("Use one that browsers trust, with its whole chain, made for the name in the URL."),
    ),
    (
        "connect call failed",
        gettext_lazy("Nothing listens at this address."),
        gettext_lazy("Start your server, and look at host and port of the URL."),
    ),
    (
        "refused",
        gettext_lazy("Nothing listens at this address."),
        gettext_lazy("Start your server, and look at host and port of the URL."),
    ),
    (
        "closed",
        gettext_lazy("The server closed the connection without an answer."),
        gettext_lazy("Look into its log. An http URL at an https port does that too."),
    ),
    (
        "ssl",
        gettext_lazy("No TLS session came about."),
        gettext_lazy("Is it https at that port? Then look at the server's TLS settings."),
    ),
    (
        "not http",
        gettext_lazy("What came back is not HTTP."),
        gettext_lazy("Look at host and port of the URL. An http URL at an https port does that too."),
    ),
)
_BY_STATUS: tuple[tuple[int, int, StrPromise], ...] = (
    (300, 399, gettext_lazy("Redirects are not followed: set the URL that the redirect leads to.")),
    (401, 403, gettext_lazy("The server wants a log-in. Let pushes in without one, and verify their signature.")),
    (404, 404, gettext_lazy("The server does not know this path: look at the URL.")),
    (405, 405, gettext_lazy("The path does not take POST.")),
    (410, 410, gettext_lazy("410 means that nothing is wanted there any more: the endpoint is paused.")),
    (413, 413, gettext_lazy("The server takes no bodies of this size: a push has up to 50 rows, about 8 KB.")),
    (415, 415, gettext_lazy("The server does not take application/json.")),
    (429, 429, gettext_lazy("The server asks for fewer pushes: they slow down.")),
    (500, 599, gettext_lazy("Your server failed: look into its log.")),
)
_OTHER: StrPromise = gettext_lazy("Answer with 200 to acknowledge.")


class Explained(NamedTuple):
    """What came of an attempt, and what to do about it ("": nothing)."""

    words: StrPromise | str
    advice: StrPromise | str


def explain(attempt: webhooks.AttemptView) -> Explained:
    """In plain words; a text that nobody knows is shown as it is."""
    status = attempt.http_status
    if status:
        if 200 <= status < 300:
            return Explained(gettext_lazy("Taken"), "")
        return Explained(
            attempt.error, next((words for low, high, words in _BY_STATUS if low <= status <= high), _OTHER)
        )
    text = attempt.error.lower()
    for mark, words, advice in _BY_TEXT:
        if mark in text:
            return Explained(words, advice)
    return Explained(attempt.error, "")


class ShownAttempt(NamedTuple):
    """An attempt as lists and pages show it."""

    row: webhooks.AttemptView
    kind: StrPromise | str
    good: bool
    explained: Explained


def show_attempts(rows: Sequence[webhooks.AttemptView], kinds: dict[int, str]) -> list[ShownAttempt]:
    """Attempts in words; `kinds` by id of endpoint."""
    return [show_attempt(row, kinds.get(row.endpoint_id, "")) for row in rows]


def show_attempt(row: webhooks.AttemptView, kind: str) -> ShownAttempt:
    """One attempt in words."""
    good = row.http_status is not None and 200 <= row.http_status < 300
    return ShownAttempt(row, KINDS[kind][0] if kind in KINDS else kind, good, explain(row))


class Place(NamedTuple):
    """A kind of news, and where it goes."""

    kind: str
    title: StrPromise
    icon: str
    about: StrPromise
    view: webhooks.EndpointView | None
    state: StrPromise | str
    colour: str
    since: datetime | None


def show_places(found: Sequence[webhooks.EndpointView]) -> list[Place]:
    """Every kind, with its endpoint where there is one."""
    views = {view.kind: view for view in found}
    return [Place(kind, *KINDS[kind], views.get(kind), *_tell_state(views.get(kind))) for kind in KINDS]


def _tell_state(view: webhooks.EndpointView | None) -> tuple[StrPromise | str, str, datetime | None]:
    if view is None:
        return gettext_lazy("Not set"), "secondary", None
    if view.paused_at:
        return gettext_lazy("Paused"), "red", view.paused_at
    if view.failing_since:
        return gettext_lazy("Failing"), "orange", view.failing_since
    return gettext_lazy("Healthy"), "green", None
