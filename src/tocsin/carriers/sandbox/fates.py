"""The sandbox's fates by table: the last seven digits of a number, or the local part of an address, choose what happens
to it (contract, section 9).

Pure and without memory: which attempt this is, the submission says itself.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

from tocsin.traffic import OutcomeKind, Product, Reason, Submission

MARK = "00099"
"""The first five of the seven digits; two more name the fate."""


class When(Enum):
    """When a receipt comes."""

    USUAL = 0
    SOON = 1  # half a second after the usual time
    LATE = 2  # setting late_receipt_s
    AFTER_TIMEOUT = 3  # setting after_timeout_s


class Answer(Enum):
    """How a submit that was taken is answered."""

    PROMPT = 0
    AFTER_RECEIPT = 1
    LOST = 2  # the link drops with the answer in it
    NEVER = 3


class Sign(NamedTuple):
    """One receipt to come. `last` is for the last part, where it differs."""

    reason: Reason
    when: When = When.USUAL
    last: Reason | None = None


class Fate(msgspec.Struct, frozen=True):
    """What happens to a number. Refused submits are not kept."""

    says: str  # for the reference page
    refuse: OutcomeKind | None = None
    refuse_up_to: int = 1_000_000  # attempt
    refuse_reason: Reason = Reason.SENDING
    answer: Answer = Answer.PROMPT
    receipts: tuple[Sign, ...] = (Sign(Reason.SUCCESS),)
    reply: str = ""


_PERMANENT, _TEMPORARY, _THROTTLED = OutcomeKind.PERMANENT, OutcomeKind.TEMPORARY, OutcomeKind.THROTTLED

FATES: dict[str, Fate] = {
    "01": Fate("rejected by the carrier at submit", refuse=_PERMANENT, refuse_reason=Reason.REJECTED),
    "02": Fate("number error in the receipt", receipts=(Sign(Reason.NUMBER_ERROR),)),
    "03": Fate("expired", receipts=(Sign(Reason.EXPIRED),)),
    "04": Fate("accepted, and no receipt ever", receipts=()),
    "05": Fate("throttled twice, then delivered", refuse=_THROTTLED, refuse_up_to=2),
    "06": Fate("temporary failure twice, then delivered", refuse=_TEMPORARY, refuse_up_to=2),
    "07": Fate("undelivered in the receipt", receipts=(Sign(Reason.UNDELIVERED),)),
    "08": Fate("the answer to the submit never comes, but its receipt does", answer=Answer.NEVER),
    "09": Fate("delivered, the receipt comes after 30 s", receipts=(Sign(Reason.SUCCESS, When.LATE),)),
    "10": Fate("delivered, the receipt comes before the submit's answer", answer=Answer.AFTER_RECEIPT),
    "11": Fate("delivered, the receipt comes twice", receipts=(Sign(Reason.SUCCESS), Sign(Reason.SUCCESS))),
    "12": Fate("delivered, the receipt comes after the time-out", receipts=(Sign(Reason.SUCCESS, When.AFTER_TIMEOUT),)),
    "13": Fate('delivered, and replies "I want it"', reply="I want it"),
    "14": Fate('delivered, and replies "STOP"', reply="STOP"),
    "15": Fate("blacklisted at the carrier", refuse=_PERMANENT, refuse_reason=Reason.BLACKLISTED),
    "16": Fate("the last part fails", receipts=(Sign(Reason.SUCCESS, last=Reason.UNDELIVERED),)),
    "17": Fate(
        "an intermediate state first, then delivered",
        receipts=(Sign(Reason.SENDING), Sign(Reason.SUCCESS, When.SOON)),
    ),
    "18": Fate("the link drops in mid-submit; the carrier has it and its receipt comes", answer=Answer.LOST),
    "19": Fate("neither the answer to the submit nor a receipt ever comes", answer=Answer.NEVER, receipts=()),
}


MAIL_MARK = "sandbox-"
"""How the local part of an address begins that names a fate of an email."""

MAIL_FATES: dict[str, Fate] = {
    "sandbox-open": Fate("delivered"),
    "sandbox-click": Fate("delivered"),
    "sandbox-bounce": Fate("bounced: there is no such mailbox", receipts=(Sign(Reason.NUMBER_ERROR),)),
    "sandbox-softbounce": Fate("bounced for now: the mailbox takes nothing", receipts=(Sign(Reason.UNDELIVERED),)),
    "sandbox-complain": Fate("delivered"),
    "sandbox-unsubscribe": Fate("delivered"),
}


def may_have_fate(submission: Submission) -> bool:
    """Whether it is worth while to look closer: asked for every part of every message."""
    phone = submission.phone
    return phone[-7:-2] == MARK or phone[: len(MAIL_MARK)].lower() == MAIL_MARK


def find_fate(submission: Submission) -> Fate | None:
    """The fate that the number or address chose; None: delivered."""
    phone = submission.phone
    if submission.product == Product.EMAIL:
        return MAIL_FATES.get(phone.partition("@")[0].lower())
    if phone[-7:-2] != MARK or submission.product > Product.MMS:
        return None
    return FATES.get(phone[-2:])
