"""Queries of an account's own rows: reports, replies, balance; and the countries. Contract, section 10."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from tocsin.accounts import Account
from tocsin.api.desk import Desk
from tocsin.api.wire import Malformed, Reply, Request, data_reply, error_reply, parse_body, text_field
from tocsin.billing import text_of
from tocsin.content import Status
from tocsin.messaging import (
    KINDS,
    Span,
    Standing,
    batch_span,
    find_reports,
    page_ids,
    page_replies,
    read_balance,
    time_span,
)
from tocsin.messaging import Reply as UserReply
from tocsin.traffic import Product, Reason
from tocsin.webhooks import ReportFacts, report_row, shape, uplink_body

IDS_MOST = 200
DAYS_MOST = 31
PAGE_MOST = 1000
_PAGE = 200
PRODUCTS = {
    "sms": (Product.SMS, Product.MMS),
    "vos": (Product.VOICE_NOTICE, Product.VOICE_OTP),
    "email": (Product.EMAIL,),
}


async def query_reports(desk: Desk, account: Account, request: Request, family: str) -> Reply:
    """`/api/v1/{sms|vos|email}/report`."""
    try:
        fields = parse_body(request) if request.method == "POST" else {}
        ids, batch, start, end, cursor, limit = (
            text_field(fields, request.query, name) for name in ("ids", "batchNo", "start", "end", "cursor", "limit")
        )
    except Malformed as error:
        return error_reply(Status.PLATFORM, account.language, str(error))
    products = [int(product) for product in PRODUCTS[family]]
    if ids is not None:
        return await _by_ids(desk, account, ids, products)
    span = await _find_span(desk, account, batch, start, end)
    if isinstance(span, Reply):
        return span
    place = _read_place(cursor, limit)
    if place is None:
        return error_reply(Status.QUERY_ID, account.language, "cursor or limit")
    return await _by_span(desk, account, span, products, place)


async def _by_ids(desk: Desk, account: Account, ids: str, products: list[int]) -> Reply:
    names = [name for name in (piece.strip() for piece in ids.split(",")) if name]
    if not names or len(names) > IDS_MOST:
        return error_reply(Status.QUERY_ID, account.language, f"1 to {IDS_MOST} ids")
    keys = [key for key in (_read_id(name) for name in names) if key is not None]
    async with desk.pools.lookups.lend(account.id) as session:
        standings = await find_reports(session, account.id, keys, products)
    return data_reply(_tally(standings, len(names) - len(standings)), account.language)


def _read_id(name: str) -> bytes | None:
    try:
        raw = bytes.fromhex(name)
    except ValueError:
        return None
    return raw if len(raw) == 16 else None


async def _find_span(
    desk: Desk, account: Account, batch: str | None, start: str | None, end: str | None
) -> Span | Reply:
    if batch is not None:
        number = int(batch) if batch.isascii() and batch.isdigit() and len(batch) <= 18 else -1
        async with desk.pools.lookups.lend(account.id) as session:
            span = await batch_span(session, account.id, number)
        return span or time_span(0, 0)
    if start is None and end is None:
        return error_reply(Status.QUERY_ID, account.language, "ids, batchNo or start and end")
    times = [int(t) for t in (start, end) if t is not None and t.isascii() and t.isdigit() and len(t) == 10]
    if len(times) != 2 or not 0 <= times[1] - times[0] <= DAYS_MOST * 86400:
        return error_reply(
            Status.TIME_RANGE, account.language, f"start and end in epoch seconds, {DAYS_MOST} days at most"
        )
    return time_span(times[0], times[1])


def _read_place(cursor: str | None, limit: str | None) -> tuple[bytes, int] | None:
    """(id to go on behind, rows of the page)."""
    after = bytes(16) if cursor is None else _read_id(cursor)
    rows = read_limit(limit)
    return None if after is None or rows is None else (after, rows)


def read_limit(limit: str | None) -> int | None:
    """Rows of a page; None: no such number."""
    if limit is None:
        return _PAGE
    rows = int(limit) if limit.isascii() and limit.isdigit() and len(limit) <= len(str(PAGE_MOST)) else 0
    return rows if 0 < rows <= PAGE_MOST else None


async def _by_span(desk: Desk, account: Account, span: Span, products: list[int], place: tuple[bytes, int]) -> Reply:
    async with desk.pools.lookups.lend(account.id) as session:
        ids = await page_ids(session, account.id, span, products, (place[0], place[1] + 1))
        more = len(ids) > place[1]
        standings = await find_reports(session, account.id, ids[: place[1]], products)
    data = _tally(standings, 0)
    data["next"] = ids[place[1] - 1].hex() if more else None
    return data_reply(data, account.language)


def _tally(standings: list[Standing], missing: int) -> dict[str, Any]:
    final = [s for s in standings if s.reason is not Reason.SENDING]
    success = sum(s.reason is Reason.SUCCESS for s in final)
    sending = sum(s.reason is Reason.SENDING and s.handed_over for s in standings)
    return {
        "success": success,
        "fail": len(final) - success,
        "unsent": len(standings) - len(final) - sending,
        "sending": sending,
        "nofound": missing,
        "array": [msgspec.Raw(_row(standing)) for standing in standings],
    }


def _row(s: Standing) -> bytes:
    """The query always shows 8 fields."""
    facts = ReportFacts(s.message_id, s.phone, int(s.at), s.reason, s.batch_no, s.parts, s.fee_micros)
    return report_row(facts, shape(KINDS[Product(s.product)], eight_fields=True))


async def query_balance(desk: Desk, account: Account, _: Request) -> Reply:
    """`/api/v1/sms/balance`."""
    async with desk.pools.lookups.lend(account.id) as session:
        balance, gift, credit = await read_balance(session, account.id)
    data = {"balance": text_of(balance), "gift": text_of(gift), "credit": text_of(credit), "currency": account.currency}
    return data_reply(data, account.language)


async def list_countries(desk: Desk, account: Account, _: Request) -> Reply:
    """`/api/v1/countries`: whole, in one page."""
    rows = [
        {
            "codeId": c.code_id, "iso": c.iso, "callingCode": c.calling_code, "name": c.name, "nameZh": c.name_zh,
            "enabled": c.enabled, "templateRequired": c.template_required,
        }
        for c in desk.ground.table.countries()
    ]  # fmt: skip
    return data_reply({"array": rows, "next": None}, account.language)


async def pull_replies(desk: Desk, account: Account, request: Request) -> Reply:
    """`/api/v1/sms/uplink`: replies behind a cursor, for who has no web server."""
    place = _read_reply_place(request.query.get("cursor") or None)
    limit = read_limit(request.query.get("limit") or None)
    if place is None or limit is None:
        return error_reply(Status.QUERY_ID, account.language, "cursor or limit")
    async with desk.pools.lookups.lend(account.id) as session:
        replies = await page_replies(session, account.id, place, limit)
    rows = [msgspec.Raw(_reply_row(reply, swap=account.swap_uplink)) for reply in replies]
    last = replies[-1] if replies else None
    cursor = (
        base64.urlsafe_b64encode(f"{last.seen}:{last.id.hex()}".encode()).decode()
        if last
        else request.query.get("cursor")
    )
    return data_reply({"array": rows, "next": cursor or None}, account.language)


def _reply_row(reply: UserReply, *, swap: bool) -> bytes:
    """As it is pushed."""
    message_id = reply.message_id.hex() if reply.message_id else ""
    return uplink_body(
        reply.user_number, reply.service_number, reply.content, reply.at, message_id=message_id, swap=swap
    )


def _read_reply_place(cursor: str | None) -> tuple[str, bytes] | None:
    if cursor is None:
        return "0", bytes(16)
    try:
        seen, _, name = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except (ValueError, binascii.Error, UnicodeError):
        return None
    key = _read_id(name)
    return (seen, key) if key is not None and seen.isascii() and seen.isdigit() and len(seen) < 20 else None
