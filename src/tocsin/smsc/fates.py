"""What the last seven digits of a number do: the table of the sandbox carrier, said in SMPP (tests hold them together).

Pure and without memory.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

from tocsin.smpp import Message, MessageState, Status

MARK = b"00099"
"""The first five of the seven digits; two more name the fate."""


class When(Enum):
    """When a receipt comes."""

    USUAL = 0
    SOON = 1  # half a second after the usual time
    LATE = 2
    AFTER_TIMEOUT = 3


class Answer(Enum):
    """How a submit that was taken is answered."""

    PROMPT = 0
    AFTER_RECEIPT = 1
    CUT = 2
    NEVER = 3


class Sign(NamedTuple):
    """A receipt to come; `error` is its err: and network_error_code. `failed_last`: only the last part ends so."""

    state: MessageState = MessageState.DELIVERED
    error: int = 0
    when: When = When.USUAL
    failed_last: bool = False


class Fate(msgspec.Struct, frozen=True):
    """What happens to a number."""

    says: str
    refuse: int = 0  # command_status; BLACKLISTED: the one of the options
    refuse_times: int = 0  # 0: always
    answer: Answer = Answer.PROMPT
    receipts: tuple[Sign, ...] = (Sign(),)
    reply: str = ""


BLACKLISTED = -1
UNKNOWN_SUBSCRIBER, ABSENT_SUBSCRIBER, EXPIRED = 1, 27, 99
"""err: of a number error and of what was not delivered (3GPP TS 29.002, 17.6.6), and one of ours."""

_UNDELIVERED = Sign(MessageState.UNDELIVERABLE, ABSENT_SUBSCRIBER)

FATES: dict[bytes, Fate] = {
    b"01": Fate("rejected by the carrier at submit", refuse=Status.SUBMIT_FAILED),
    b"02": Fate("number error in the receipt", receipts=(Sign(MessageState.UNDELIVERABLE, UNKNOWN_SUBSCRIBER),)),
    b"03": Fate("expired", receipts=(Sign(MessageState.EXPIRED, EXPIRED),)),
    b"04": Fate("accepted, and no receipt ever", receipts=()),
    b"05": Fate("throttled twice, then delivered", refuse=Status.THROTTLED, refuse_times=2),
    b"06": Fate("temporary failure twice, then delivered", refuse=Status.SYSTEM_ERROR, refuse_times=2),
    b"07": Fate("undelivered in the receipt", receipts=(_UNDELIVERED,)),
    b"08": Fate("the answer to the submit never comes, but its receipt does", answer=Answer.NEVER),
    b"09": Fate("delivered, the receipt comes after 30 s", receipts=(Sign(when=When.LATE),)),
    b"10": Fate("delivered, the receipt comes before the submit's answer", answer=Answer.AFTER_RECEIPT),
    b"11": Fate("delivered, the receipt comes twice", receipts=(Sign(), Sign())),
    b"12": Fate("delivered, the receipt comes after the time-out", receipts=(Sign(when=When.AFTER_TIMEOUT),)),
    b"13": Fate('delivered, and replies "I want it"', reply="I want it"),
    b"14": Fate('delivered, and replies "STOP"', reply="STOP"),
    b"15": Fate("blacklisted at the carrier", refuse=BLACKLISTED),
    b"16": Fate("the last part fails", receipts=(_UNDELIVERED._replace(failed_last=True),)),
    b"17": Fate(
        "an intermediate state first, then delivered",
        receipts=(Sign(MessageState.ENROUTE), Sign(when=When.SOON)),
    ),
    b"18": Fate("the link drops in mid-submit; the carrier has it and its receipt comes", answer=Answer.CUT),
    b"19": Fate("neither the answer to the submit nor a receipt ever comes", answer=Answer.NEVER, receipts=()),
}
USUAL = Fate("delivered")


def find_fate(message: Message) -> Fate:
    """The fate that the number chose; else USUAL."""
    number = message.destination
    return FATES.get(number[-2:], USUAL) if number[-7:-2] == MARK else USUAL
