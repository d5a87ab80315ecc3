"""A lane with real rows: accepted messages, their items, and the parts of a worker that carry them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg
from psycopg.rows import TupleRow

from tocsin import queue, routing
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.compliance import Guards
from tocsin.kit import pgbin
from tocsin.kit.db import Session
from tocsin.kit.ids import Ids
from tocsin.kit.loops import Stop
from tocsin.messaging import BatchNumbers, Books, Ground
from tocsin.queue import Item, Waker
from tocsin.routing import Channel, Table
from tocsin.traffic import LinkState, Outcome, OutcomeKind, Sink, Submission
from tocsin.webhooks import Endpoints
from tocsin.workers.hands import Hands
from tocsin.workers.lane import Lane
from tocsin.workers.lease import Lease
from tocsin.workers.receive import Intake
from tocsin.workers.submit import Running

LONG_AGO = "clock_timestamp() - interval '1 hour'"


class Bed:
    """Items of channel 1 and who claims them."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.ids = Ids()
        self.conn: psycopg.Connection[TupleRow] = psycopg.connect(dsn, autocommit=True)
        pgbin.register(self.conn)
        ensure_defaults(self.conn)
        self._batch_no = time.time_ns() // 1_000_000 * 10_000
        self._sessions: list[Session] = []

    def session(self) -> Session:
        made = Session(self.dsn, "test")
        self._sessions.append(made)
        return made

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()
        self.conn.close()

    def add(self, account_id: int, items: int, each: int = 50, priority: int = 2) -> None:
        """Items whose messages do not exist: enough for whoever only claims."""
        self.conn.execute(
            "INSERT INTO lane_item (channel_id, priority, account_id, ids)"
            " SELECT 1, %s, %s, array_agg(gen_random_uuid()) FROM generate_series(1, %s) i, generate_series(1, %s) GROUP BY i",
            (priority, account_id, items, each),
        )

    def accept(self, count: int, account_id: int = 1, parts: int = 1, priority: int = 2) -> list[bytes]:
        """Messages with all their rows, in items of 50."""
        self._batch_no += 1
        ids = self.ids.take(count)
        content = "a" * (160 if parts == 1 else 153 * parts)
        self.conn.execute(
            "INSERT INTO batch (batch_no, account_id, product, priority, country_id, content, parts, good, bad, amount_micros,"
            " first_id, last_id, expires_at) VALUES (%s, %s, 1, %s, 10007, %s, %s, %s, 0, 0, %s, %s, now() + interval '1 day')",
            (self._batch_no, account_id, priority, content, parts, count, ids[0].hex(), ids[-1].hex()),
        )
        self.conn.execute(
            "INSERT INTO message SELECT i, %s, %s, 1, '62812' || lpad(o::text, 8, '0'), 10007, 1, %s, 0, 0, 0"
            " FROM unnest(%s::uuid[]) WITH ORDINALITY AS u(i, o)",
            (account_id, self._batch_no, parts, pgbin.uuids(ids)),
        )
        for at in range(0, count, 50):
            self.conn.execute(
                "INSERT INTO lane_item (channel_id, priority, account_id, ids) VALUES (1, %s, %s, %s)",
                (priority, account_id, pgbin.uuids(ids[at : at + 50])),
            )
        return ids

    def rows(self, query: str, *params: Any) -> list[TupleRow]:
        return self.conn.execute(query.encode(), params, binary=True).fetchall()

    def one(self, query: str, *params: Any) -> Any:
        return self.rows(query, *params)[0][0]

    def waiting(self) -> int:
        """Messages in the lane, whoever has them."""
        return int(self.one("SELECT coalesce(sum(cardinality(ids)), 0)::integer FROM lane_item"))

    def owners(self) -> set[int | None]:
        return {row[0] for row in self.rows("SELECT DISTINCT owner FROM lane_item")}

    def age_leases(self) -> None:
        """All leases were over an hour ago."""
        self.conn.execute(f"UPDATE lane_item SET lease_end = {LONG_AGO} WHERE owner IS NOT NULL")

    def age_process(self, process_id: int) -> None:
        """It was not seen for an hour."""
        self.conn.execute(f"UPDATE process SET seen_at = {LONG_AGO} WHERE id = %s", (process_id,))


async def claim(session: Session, owner: int, most: int, served: Sequence[int] = (0, 0, 0)) -> list[Item]:
    """From channel 1, for a minute."""
    return await queue.claim(session, 1, owner, 60.0, (most, served, (0, 0, 0)))


def count(items: Sequence[Item]) -> int:
    return sum(len(item.ids) for item in items)


class Carrier:
    """A link that does as it is told: takes and answers, or breaks, or hangs."""

    def __init__(self, answer: OutcomeKind | None = OutcomeKind.ACCEPTED) -> None:
        self.answer = answer
        self.got: list[Submission] = []
        self.breaks = False
        self.full = asyncio.Event()  # as long as it is not set, a submit that is told to wait waits
        self.waits = False
        self.close_hangs = False
        self.closed = False
        self.binds = 1
        self.whole = self.wide = False

    def state(self) -> LinkState:
        return LinkState(self.binds, 1)

    async def open(self, sink: Sink) -> None:
        self.sink = sink

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Submission]:
        if self.breaks:
            raise RuntimeError("the link is broken")
        self.got += submissions
        if self.waits:
            await self.full.wait()
        if self.answer is not None:
            self.reply(submissions, self.answer)
        return ()

    def reply(self, submissions: Sequence[Submission], kind: OutcomeKind) -> None:
        taken = kind is OutcomeKind.ACCEPTED
        self.sink.outcomes([
            Outcome(s.message_id, s.attempt, s.part, kind, time.time(), f"{s.message_id.hex()}{s.part}" if taken else None)
            for s in submissions
        ])  # fmt: skip

    async def close(self) -> None:
        if self.close_hangs:
            await asyncio.Event().wait()
        self.closed = True


@asynccontextmanager
async def run_lane(
    bed: Bed, carrier: Carrier, lease_s: float = 15.0, guards: Guards | None = None, **channel: Any
) -> AsyncIterator[Running]:
    """The sandbox's channel in the hands of a worker, with `carrier` in the sandbox's place."""
    described = msgspec.structs.replace(routing.list_channels(bed.conn)[0], **channel)
    lease = Lease(bed.dsn, lease_s)
    await lease.renew()
    ground = Ground(Table(), Ids(), BatchNumbers(), 60.0, time.time, guards or Guards())
    books = Books(lambda _: None, Endpoints())
    hands = Hands(bed.dsn, lease, books, ground, lambda *_: 1, 60.0, Waker(bed.session()))
    running = start_running(described, carrier, hands)
    lease.held_items = lambda: list(running.lane.hold.items)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()
        await lease.leave()


def start_running(channel: Channel, carrier: Carrier, hands: Hands) -> Running:
    lane = Lane(channel, carrier, hands)
    return Running(lane, Intake(lane, hands), Stop())
