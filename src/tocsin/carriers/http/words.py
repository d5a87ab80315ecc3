"""The words of the settings: what an answer means, what a receipt says. Tables without behaviour."""

from __future__ import annotations

from typing import NamedTuple

from tocsin.traffic import OutcomeKind, Reason


class Fate(NamedTuple):
    """What an answer comes to."""

    kind: OutcomeKind
    reason: Reason = Reason.SENDING


STATES = {
    "delivered": Reason.SUCCESS,
    "failed": Reason.UNDELIVERED,
    "expired": Reason.EXPIRED,
    "rejected": Reason.REJECTED,
    "number error": Reason.NUMBER_ERROR,
    "blacklisted": Reason.BLACKLISTED,
    "intermediate": Reason.SENDING,
}

_KINDS = {
    "temporary": OutcomeKind.TEMPORARY,
    "throttled": OutcomeKind.THROTTLED,
    "unknown": OutcomeKind.UNKNOWN,
}
_REASONS = {name: reason for name, reason in STATES.items() if name not in {"delivered", "intermediate"}} | {
    "undelivered": Reason.UNDELIVERED
}

STATUS_FATES = {
    "408": "temporary", "429": "throttled", "503": "throttled", "401": "temporary", "403": "temporary", "404": "temporary",
    "405": "temporary", "1xx": "temporary", "3xx": "temporary", "4xx": "permanent", "5xx": "temporary",
}  # fmt: skip
"""What a status means where the settings say nothing. Who is not let in, or asks at the wrong place, has settings that
are wrong: that says nothing against the message."""

LOUD = frozenset({401, 403, 404, 405})
"""Statuses that the operator must hear of; redirects too."""


def read_fate(word: str) -> Fate | None:
    """`temporary`, `permanent:number error` ...; None: no such word."""
    kind, colon, reason = word.partition(":")
    if kind == "permanent":
        found = _REASONS.get(reason.strip(), None if colon else Reason.REJECTED)
        return None if found is None else Fate(OutcomeKind.PERMANENT, found)
    return Fate(_KINDS[kind]) if kind in _KINDS and not colon else None
