"""What statuses of HTTP mean, and the reading of an operator's own rules."""

from __future__ import annotations

from tocsin.carriers.words import KINDS, REASONS, Fate
from tocsin.traffic import OutcomeKind, Reason

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
        found = REASONS.get(reason.strip(), None if colon else Reason.REJECTED)
        return None if found is None else Fate(OutcomeKind.PERMANENT, found)
    return Fate(KINDS[kind]) if kind in KINDS and not colon else None
