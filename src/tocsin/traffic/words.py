"""The words that both sides of the product share: products, priorities, ends and their phrases.

Numbers and phrases come from the API page (status table, push examples) and from the contract, sections 2 and 5.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Product(IntEnum):
    SMS = 1
    MMS = 2
    VOICE_NOTICE = 3
    VOICE_OTP = 4
    EMAIL = 5


PRODUCT_NAMES = {
    "sms": Product.SMS,
    "mms": Product.MMS,
    "voice": Product.VOICE_NOTICE,
    "otp": Product.VOICE_OTP,
    "email": Product.EMAIL,
}


class Priority(IntEnum):
    """Order in every queue; the number is the order."""

    VERIFY = 0
    NOTIFICATION = 1
    MARKETING = 2


class OutcomeKind(IntEnum):
    """What a carrier said to a submit. UNKNOWN: it may have taken it."""

    ACCEPTED = 0
    TEMPORARY = 1
    PERMANENT = 2
    THROTTLED = 3
    UNKNOWN = 4


class End(NamedTuple):
    status: int
    phrase: str


class Reason(IntEnum):
    """Why a message is in its state. Stored; append only. `.end`: the page's status and the fixed English phrase."""

    SENDING = 0
    SUCCESS = 1
    NUMBER_ERROR = 2
    DUPLICATE = 3
    COUNTRY_ERROR = 4
    NO_ROUTE = 5
    BLACKLISTED = 6
    OVER_CAP = 7
    SPEND_STOP = 8
    SEND_FAILED = 9
    REJECTED = 10
    UNDELIVERED = 11
    EXPIRED = 12
    NO_RECEIPT = 13
    ACCOUNT_LOCKED = 14
    CANCELLED = 15
    BUSY = 16
    NO_ANSWER = 17
    CALL_REJECTED = 18
    UNREACHABLE = 19

    @property
    def end(self) -> End:
        return ENDS[self]


ENDS: dict[Reason, End] = {
    Reason.SENDING: End(0, "sending"),
    Reason.SUCCESS: End(1, "success"),
    Reason.NUMBER_ERROR: End(-9, "number error"),
    Reason.DUPLICATE: End(-9, "number error"),
    Reason.COUNTRY_ERROR: End(4, "country code error"),
    Reason.NO_ROUTE: End(3, "channel not found"),
    Reason.BLACKLISTED: End(5, "blacklist restriction"),
    Reason.OVER_CAP: End(-15, "over the cap"),
    Reason.SPEND_STOP: End(-10, "spend limit reached"),
    Reason.SEND_FAILED: End(2, "send failed"),
    Reason.REJECTED: End(2, "rejected by carrier"),
    Reason.UNDELIVERED: End(2, "undelivered"),
    Reason.EXPIRED: End(2, "expired"),
    Reason.NO_RECEIPT: End(2, "no receipt"),
    Reason.ACCOUNT_LOCKED: End(-13, "user locked"),
    Reason.CANCELLED: End(2, "cancelled"),
    Reason.BUSY: End(2, "busy"),
    Reason.NO_ANSWER: End(2, "no answer"),
    Reason.CALL_REJECTED: End(2, "call rejected"),
    Reason.UNREACHABLE: End(2, "unreachable"),
}
