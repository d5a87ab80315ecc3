"""Drafts made by hand, and a small bank to charge them to: for what the checks of a request would never let through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from tocsin import accounts, billing
from tocsin.api.group import Fate, Group
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.kit import clock
from tocsin.kit.ids import Ids
from tocsin.messaging import BatchNumbers, Draft
from tocsin.messaging.batchno import Span
from tocsin.traffic import Priority, Product

PRICE = 100
_ids = Ids()
_numbers = BatchNumbers()
_numbers.grant({7: Span(0, 1 << 62)})


def draft(account_id: int, count: int = 1, price: int = PRICE, **changes: Any) -> Draft:
    """A request of `count` good numbers; `changes` are attributes of the Draft."""
    made = Draft(
        account_id, 1, Product.SMS, Priority.NOTIFICATION, 10007, "", "hello", 1, None, "request",
        expires_at=clock.now_s() + 3600,
    )  # fmt: skip
    made.ids = _ids.take(count)
    made.batch_no = _numbers.take()
    made.phones = [f"62812{number:08}" for number in range(count)]
    made.countries, made.channels, made.prices = [10007] * count, [1] * count, [price] * count
    made.statuses, made.reasons = [0] * count, [0] * count
    made.good, made.amount_micros = count, count * price
    for name, value in changes.items():
        setattr(made, name, value)
    return made


WRITERS = "FROM pg_stat_activity WHERE application_name = 'tocsin accept' AND datname = current_database()"
WAITING_WRITERS = f"{WRITERS} AND wait_event_type = 'Lock'"


class Bank:
    """A database with accounts, seen from outside."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.conn: psycopg.Connection[TupleRow] = psycopg.connect(dsn, autocommit=True)
        ensure_defaults(self.conn)
        self._count = 0

    def account(self, balance: int = 0, gift: int = 0, credit: int = 0) -> int:
        self._count += 1
        account_id = accounts.create_account(self.conn, f"a{self._count}-{time.monotonic_ns()}")
        billing.open_wallet(self.conn, account_id, credit)
        if balance:
            billing.recharge(self.conn, account_id, balance)
        if gift:
            billing.give(self.conn, account_id, gift)
        return account_id

    def wallet(self, account_id: int) -> tuple[int, int]:
        """(balance, gift)."""
        found = billing.read_wallet(self.conn, account_id)
        return found.balance_micros, found.gift_micros

    def one(self, query: str, *params: Any) -> Any:
        row = self.conn.execute(query.encode(), params).fetchone()
        return row[0] if row else None

    def stored(self, drafts: Sequence[Draft]) -> list[int]:
        """How many of their rows are there: messages, batches, messages in lanes, charges."""
        numbers = [each.batch_no for each in drafts]
        ids = [i.hex() for each in drafts for i in each.ids]
        return [
            self.one("SELECT count(*) FROM message WHERE batch_no = ANY(%s::bigint[])", numbers),
            self.one("SELECT count(*) FROM batch WHERE batch_no = ANY(%s::bigint[])", numbers),
            self.one("SELECT count(*) FROM lane_item, unnest(ids) AS i WHERE i = ANY(%s::uuid[])", ids),
            self.one("SELECT count(*) FROM ledger WHERE batch_no = ANY(%s::bigint[]) AND kind = 'charge'", numbers),
        ]

    def assert_sums(self) -> None:
        assert billing.check(self.conn) == []


@asynccontextmanager
async def at_work(*groups: Group) -> AsyncIterator[None]:
    """The groups' loops run meanwhile."""
    tasks = [asyncio.create_task(group.run()) for group in groups]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for group in groups:
            await group.close()


async def accept_all(group: Group, drafts: Sequence[Draft]) -> list[Fate]:
    """All at once: together in one group, where nothing else is under way."""
    return await asyncio.gather(*(group.accept(each) for each in drafts))
