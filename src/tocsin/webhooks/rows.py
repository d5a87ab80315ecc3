"""The JSON that a customer's server receives, byte for byte (API page, "Webhooks"; contract, section 5). Pure.

A report row is built once, when the report is written, and is stored ready; the report query answers the same rows.
Texts are never translated: clients compare them. About 1 us a row, so caches for what repeats: the second and the
fee.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache

import msgspec

from tocsin.traffic import Reason

_CHINA = timezone(timedelta(hours=8))
_EMAIL_TEXTS = {"number error": "email error"}


class ReportFacts(msgspec.Struct, frozen=True, gc=False):
    """What a report row says."""

    message_id: bytes  # 16
    phone: str  # digits with country code, or an address
    at_s: int  # epoch seconds: hand-over to the carrier; never handed over: its end
    reason: Reason
    batch_no: int
    count: int  # parts, minutes or 1
    fee_micros: int  # net


class Shape(msgspec.Struct, frozen=True):
    """How the rows of one kind and account look; made once by `shape`."""

    middles: tuple[str, ...]  # by reason: status and text, with the commas and quotes around them
    eight: bool


@lru_cache(maxsize=16)
def shape(kind: str, *, eight_fields: bool = False) -> Shape:
    """Rows of sms and mms have 8 fields; of vos and mail 6, unless the account's setting gives 8 everywhere."""
    texts = _EMAIL_TEXTS if kind == "mail" else {}
    middles = [""] * (max(Reason) + 1)
    for reason in Reason:
        status, phrase = reason.end
        middles[reason] = f'",{status},"{texts.get(phrase, phrase)}","'
    return Shape(tuple(middles), kind in {"sms", "mms"} or eight_fields)


def report_row(facts: ReportFacts, form: Shape) -> bytes:
    """One row, without a comma behind it."""
    phone = facts.phone
    if not (phone.isascii() and phone.isalnum()):
        phone = msgspec.json.encode(phone)[1:-1].decode()
    middle = form.middles[facts.reason]
    head = f'["{facts.message_id.hex()}","{phone}","{time_text(facts.at_s)}{middle}{facts.batch_no}"'
    if not form.eight:
        return (head + "]").encode()
    return f'{head},"{facts.count}","{fee_text(facts.fee_micros)}"]'.encode()


TRACKING_TYPE = "MailUserEvent"


def body(kind: str, n: int, rows: bytes) -> bytes:
    """A whole push of `n` rows that are joined by commas."""
    kind = TRACKING_TYPE if kind == "tracking" else kind
    return b'{"type":"%b","cnt":%d,"array":[%b]}' % (kind.encode(), n, rows)


@lru_cache(maxsize=1024)
def time_text(at_s: int) -> str:
    """ISO-8601 in whole seconds, +08:00."""
    return datetime.fromtimestamp(at_s, _CHINA).isoformat(timespec="seconds")


@lru_cache(maxsize=4096)
def fee_text(micros: int) -> str:
    """Decimal without trailing zeros: 100000 is "0.1", 0 is "0"."""
    whole, rest = divmod(abs(micros), 1_000_000)
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole}.{rest:06d}".rstrip("0").rstrip(".")


class EventRow(msgspec.Struct):
    """What became of an email, in the page's fields and their order; what is not known is "". time: epoch seconds."""

    mss_id: str = msgspec.field(name="mssId")
    task_name: str = msgspec.field(name="taskName")  # batchNo
    domain: str  # of the sender
    receive_email: str
    time: int
    action_type: str
    country_name: str
    city: str
    device_type: str
    device_name: str


event_row: Callable[[EventRow], bytes] = msgspec.json.Encoder().encode
"""One row, without a comma behind it."""


class _ReplyJson(msgspec.Struct):
    from_num: str = msgspec.field(name="fromNum")
    to: str
    content: str
    datetime: str
    user_number: str = msgspec.field(name="userNumber")
    service_number: str = msgspec.field(name="serviceNumber")
    message_id: str = msgspec.field(name="messageId")


def uplink_body(
    user_number: str, service_number: str, content: str, at_s: int, *, message_id: str = "", swap: bool = False
) -> bytes:
    """A terminal user's reply: `to` is the user, `fromNum` what the platform sends from ("" for a name without digits).

    `swap` turns the two round; `message_id` (hex) is the message that was answered, "" where that is not known.
    """
    service = service_number.strip().removeprefix("+")
    if not (service.isascii() and service.isdigit()):
        service = ""
    first, second = (user_number, service) if swap else (service, user_number)
    return msgspec.json.encode(_ReplyJson(first, second, content, str(at_s), user_number, service_number, message_id))


def split_rows(rows: bytes) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
    """Rows that are joined by commas, as two halves of (count, rows)."""
    each = [bytes(raw) for raw in msgspec.json.decode(b"[" + rows + b"]", type=list[msgspec.Raw])]
    half = len(each) // 2
    return (half, b",".join(each[:half])), (len(each) - half, b",".join(each[half:]))
