"""Words that the settings of several carriers share: what an answer comes to, what a receipt says. Tables without behaviour."""

from __future__ import annotations

from typing import Final, NamedTuple

from tocsin.traffic import OutcomeKind, Reason


class Fate(NamedTuple):
    """What an answer to a submit comes to; `reason` of PERMANENT."""

    kind: OutcomeKind
    reason: Reason = Reason.SENDING


STATES: Final = {
    "delivered": Reason.SUCCESS,
    "failed": Reason.UNDELIVERED,
    "expired": Reason.EXPIRED,
    "rejected": Reason.REJECTED,
    "number error": Reason.NUMBER_ERROR,
    "blacklisted": Reason.BLACKLISTED,
    "intermediate": Reason.SENDING,
}
KINDS: Final = {
    "temporary": OutcomeKind.TEMPORARY,
    "throttled": OutcomeKind.THROTTLED,
    "unknown": OutcomeKind.UNKNOWN,
}
"""Answers that are no end."""
REASONS: Final = {name: reason for name, reason in STATES.items() if name not in {"delivered", "intermediate"}} | {
    "undelivered": Reason.UNDELIVERED
}
"""Ends that an answer may be."""
