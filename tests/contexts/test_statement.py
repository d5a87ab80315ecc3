"""Statements and usage of random traffic: they sum to the micro-unit, in the month of the movement, whenever it was sent."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta

import pytest

from tests.contexts.drafts import Bank, draft
from tocsin import billing, messaging
from tocsin.billing import LedgerAsked, Pots
from tocsin.kit import clock, pgbin
from tocsin.kit.clock import UTC
from tocsin.kit.db import Session
from tocsin.messaging import Draft, accept_statement
from tocsin.messaging.ends import Books, write_ends
from tocsin.messaging.model import End
from tocsin.routing import BreakerTerms
from tocsin.traffic import Reason
from tocsin.webhooks import Endpoints

PRODUCTS, COUNTRIES = (1, 2, 5), (10001, 10007, 10042)


class Book:
    """An account that sends, and beside it what each product and country should have cost by now."""

    def __init__(self, bank: Bank, session: Session, chance: random.Random) -> None:
        self.bank, self.session, self.chance = bank, session, chance
        self.account_id = bank.account(balance=10_000_019, gift=777_777)
        self.sent: list[tuple[Draft, int]] = []  # of what is neither refunded nor delivered: its place
        self.lost: list[tuple[Draft, int]] = []  # refunded, and a receipt may still come
        self.cost: dict[tuple[int, int], int] = {}

    def send(self) -> None:
        n, price = self.chance.randint(1, 7), self.chance.randint(1, 99_991)
        made = draft(self.account_id, n, price, product=self.chance.choice(PRODUCTS))
        made.countries = [self.chance.choice(COUNTRIES) for _ in range(n)]
        statement = accept_statement([made])
        self.bank.conn.cursor(binary=True).execute(statement.query, statement.params)
        self.sent += [(made, place) for place in range(n)]
        for place in range(n):
            self.note(made, place, price)

    def note(self, made: Draft, place: int, micros: int) -> None:
        key = (made.product, made.countries[place])
        self.cost[key] = self.cost.get(key, 0) + micros

    async def refund(self) -> None:
        await self.end(self.sent, Reason.NO_RECEIPT, Reason.SENDING, -1)

    async def charge_again(self) -> None:
        """A receipt behind the time-out."""
        await self.end(self.lost, Reason.SUCCESS, Reason.NO_RECEIPT, 1)

    async def end(self, of: list[tuple[Draft, int]], reason: Reason, before: Reason, sign: int) -> None:
        ends = []
        for _ in range(min(len(of), self.chance.randint(0, 5))):
            made, place = of.pop(self.chance.randrange(len(of)))
            price = made.prices[place]
            ends.append(
                End(
                    bytes(made.ids[place]), self.account_id, made.batch_no, made.product, "62812", made.countries[place], 1, price,
                    1, 1, 1 if before is Reason.SENDING else 2, reason, before, price if sign > 0 else 0, None, clock.now_s(),
                )
            )  # fmt: skip
            self.note(made, place, sign * price)
            if sign < 0:
                self.lost.append((made, place))
        await self.session.batch(write_ends(ends, Books(lambda _: None, Endpoints())))

    def move_back(self, days: int) -> None:
        """All that happened happened `days` ago."""
        self.bank.conn.execute("UPDATE ledger SET at = at - make_interval(days => %s)", (days,))
        self.bank.conn.execute("UPDATE rollup_delta SET moved_on = moved_on - %s", (days,))

    async def fold(self) -> None:
        while (await messaging.fold_rollups(self.session, BreakerTerms())).deltas:
            pass
        await billing.fold_ledger(self.session)

    async def act(self, times: int) -> None:
        for _ in range(times):
            self.send()
            await self.refund()
            await self.charge_again()


@asynccontextmanager
async def keep(dsn: str, seed: int) -> AsyncIterator[Book]:
    bank, session = Bank(dsn), Session(dsn, "test")
    pgbin.register(bank.conn)
    yield Book(bank, session, random.Random(seed))
    await session.close()
    bank.conn.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_statements_sum_to_the_micro_unit(database: str, seed: int) -> None:
    today = clock.now().date()
    this = today.replace(day=1)
    last = (this - timedelta(days=1)).replace(day=1)
    async with keep(database, seed) as book:
        await book.act(12)
        billing.recharge(book.bank.conn, book.account_id, -3, "a correction")
        book.move_back((today - last).days)
        await book.fold()
        before = dict(book.cost)
        await book.act(6)
        await book.fold()
        await book.act(6)  # not all is folded
        billing.recharge(book.bank.conn, book.account_id, 5_000_001)
        conn = book.bank.conn
        await_fold = billing.read_statement(conn, book.account_id, this)
        assert await_fold.unassigned_micros != 0, "the sums of traffic are behind, and the statement says so"
        while (await messaging.fold_rollups(book.session, BreakerTerms())).deltas:
            pass
        older, newer = (billing.read_statement(conn, book.account_id, month) for month in (last, this))
        assert older.opening == Pots()
        assert older.closing == newer.opening
        assert newer.closing == Pots(*book.bank.wallet(book.account_id))
        for made in (older, newer):
            assert made.unassigned_micros == 0
            total = made.opening
            for pots in made.moved.values():
                total = total.plus(pots)
            assert total == made.closing
            assert made.cost_micros == sum(row.cost_micros for row in made.traffic)
            for kind, pots in made.moved.items():
                sums = (
                    f"SELECT coalesce(sum(%s), 0)::bigint FROM ledger WHERE account_id = {book.account_id} AND kind = '{kind}'"
                    f" AND at >= '{made.first}' AND at < '{made.until}'"
                )
                assert pots == Pots(
                    book.bank.one(sums.replace("%s", "balance_micros")),
                    book.bank.one(sums.replace("%s", "gift_micros")),
                )
        assert {row[1:3]: row.cost_micros for row in older.traffic if row.cost_micros} == {
            k: v for k, v in before.items() if v
        }
        both = {k: book.cost.get(k, 0) - before.get(k, 0) for k in book.cost}
        assert {row[1:3]: row.cost_micros for row in newer.traffic if row.cost_micros} == {
            k: v for k, v in both.items() if v
        }
        assert any(row.returned_micros for row in newer.traffic)
        assert newer.moved["recharge"] == Pots(5_000_001, 0)
        assert older.moved["adjustment"] == Pots(-3, 0)


async def test_usage_is_by_the_day_and_the_country(database: str) -> None:
    async with keep(database, 4) as book:
        book.send()
        book.move_back(3)
        await book.fold()
        book.send()
        await book.fold()
        today = clock.now().date()
        rows = billing.read_traffic(
            book.bank.conn, book.account_id, today - timedelta(days=9), today + timedelta(days=1)
        )
        assert {row.day for row in rows} == {today - timedelta(days=3), today}
        assert sum(row.messages for row in rows) == len(book.sent)
        assert {row[1:3] for row in rows} == set(book.cost)
        assert sum(row.cost_micros for row in rows) == sum(book.cost.values())
        assert billing.read_traffic(book.bank.conn, book.account_id, date(2020, 1, 1), date(2020, 2, 1)) == []
        assert billing.read_traffic(book.bank.conn, book.account_id + 1, date.min, date.max) == []


async def test_pages_of_the_ledger_miss_nothing_and_repeat_nothing(database: str) -> None:
    async with keep(database, 5) as book:
        conn = book.bank.conn
        for _ in range(3):
            await book.act(3)
            billing.recharge(conn, book.account_id, 5)
            book.move_back(1)
            if book.chance.random() < 0.7:
                await book.fold()
        # one that began before midnight got its id after it
        conn.execute(
            "UPDATE ledger SET at = at - interval '1 day' WHERE account_id = %s AND id = (SELECT max(id) FROM ledger)",
            (book.account_id,),
        )
        conn.execute("TRUNCATE ledger_day, ledger_folded")
        await book.fold()
        book.send()

        def walk(asked: LedgerAsked) -> list[int]:
            seen: list[int] = []
            while rows := billing.read_ledger(conn, book.account_id, asked._replace(limit=4)):
                seen += [row.id for row in rows]
                asked = asked._replace(before_day=rows[-1].at.date(), before_id=rows[-1].id)
            return seen

        everything = conn.execute(
            "SELECT id, kind, (at AT TIME ZONE 'UTC')::date FROM ledger WHERE account_id = %s ORDER BY 3 DESC, 1 DESC",
            (book.account_id,),
        ).fetchall()
        assert len(everything) > 12
        assert walk(LedgerAsked()) == [row[0] for row in everything]
        for kind in {row[1] for row in everything}:
            assert walk(LedgerAsked(kind)) == [row[0] for row in everything if row[1] == kind]
        day = everything[len(everything) // 2][2]
        since = datetime.combine(day, time.min, UTC)
        until = since + timedelta(days=1)
        assert walk(LedgerAsked(since=since, until=until)) == [row[0] for row in everything if row[2] == day]
        some = conn.execute("SELECT min(at), max(at) FROM ledger WHERE account_id = %s", (book.account_id,)).fetchone()
        assert some is not None
        inner = walk(LedgerAsked(since=some[0] + timedelta(microseconds=1), until=some[1]))
        assert inner == [
            row[0]
            for row in conn.execute(
                "SELECT id FROM ledger WHERE account_id = %s AND at > %s AND at < %s"
                " ORDER BY (at AT TIME ZONE 'UTC')::date DESC, id DESC",
                (book.account_id, *some),
            )
        ]
        assert billing.read_ledger(conn, book.account_id + 1, LedgerAsked()) == []
