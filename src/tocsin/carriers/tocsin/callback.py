"""Pushes of the upstream: reports in rows, replies one by one, as the API page shows them. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from tocsin.carriers.calls import read_number, shows_token
from tocsin.carriers.model import RECEIPT, Called, Ear, Heard, StrangerError, UnreadableError
from tocsin.carriers.pointer import find_text
from tocsin.carriers.tocsin.config import TocsinConfig
from tocsin.carriers.tocsin.signature import is_signed, key_of
from tocsin.carriers.waits import read_time
from tocsin.content import Status
from tocsin.traffic import Inbound, Reason, Receipt

_ROWS_MOST = 10_000
_FIELDS_LEAST = 5
_ID_MOST = 200
_TEXT_MOST = 10_000

_OF_STATUS = {
    int(Status.SUBMITTED): Reason.SENDING,
    int(Status.SENT): Reason.SUCCESS,
    int(Status.NUMBER_ABNORMAL): Reason.NUMBER_ERROR,
    int(Status.BLACKLISTED): Reason.BLACKLISTED,
    int(Status.COUNTRY_ERROR): Reason.COUNTRY_ERROR,
    int(Status.TOO_FREQUENT): Reason.OVER_CAP,
}
_OF_PHRASE = {
    reason.end.phrase: reason
    for reason in (Reason.SEND_FAILED, Reason.REJECTED, Reason.UNDELIVERED, Reason.EXPIRED, Reason.NO_RECEIPT)
}
"""What the upstream says of a number or its carrier; what it says of our account there is nothing for our customers."""


def make_ear(config: TocsinConfig) -> Ear:
    """What reads the upstream's pushes."""
    receipt_key, reply_key = key_of(config.receipt_secret), key_of(config.reply_secret)

    def hear(called: Called, now: float) -> Heard:
        key = receipt_key if called.what == RECEIPT else reply_key
        signed = bool(key) and is_signed(called, key, now)
        shown = shows_token(called, config.callback_token)
        if not (signed or shown) or (key and not signed) or (config.callback_token and not shown):
            raise StrangerError
        document = _read_object(called.body)
        if called.what == RECEIPT:
            return Heard(_read_receipts(document, now))
        return Heard((), [_read_reply(document, now, swapped=config.swapped)])

    return hear


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableError(f"the push cannot be read: {str(error)[:150]}") from None
    if not isinstance(document, dict):
        raise UnreadableError("the push is no JSON object")
    return document


def _read_receipts(document: dict[str, Any], now: float) -> list[Receipt]:
    rows = document.get("array")
    if document.get("type") != "sms" or not isinstance(rows, list) or len(rows) > _ROWS_MOST:
        raise UnreadableError('a push of receipts has "type": "sms" and an array')
    return [_read_receipt(row, now) for row in rows]


def _read_receipt(row: Any, now: float) -> Receipt:
    if not isinstance(row, list) or len(row) < _FIELDS_LEAST:
        raise UnreadableError("a row of a push has 8 fields")
    carrier_id, status = find_text(row, "/0"), row[3]
    if not 0 < len(carrier_id) <= _ID_MOST or not carrier_id.isprintable() or not isinstance(status, int):
        raise UnreadableError("a row of a push begins with a messageId, and its fourth field is the status")
    reason = _OF_STATUS.get(status)
    if reason is None:
        reason = _OF_PHRASE.get(str(row[4]), Reason.UNDELIVERED)
    phone = read_number(find_text(row, "/1")).replace("\x00", "")
    return Receipt(carrier_id, phone, reason, read_time(find_text(row, "/2"), now))


def _read_reply(document: dict[str, Any], now: float, *, swapped: bool) -> Inbound:
    """`userNumber` and `serviceNumber` say it plainly where the upstream is a Tocsin."""
    user_field, service_field = ("fromNum", "to") if swapped else ("to", "fromNum")
    user = find_text(document, "userNumber") or find_text(document, user_field)
    service = find_text(document, "serviceNumber") or find_text(document, service_field)
    content = document.get("content")
    if not user or not isinstance(content, str):
        raise UnreadableError("a reply has the terminal user's number and a content")
    clean = content[:_TEXT_MOST].encode("utf-8", "replace").decode()
    at = read_time(find_text(document, "datetime"), now)
    return Inbound(read_number(user).replace("\x00", ""), read_number(service).replace("\x00", ""), clean, at)
