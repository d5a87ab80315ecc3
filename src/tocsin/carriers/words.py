"""Words that the settings of several carriers share: what an answer comes to, what a receipt says. Tables without behaviour."""

from __future__ import annotations

from typing import Final, NamedTuple

from tocsin.traffic import Outcome, OutcomeKind, Reason

SAID: Final = {
    OutcomeKind.ACCEPTED: "the carrier took the message",
    OutcomeKind.TEMPORARY: "the carrier did not take the message, for the moment",
    OutcomeKind.PERMANENT: "the carrier refused the message",
    OutcomeKind.THROTTLED: "the carrier throttled: it wants less",
    OutcomeKind.UNKNOWN: "the message was not answered: the carrier may have it",
}


def describe_outcome(outcome: Outcome) -> str:
    """What a carrier answered, as a sentence for the operator."""
    if outcome.kind is OutcomeKind.PERMANENT:
        return f"{SAID[outcome.kind]}: {outcome.reason.end.phrase}"
    return f"{SAID[outcome.kind]}{f', its id {outcome.carrier_id}' if outcome.carrier_id else ''}"


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
