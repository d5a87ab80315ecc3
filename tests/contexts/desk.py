"""What the tests of receipts stand on: accounts, a channel, and the spine's faces in the order in which processes call them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.poll import until
from tocsin import accounts, billing, messaging, routing, webhooks
from tocsin.accounts import Account, Directory
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.kit.ids import Ids, uuid7_ms
from tocsin.kit.reference import Reference
from tocsin.messaging import Ask, BatchNumbers, Books, Draft, Ground, Received, Verdicts
from tocsin.messaging.batchno import Span
from tocsin.queue import Item
from tocsin.traffic import Outcome, OutcomeKind, Product, Reason, Receipt, Submission
from tocsin.webhooks import Endpoints

PRICE = 100_000
FUNDS = 100 * PRICE
DAYS_S = 3 * 86400.0
TWO_PARTS, THREE_PARTS = "a" * 200, "a" * 400
CHARGING, GENTLE = accounts.DEFAULT_PLAN, "gentle"
PLANS = pytest.mark.parametrize("plan", [CHARGING, GENTLE])


OTHER = "other"
_TABLES = (
    "message", "batch", "submission", "report", "part_receipt", "lane_item", "schedule", "receipt_watch", "unmatched_receipt",
    "uplink", "uplink_part", "outbox", "rollup_delta", "rollup", "delivery_hour", "delivery_last", "breaker", "ledger", "wallet",
    "traffic_day", "ledger_day", "ledger_folded",
    "endpoint", "batch_stop", "batch_sum", "batch_delta",
)  # fmt: skip


def prepare(dsn: str) -> None:
    """The seed, a plan under which failed messages are refunded, and a second channel."""
    with psycopg.connect(dsn) as conn:
        ensure_defaults(conn)
        plan = billing.add_plan(conn, GENTLE, charge_failed=False)
        billing.import_prices(conn, [billing.PriceRule(plan, int(Product.SMS), None, "", None, PRICE)])
        first = routing.find_channel(conn, routing.SANDBOX)
        fields = {name: getattr(first, name) for name in first.__struct_fields__}
        routing.add_channel(conn, routing.Channel(**{**fields, "name": OTHER}))


class State(NamedTuple):
    """The newest report of a message."""

    version: int
    status: int
    reason: Reason
    fee: int
    late_row: bool  # a row to push says: an older one of this message may still wait


class Desk:
    """One database, the memory of one process, a session for its calls."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.conn: psycopg.Connection[TupleRow] = psycopg.connect(dsn, autocommit=True)
        self.session = Session(dsn, "desk", generic_plans=True)
        self.directory = Directory(str)
        self.endpoints = Endpoints()
        self.table = routing.Table()
        self.reference = Reference(dsn)
        self.books = Books(self.directory.by_id, self.endpoints, self.reference)
        self.ids = Ids()
        numbers = BatchNumbers()
        now_ms = clock.now_ms()
        numbers.grant({1: Span(now_ms - 90 * 86_400_000, now_ms + 3_600_000)})
        self.ground = Ground(self.table, self.ids, numbers, 172_800.0, clock.now_s)
        self.whole = False  # the link takes a long SMS as one submission
        self._carrier_ids = 0
        self._numbers = 0

    async def open(self) -> None:
        self.channel = routing.find_channel(self.conn, routing.SANDBOX).id
        self.other = routing.find_channel(self.conn, OTHER).id
        for source in (self.directory, self.table, self.endpoints):
            self.reference.add(source)
        await self.reference.load_all(self.session)

    async def close(self) -> None:
        with self.conn.transaction():
            for table in _TABLES:
                self.conn.execute(f"DELETE FROM {table}".encode())
            self.conn.execute("DELETE FROM route WHERE account_id IS NOT NULL")
            self.conn.execute("DELETE FROM account")
            routing.set_channel(self.conn, routing.SANDBOX, unknown_policy="leave")
        await self.close_quietly()

    async def close_quietly(self) -> None:
        """End its sessions; what is stored stays, in a database of the test's own."""
        await self.session.close()
        stop = asyncio.Event()
        stop.set()
        await self.reference.run(stop)
        self.conn.close()

    async def add_account(
        self, name: str = "acme", *, plan: str = accounts.DEFAULT_PLAN, kinds: Sequence[str] = ("sms",)
    ) -> Account:
        """With FUNDS, and an endpoint for each of `kinds`; known to this process."""
        with self.conn.transaction():
            account_id = accounts.create_account(self.conn, name, plan=plan)
            billing.open_wallet(self.conn, account_id)
            billing.recharge(self.conn, account_id, FUNDS)
            for kind in kinds:
                webhooks.set_endpoint(self.conn, account_id, kind, f"http://127.0.0.1/{name}/{kind}", str)
        await self.reference.renew()
        found = self.directory.by_id(account_id)
        assert found is not None
        return found

    def take_numbers(self, count: int) -> list[str]:
        self._numbers += count
        return [f"62812{3_000_000 + self._numbers - i:07d}" for i in range(count)]

    async def accept(self, account: Account, phones: Sequence[str] | int = 1, content: str = "hello") -> list[bytes]:
        """The ids of an accepted request, in the order of its numbers."""
        numbers = self.take_numbers(phones) if isinstance(phones, int) else phones
        ask = Ask(numbers=",".join(numbers), content=content, code_id="10007", action="NOTIFICATION", request_id="test")
        draft = messaging.check_send(ask, account, messaging.SMS, 1000, self.ground)
        assert isinstance(draft, Draft), draft
        await self.session.batch([messaging.accept_statement([draft])])
        return draft.ids

    async def claim(self, ids: Sequence[bytes], attempt: int = 1, channel: int | None = None) -> messaging.Work:
        """What a lane would hand to its link."""
        items = [Item(1, 1, 1, attempt, list(ids))]
        found = self.table.channel(channel or self.channel)
        assert found is not None
        return await messaging.load_work(
            self.session, items, messaging.Texts(whole=self.whole), found, self.ground.guards, clock.now_s()
        )

    async def submit(
        self,
        ids: Sequence[bytes],
        kind: OutcomeKind = OutcomeKind.ACCEPTED,
        *,
        attempt: int = 1,
        channel: int | None = None,
        timeout_s: float = DAYS_S,
        reason: Reason = Reason.SENDING,
        ago_s: float = 0.0,
        names: Sequence[str] = (),
    ) -> list[str]:
        """All parts of these messages are answered so; the carrier's ids, in order of message and part."""
        work = await self.claim(ids, attempt, channel)
        at = clock.now_s() - ago_s
        outcomes: list[Outcome] = []
        for sent in work.submissions:
            self._carrier_ids += 1
            name = names[len(outcomes)] if names else f"c{self._carrier_ids}"
            carrier_id = name if kind is OutcomeKind.ACCEPTED else None
            outcomes.append(Outcome(sent.message_id, attempt, sent.part, kind, at, carrier_id, reason))
        for entry in work.open:
            entry.answers = [outcome for outcome in outcomes if outcome.message_id == entry.message.id]
        found = self.table.channel(channel or self.channel)
        assert found is not None
        verdicts = messaging.judge(work.open, found, lambda _m, _t, _c: self.other)
        phones = {entry.message.id: entry.message.phone for entry in work.open}
        await self.write(outcomes, phones, verdicts, channel=channel, timeout_s=timeout_s)
        return [outcome.carrier_id or "" for outcome in outcomes]

    def answer(self, sent: Submission, kind: OutcomeKind) -> Outcome:
        """To one submission alone."""
        return Outcome(sent.message_id, sent.attempt, sent.part, kind, clock.now_s())

    async def write(
        self, outcomes: Sequence[Outcome], phones: dict[bytes, str], verdicts: Verdicts, *,
        channel: int | None = None, timeout_s: float = DAYS_S,
    ) -> None:  # fmt: skip
        await self.session.batch(
            messaging.record(channel or self.channel, (outcomes, phones), verdicts, self.books, timeout_s)
        )

    async def receive(self, *receipts: Receipt, channel: int | None = None, session: Session | None = None) -> Received:
        return await messaging.receive(session or self.session, channel or self.channel, receipts, self.books)

    def phone(self, message_id: bytes) -> str:
        return str(self.one("SELECT phone FROM message WHERE id = %s", message_id.hex()))

    def state(self, message_id: bytes) -> State | None:
        """None: sending, and no report at all."""
        row = self.conn.execute(
            "SELECT version, status, reason, fee_micros FROM report WHERE message_id = %s ORDER BY version DESC LIMIT 1",
            (message_id.hex(),),
        ).fetchone()
        late = self.one("SELECT bool_or(late) FROM outbox WHERE %s::uuid = ANY(ids)", message_id.hex())
        return State(row[0], row[1], Reason(row[2]), row[3], bool(late)) if row else None

    def reason(self, message_id: bytes) -> Reason | None:
        state = self.state(message_id)
        return state.reason if state else None

    def pushed(self, message_id: bytes | None = None) -> list[list[Any]]:
        """Rows that wait for the endpoints: [messageId, phone, time, status, text, batchNo, count, fee]."""
        bodies = self.conn.execute("SELECT body FROM outbox ORDER BY seq, id").fetchall()
        rows = [row for (body,) in bodies for row in json.loads(b"[" + body + b"]")]
        return [row for row in rows if message_id is None or row[0] == message_id.hex()]

    def one(self, query: str, *params: Any) -> Any:
        row = self.conn.execute(query.encode(), params).fetchone()
        return row[0] if row else None

    def count(self, table: str) -> int:
        return int(self.one(f"SELECT count(*) FROM {table}"))

    def balance(self, account: Account) -> int:
        return billing.read_wallet(self.conn, account.id).balance_micros

    async def check(self) -> None:
        """What must hold after anything: money adds up, and the roll-up says what the messages say."""
        assert billing.check(self.conn) == []
        while (await messaging.fold_rollups(self.session, routing.BreakerTerms())).deltas:
            pass
        rows = self.conn.execute(
            "SELECT (extract(epoch FROM hour))::bigint, account_id, channel_id, product, country_id, status, messages, parts,"
            " fee_micros FROM rollup WHERE (messages, parts, fee_micros) <> (0, 0, 0)"
        ).fetchall()
        assert {row[:6]: row[6:] for row in rows} == self._sum_up()
        assert self._sum_days("traffic_day", "returned_micros - charged_micros") == self._sum_days(
            "ledger", "balance_micros + gift_micros", "WHERE kind IN ('charge', 'refund', 'charge again')"
        ), "what traffic cost by product and country is what the ledger says"

    def _sum_days(self, table: str, amount: str, where: str = "") -> list[tuple[int, int]]:
        query = f"SELECT account_id, sum({amount})::bigint FROM {table} {where} GROUP BY 1 HAVING sum({amount}) <> 0 ORDER BY 1"
        return [(row[0], row[1]) for row in self.conn.execute(query.encode())]

    def _sum_up(self) -> dict[tuple[int, ...], tuple[int, int, int]]:
        sums: Counter[tuple[tuple[int, ...], int]] = Counter()
        for row in self.conn.execute(
            "SELECT uuid_send(m.id), m.account_id, coalesce(p.channel_id, m.channel_id, 0), m.product, m.country_id,"
            " coalesce(p.status, m.status), m.parts, coalesce(p.fee_micros, m.price_micros) FROM message m LEFT JOIN LATERAL"
            " (SELECT * FROM report WHERE message_id = m.id ORDER BY version DESC LIMIT 1) p ON true"
        ):
            key = (uuid7_ms(row[0]) // 3_600_000 * 3600, *row[1:6])
            for place, value in enumerate((1, row[6], row[7])):
                sums[(key, place)] += value
        keys = {key for key, _ in sums}
        return {key: (sums[(key, 0)], sums[(key, 1)], sums[(key, 2)]) for key in keys}


def receipt(carrier_id: str, reason: Reason = Reason.SUCCESS, phone: str = "", at: float | None = None) -> Receipt:
    """What a carrier says now."""
    return Receipt(carrier_id, phone, reason, clock.now_s() if at is None else at)


async def sweep(desk: Desk) -> int:
    return await messaging.match_again(desk.session, desk.books, 3600.0, clock.now_s())


async def overdue(desk: Desk) -> int:
    return await messaging.end_overdue(desk.session, desk.books, clock.now_s())


async def wait_for_lockers(desk: Desk, count: int) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    await until(lambda: desk.one(query) == count)
