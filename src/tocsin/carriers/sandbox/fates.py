"""The sandbox's fates by table: the last seven digits of a number, or the local part of an address, choose what happens
to it (contract, section 9).

Pure and without memory: which attempt this is, the submission says itself.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

from tocsin.traffic import OutcomeKind, Product, ReactionKind, Reason, Submission

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
    """One receipt to come. `last` is for the last part, where it differs; `talk_s`: how long a call lasts."""

    reason: Reason
    when: When = When.USUAL
    last: Reason | None = None
    talk_s: int = 0


class Fate(msgspec.Struct, frozen=True):
    """What happens to a number. Refused submits are not kept."""

    says: str  # for the reference page
    refuse: OutcomeKind | None = None
    refuse_up_to: int = 1_000_000  # attempt
    refuse_reason: Reason = Reason.SENDING
    answer: Answer = Answer.PROMPT
    receipts: tuple[Sign, ...] = (Sign(Reason.SUCCESS),)
    reply: str = ""
    feedback: tuple[ReactionKind, ...] = ()


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

_BOUNCED = (ReactionKind.BOUNCED,)

MAIL_FATES: dict[str, Fate] = {
    "sandbox-open": Fate("delivered, and opened", feedback=(ReactionKind.OPENED,)),
    "sandbox-click": Fate(
        "delivered, opened, and a link clicked", feedback=(ReactionKind.OPENED, ReactionKind.CLICKED)
    ),
    "sandbox-bounce": Fate(
        "bounced: there is no such mailbox", receipts=(Sign(Reason.NUMBER_ERROR),), feedback=_BOUNCED
    ),
    "sandbox-softbounce": Fate(
        "bounced for now: the mailbox takes nothing",
        receipts=(Sign(Reason.UNDELIVERED),),
        feedback=_BOUNCED,
    ),
    "sandbox-complain": Fate("delivered, and complained of", feedback=(ReactionKind.COMPLAINED,)),
    "sandbox-unsubscribe": Fate("delivered, and unsubscribed from", feedback=(ReactionKind.UNSUBSCRIBED,)),
}
TALK_S = 20
"""How long an ordinary call lasts."""


def _call(talk_s: int, when: When = When.USUAL) -> tuple[Sign]:
    return (Sign(Reason.SUCCESS, when, talk_s=talk_s),)


CALLS: dict[str, Fate] = {
    "01": Fate("busy", receipts=(Sign(Reason.BUSY),)),
    "02": Fate("no answer", receipts=(Sign(Reason.NO_ANSWER),)),
    "03": Fate("rejected by the person who was called", receipts=(Sign(Reason.CALL_REJECTED),)),
    "04": Fate("number error", receipts=(Sign(Reason.NUMBER_ERROR),)),
    "05": Fate("answered, 1 s", receipts=_call(1)),
    "06": Fate("answered, 61 s: two minutes begun", receipts=_call(61)),
    "07": Fate("answered, 600 s, or hung up at the channel's longest call", receipts=_call(600)),
    "08": Fate("unreachable", receipts=(Sign(Reason.UNREACHABLE),)),
    "09": Fate("answered, its end is told after 30 s", receipts=_call(TALK_S, When.LATE)),
    "10": Fate("rejected by the carrier at submit", refuse=_PERMANENT, refuse_reason=Reason.REJECTED),
    "11": Fate("temporary failure twice, then answered", refuse=_TEMPORARY, refuse_up_to=2, receipts=_call(TALK_S)),
    "12": Fate("answered, its end is told after the time-out", receipts=_call(TALK_S, When.AFTER_TIMEOUT)),
    "13": Fate("accepted, and its end is never told", receipts=()),
    "14": Fate(
        "the link drops in mid-submit; the call is made, and its end told", answer=Answer.LOST, receipts=_call(61)
    ),
    "15": Fate("blacklisted at the carrier", refuse=_PERMANENT, refuse_reason=Reason.BLACKLISTED),
}
_ANSWERED = Fate("answered", receipts=_call(TALK_S))


def may_have_fate(submission: Submission) -> bool:
    """Whether it is worth while to look closer: asked for every part of every message."""
    phone, product = submission.phone, submission.product
    return phone[-7:-2] == MARK or (product > Product.MMS and (product in _CALLED or phone[:8].lower() == MAIL_MARK))


def find_fate(submission: Submission) -> Fate | None:
    """The fate that the number or address chose; None: delivered. Every call has one, as it has a length."""
    phone, product = submission.phone, submission.product
    if product == Product.EMAIL:
        return MAIL_FATES.get(phone.partition("@")[0].lower())
    mark = phone[-2:] if phone[-7:-2] == MARK else ""
    if product in _CALLED:
        return CALLS.get(mark, _ANSWERED)
    return FATES.get(mark)


_CALLED = frozenset({Product.VOICE_NOTICE, Product.VOICE_OTP})
