"""Scheduled sends that wait, their cancelling, and the zones that they may name. Contract, section 10."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from tocsin.accounts import Account
from tocsin.api.desk import Desk
from tocsin.api.reports import read_limit
from tocsin.api.wire import Malformed, Reply, Request, data_reply, error_reply, parse_body, text_field
from tocsin.billing import text_of
from tocsin.content import Status, zones
from tocsin.kit import clock
from tocsin.messaging import Scheduled, cancel_schedule, page_schedules
from tocsin.queue import OUTBOX
from tocsin.traffic import PRODUCT_NAMES, Product

_NAMES = {product: name for name, product in PRODUCT_NAMES.items()}
_BATCH_DIGITS = 18


async def list_zones(_desk: Desk, account: Account, _: Request) -> Reply:
    """`/api/v1/timezones`: the page's list, whole."""
    rows = [{"label": z.label, "offsetMinutes": z.offset_minutes, "places": z.places} for z in zones()]
    return data_reply({"array": rows, "next": None}, account.language)


async def list_schedules(desk: Desk, account: Account, request: Request) -> Reply:
    """`/api/v1/schedules`: what waits for its time, in the order of accepting."""
    place = _read_place(request.query.get("cursor") or None)
    limit = read_limit(request.query.get("limit") or None)
    if place is None or limit is None:
        return error_reply(Status.QUERY_ID, account.language, "cursor or limit")
    async with desk.pools.lookups.lend(account.id) as session:
        found, after = await page_schedules(session, account.id, place, limit)
    cursor = base64.urlsafe_b64encode(f"{after[0]}:{after[1]}".encode()).decode() if after else None
    return data_reply({"array": [_describe(each) for each in found], "next": cursor}, account.language)


def _describe(waiting: Scheduled) -> dict[str, Any]:
    return {
        "batchNo": str(waiting.batch_no),
        "sendTime": int(waiting.due_at),
        "timeZone": waiting.zone or "UTC+8",
        "product": _NAMES[Product(waiting.product)],
        "count": waiting.messages,
        "amount": text_of(waiting.amount_micros),
        "acceptTime": int(waiting.accepted_at),
    }


def _read_place(cursor: str | None) -> tuple[str, int] | None:
    if cursor is None:
        return "0", 0
    try:
        seen, _, batch_no = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except (ValueError, binascii.Error, UnicodeError):
        return None
    number = _read_number(batch_no)
    return (seen, number) if number is not None and _read_number(seen) is not None else None


def _read_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _BATCH_DIGITS else None


async def cancel_schedules(desk: Desk, account: Account, request: Request) -> Reply:
    """`/api/v1/schedules/cancel`: what is left of a batch ends, refunded. Raises wire.UnknownKind, LOST."""
    try:
        text = text_field(parse_body(request), request.query, "batchNo")
    except Malformed as error:
        return error_reply(Status.PLATFORM, account.language, str(error))
    batch_no = _read_number((text or "").strip())
    if batch_no is None:
        return error_reply(Status.QUERY_ID, account.language, "batchNo")
    async with desk.pools.sends.lend(account.id) as session:
        done = await cancel_schedule(session, account.id, batch_no, desk.terms, clock.now_s())
    if done is None:
        return error_reply(Status.QUERY_ID, account.language, "nothing of this batchNo waits for its time")
    desk.waker.wake(OUTBOX)
    data = {"batchNo": str(batch_no), "cancelled": done.messages, "amount": text_of(done.amount_micros)}
    return data_reply(data, account.language)
