"""What an SMSC's numbers and words mean here, as tables with sane defaults; and the reading of an operator's own.

Source: SMPP v3.4, 5.1.3 (command_status), 5.2.28 (message_state), appendix B (texts of receipts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tocsin.carriers.words import KINDS, REASONS, STATES, Fate
from tocsin.smpp import MessageState, Status
from tocsin.traffic import OutcomeKind, Reason

FATES: Final = {name: Fate(kind) for name, kind in KINDS.items()} | {
    name: Fate(OutcomeKind.PERMANENT, reason) for name, reason in REASONS.items()
}

_TEMPORARY: Final = (
    Status.SYSTEM_ERROR, Status.TEMPORARY_ERROR, Status.INVALID_BIND_STATUS, Status.BIND_FAILED, Status.DELIVERY_FAILURE,
    Status.UNKNOWN_ERROR, Status.SERVICE_TYPE_UNAVAILABLE,
)  # fmt: skip
STATUS_FATES: Final = {
    int(Status.OK): Fate(OutcomeKind.ACCEPTED),
    int(Status.THROTTLED): FATES["throttled"],
    int(Status.QUEUE_FULL): FATES["throttled"],
    **{int(status): FATES["temporary"] for status in _TEMPORARY},
    int(Status.INVALID_DESTINATION): FATES["number error"],
    int(Status.INVALID_EXPIRY): FATES["expired"],
}
"""What is not here is rejected: it would be so again."""

STATE_WORDS: Final = {
    "DELIVRD": Reason.SUCCESS,
    "ACCEPTD": Reason.SENDING,
    "ENROUTE": Reason.SENDING,
    "BUFFERE": Reason.SENDING,
    "EXPIRED": Reason.EXPIRED,
    "DELETED": Reason.UNDELIVERED,
    "UNDELIV": Reason.UNDELIVERED,
    "REJECTD": Reason.REJECTED,
    "UNKNOWN": Reason.UNDELIVERED,
    "SKIPPED": Reason.UNDELIVERED,
    "FAILED": Reason.UNDELIVERED,
    "DELIVER": Reason.SUCCESS,
    "ACCEPTE": Reason.SENDING,
    "REJECTE": Reason.REJECTED,
    "SUCCESS": Reason.SUCCESS,
}
"""By their first seven letters: some SMSCs write the whole word."""

STATE_NAMES: Final[dict[int, str]] = {
    MessageState.SCHEDULED: "ENROUTE",
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
    MessageState.SKIPPED: "SKIPPED",
}

ADDRESSES: Final = {"alphanumeric": (5, 0), "short": (3, 0), "international": (1, 1), "recipient": (1, 1)}
"""TON and NPI of addresses, by kind."""


def read_codes(name: str, rules: Mapping[str, str]) -> tuple[dict[int, Fate], list[str]]:
    """Fates by command_status, `0x58` or `88`; and what is wrong with the rules."""
    found: dict[int, Fate] = {}
    mistakes: list[str] = []
    for text, word in rules.items():
        try:
            status = int(text, 16 if text.lower().startswith("0x") else 10)
        except ValueError:
            mistakes.append(f"{name}: {text!r} is no command_status: write 0x58 or 88")
            continue
        if word not in FATES:
            mistakes.append(f"{name}: {word!r} is none of {', '.join(FATES)}")
        elif not 0 < status <= 0xFFFFFFFF:
            mistakes.append(f"{name}: {text!r} is no status of an error")
        else:
            found[status] = FATES[word]
    return found, mistakes


def read_states(name: str, rules: Mapping[str, str]) -> tuple[dict[str, Reason], list[str]]:
    """Ends by the word or number that a receipt says, in capitals; and what is wrong with the rules."""
    mistakes = [f"{name}: {word!r} is none of {', '.join(STATES)}" for word in rules.values() if word not in STATES]
    return {text.upper(): STATES[word] for text, word in rules.items() if word in STATES}, mistakes


def read_kinds(rules: Mapping[str, str]) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """TON and NPI by kind of address, the defaults among them; and what is wrong with the rules."""
    found = dict(ADDRESSES)
    mistakes: list[str] = []
    for kind, text in rules.items():
        ton, _, npi = text.partition("/")
        if kind not in ADDRESSES:
            mistakes.append(f"ton_npi: {kind!r} is none of {', '.join(ADDRESSES)}")
        elif not (ton.isdecimal() and npi.isdecimal() and int(ton) < 256 and int(npi) < 256):
            mistakes.append(f"ton_npi: {text!r} is no TON/NPI: write 5/0")
        else:
            found[kind] = int(ton), int(npi)
    return found, mistakes
