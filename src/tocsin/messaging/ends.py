"""New states of messages become rows: report, refund, roll-up, row to push. In bulk, as statements of one transaction.

Whoever finds an end (a receipt, a refusal at submit, a time-out) brings it here; nobody else writes reports. Two
processes that find an end of one message at once write the same version: the unique key lets one through, the other reads anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from tocsin.accounts import Account
from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement
from tocsin.kit.ids import uuid7_ms
from tocsin.messaging.lifecycle import follows, gives_back
from tocsin.messaging.model import End
from tocsin.messaging.store import QUERIES
from tocsin.messaging.tally import count_ends
from tocsin.traffic import Product, Reason
from tocsin.webhooks import Endpoints, ReportFacts, chunk_reports, report_row, shape
from tocsin.webhooks import statement as outbox_statement

KINDS = {
    Product.SMS: "sms", Product.MMS: "mms", Product.VOICE_NOTICE: "vos", Product.VOICE_OTP: "vos", Product.EMAIL: "mail",
}  # fmt: skip


class Memory(Protocol):
    """What keeps the memory of accounts and endpoints as new as the database (kit.reference)."""

    def stamp(self, clocks: Sequence[str]) -> int:
        """Sum of these clocks as they are known."""

    async def renew(self) -> None:
        """Read what changed. Raises LOST."""


class Books:
    """What the writing of ends must know of accounts and endpoints.

    It must not be older than the message: whoever set a URL and then sent gets the report there, however quick it comes.
    """

    CLOCKS = ("account", "account.deleted", "plan", "endpoint", "endpoint.deleted")

    def __init__(
        self, account_of: Callable[[int], Account | None], endpoints: Endpoints, memory: Memory | None = None
    ) -> None:
        self.account_of = account_of
        self.endpoints = endpoints
        self._memory = memory

    async def catch_up(self, stamp: int) -> None:
        """Be as new as the database was when it had this sum of CLOCKS. Raises LOST."""
        if self._memory is not None and stamp != self._memory.stamp(self.CLOCKS):
            await self._memory.renew()

    async def look(self, session: Session) -> None:
        """Be as new as the database is now. Raises LOST."""
        if self._memory is not None:
            rows = await session.rows(QUERIES["stamp"], (list(self.CLOCKS),))
            await self.catch_up(rows[0][0])


def write_ends(ends: Sequence[End], books: Books) -> list[Statement]:
    """The statements that make the ends true; wallets come last."""
    if not ends:
        return []
    # In one order everywhere: two processes that write the same messages wait for each other, but never crosswise.
    ends = sorted(ends, key=lambda end: end.message_id)
    backs = [_refund_of(end, books) for end in ends]
    statements = [_reports(ends, backs), _rollup(ends, backs), count_ends(ends, backs)]
    if pushes := _pushes(ends, backs, books):
        statements.append(pushes)
    if money := _money(ends, backs):
        statements.append(money)
    return statements


async def renew_ends(session: Session, ends: Sequence[End]) -> list[End]:
    """After a unique violation: of ends that were found without a look at the reports, those that may still follow."""
    rows = await session.rows(QUERIES["present_states"], (pgbin.uuids([end.message_id for end in ends]),))
    states = {row[0]: row[1:] for row in rows}
    renewed = []
    for end in ends:
        version, reason, refunded, channel_id = states.get(end.message_id, (0, 0, 0, end.booked_channel_id))
        if follows(Reason(reason), end.reason):
            facts = {"version": version + 1, "before": Reason(reason), "refunded_before": refunded}
            renewed.append(msgspec.structs.replace(end, booked_channel_id=channel_id, **facts))
    return renewed


def _refund_of(end: End, books: Books) -> int:
    """Micros of the message's price that stay returned after this end."""
    if end.reserved:  # billed by the minute: what did not begin is given back, whatever the plan says of failures
        return end.price_micros - end.price_micros // end.reserved * end.count
    account = books.account_of(end.account_id)
    charge_failed = account is None or account.charge_failed
    back = gives_back(end.reason, handed_over=end.submitted_at is not None, charge_failed=charge_failed)
    return end.price_micros if back else 0


def _reports(ends: Sequence[End], backs: Sequence[int]) -> Statement:
    return Statement(
        QUERIES["add_reports"],
        (
            pgbin.uuids([e.message_id for e in ends]),
            pgbin.int4s([e.version for e in ends]),
            pgbin.int4s([e.account_id for e in ends]),
            pgbin.int4s([e.reason.end.status for e in ends]),
            pgbin.int4s([int(e.reason) for e in ends]),
            pgbin.int8s([e.price_micros - back for e, back in zip(ends, backs, strict=True)]),
            pgbin.int8s(list(backs)),
            pgbin.int4s([e.channel_id for e in ends]),
            pgbin.times([e.submitted_at or 0.0 for e in ends]),
            pgbin.times([e.at for e in ends]),
            pgbin.int4s([e.count for e in ends]),
        ),
    )


def _rollup(ends: Sequence[End], backs: Sequence[int]) -> Statement:
    """Signed deltas in the hour of the message's accept: minus in the old state, plus in the new."""
    sums: Counter[tuple[int, int, int, int, int, int, int, int, bool]] = Counter()
    for end, back in zip(ends, backs, strict=True):
        hour = uuid7_ms(end.message_id) // 3_600_000 * 3600
        place = (end.product, end.country_id)
        old = (hour, end.account_id, end.booked_channel_id, *place, end.before.end.status)
        new = (hour, end.account_id, end.channel_id, *place, end.reason.end.status)
        sums[(*old, end.count_before, end.price_micros - end.refunded_before, _was_judged(end))] -= 1
        sums[(*new, end.count, end.price_micros - back, _is_judged(end))] += 1
    rows = [(*k[:6], n, n * k[6], n * k[7], n * k[8]) for k, n in sums.items() if n]
    return Statement(QUERIES["add_rollup"], (msgspec.json.encode(rows).decode(),))


def _is_judged(end: End) -> bool:
    """Whether the end says something of the carrier; one that was cancelled or blacklisted before it left does not."""
    if end.reason is Reason.SENDING:
        return False
    return end.submitted_at is not None or end.reason in {Reason.REJECTED, Reason.SEND_FAILED}


def _was_judged(end: End) -> bool:
    return end.before is Reason.NO_RECEIPT  # the one end that another may follow


def _pushes(ends: Sequence[End], backs: Sequence[int], books: Books) -> Statement | None:
    waiting: dict[int, list[tuple[bytes, bytes, bool]]] = {}
    for end, back in zip(ends, backs, strict=True):
        kind = KINDS[Product(end.product)]
        endpoint = books.endpoints.of(end.account_id, kind)
        if endpoint is None or end.reason is Reason.SENDING:
            continue
        account = books.account_of(end.account_id)
        facts = ReportFacts(
            end.message_id, end.phone, int(end.submitted_at or end.at), end.reason, end.batch_no, end.count, end.price_micros - back
        )  # fmt: skip
        row = report_row(facts, shape(kind, eight_fields=account is not None and account.eight_fields))
        waiting.setdefault(endpoint.id, []).append((end.message_id, row, end.before is not Reason.SENDING))
    rows = [row for endpoint_id, entries in waiting.items() for row in chunk_reports(endpoint_id, entries)]
    return outbox_statement(rows) if rows else None


def _money(ends: Sequence[End], backs: Sequence[int]) -> Statement | None:
    rows = [
        (end.account_id, end.batch_no, back - end.refunded_before, 1)
        for end, back in zip(ends, backs, strict=True)
        if back != end.refunded_before
    ]
    return Statement(QUERIES["settle"], (msgspec.json.encode(rows).decode(),)) if rows else None
