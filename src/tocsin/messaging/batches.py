"""An account's batches for people: by key, newest first, each with what became of its messages. Always within one account.

A batch of many numbers has sums that are kept as things happen (tally.py); the messages of a small one are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason

NEWEST_BATCH = 10**18
"""A batch number above all others: the first page is before it."""

_LARGE = 50  # numbers; as in schema/sql/0013_batches.sql
_HANDED, _BARE, _REFUSED = -1, -2, 100  # as there
_CHUNK = 60
_CHUNKS_MOST = 4


class BatchState(StrEnum):
    """Of a batch, as people ask for it."""

    SCHEDULED = "scheduled"
    UNDER_WAY = "under-way"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class Batch(NamedTuple):
    """An accepted request. Times: epoch seconds; `due_at` None: it was not scheduled; `cancelled` None: it is not stopped."""

    batch_no: int
    accepted_at: float
    product: int
    sender: str
    content: str  # its beginning
    title: str
    parts: int
    good: int
    bad: int
    amount_micros: int
    due_at: float | None
    cancelled: bool | None
    stopped_at: float | None
    priority: int
    country_id: int
    waits: bool  # some of it is in the schedule
    request_id: str


class Sum(NamedTuple):
    """Messages of a batch to one country in one state, and what they cost. `mark`: see column reason of table batch_sum."""

    country_id: int
    mark: int
    messages: int
    fee_micros: int
    at: float

    @property
    def reason(self) -> Reason | None:
        """Why they are in their state; None: no state, but a count beside."""
        return None if self.mark < 0 else Reason(self.mark % _REFUSED)

    @property
    def is_handed(self) -> bool:
        """Whether it counts what was handed over to carriers."""
        return self.mark == _HANDED

    @property
    def is_refused(self) -> bool:
        """Whether they were never accepted."""
        return self.mark >= _REFUSED


class Progress(NamedTuple):
    """Where a batch stands. What is accepted is delivered, failed or under way; `refused` never was accepted."""

    delivered: int
    failed: int
    under_way: int
    submitted: int  # handed over to a carrier, whatever became of it
    waiting: int  # of what is under way: not handed over
    fee_micros: int  # as of now: without what was given back
    last_at: float
    sums: list[Sum]

    @property
    def ended(self) -> int:
        return self.delivered + self.failed


class BatchAsk(NamedTuple):
    """Which batches: numbers below `before` and from `low` on, of a product (0: any), in a state (None: any)."""

    before: int = NEWEST_BATCH
    low: int = 0
    product: int = 0
    state: BatchState | None = None
    limit: int = 25


class BatchRow(NamedTuple):
    """A batch, where it stands, and in which state that is."""

    batch: Batch
    progress: Progress
    state: BatchState


def page_batches(conn: Connection[TupleRow], account_id: int, ask: BatchAsk) -> tuple[list[BatchRow], int | None]:
    """Batches that fit, newest first, and before which number to go on (None: those were the last). Where few fit, a page may
    be short and still not the last: a look goes over so many batches and not further.
    """
    found: list[BatchRow] = []
    before = ask.before
    for _ in range(_CHUNKS_MOST if ask.state else 1):
        batches, after = _read_chunk(conn, account_id, ask._replace(before=before))
        for row in _describe(conn, batches):
            if ask.state is None or row.state is ask.state:
                found.append(row)
                if len(found) > ask.limit:
                    return found[:-1], found[-2].batch.batch_no
        if after is None:
            return found, None
        before = after
    return found, before


def _read_chunk(conn: Connection[TupleRow], account_id: int, ask: BatchAsk) -> tuple[list[Batch], int | None]:
    limit = max(_CHUNK, ask.limit + 1) if ask.state else ask.limit + 1
    stops = {BatchState.PAUSED, BatchState.CANCELLED, BatchState.SCHEDULED}
    params = {
        "account": account_id, "before": ask.before, "low": ask.low, "product": ask.product,
        "stop": str(ask.state) if ask.state in stops else "", "limit": limit,
    }  # fmt: skip
    batches = [Batch(*row) for row in conn.execute(QUERIES["batch_page"], params)]
    if len(batches) == limit:
        return batches, batches[-1].batch_no
    bound = conn.execute(QUERIES["batch_bound"], params).fetchone()
    return batches, bound[0] if bound else None


def find_batch(conn: Connection[TupleRow], account_id: int, batch_no: int) -> BatchRow | None:
    """One batch of the account."""
    found, _ = page_batches(conn, account_id, BatchAsk(before=batch_no + 1, low=batch_no, limit=1))
    return found[0] if found else None


def owner_of(conn: Connection[TupleRow], batch_no: int) -> int | None:
    """For the operator: the account of a batch."""
    row = conn.execute(QUERIES["batch_owner"], (batch_no,)).fetchone()
    return int(row[0]) if row else None


def read_content(conn: Connection[TupleRow], account_id: int, batch_no: int) -> str:
    """The whole content of a batch of the account; "" where it has none of that number."""
    row = conn.execute(QUERIES["batch_content"], (batch_no, account_id)).fetchone()
    return str(row[0]) if row else ""


def _describe(conn: Connection[TupleRow], batches: Sequence[Batch]) -> list[BatchRow]:
    sums = _read_sums(conn, batches)
    rows = []
    for batch in batches:
        progress = add_up(batch, sums.get(batch.batch_no, []))
        rows.append(BatchRow(batch, progress, state_of(batch, progress)))
    return rows


def _read_sums(conn: Connection[TupleRow], batches: Sequence[Batch]) -> dict[int, list[Sum]]:
    large = [batch.batch_no for batch in batches if batch.good + batch.bad > _LARGE]
    sums = _group(conn.execute(QUERIES["batch_sums"], {"batches": large})) if large else {}
    rest = [batch.batch_no for batch in batches if batch.batch_no not in sums]
    return sums | (_group(conn.execute(QUERIES["batch_counts"], (rest,))) if rest else {})


def _group(rows: Iterable[TupleRow]) -> dict[int, list[Sum]]:
    return {no: [Sum(*row[1:]) for row in found] for no, found in groupby(rows, lambda row: int(row[0]))}


def add_up(batch: Batch, sums: Sequence[Sum]) -> Progress:
    """The sums of a batch, all countries together."""

    def count(mark: int) -> int:
        return sum(each.messages for each in sums if each.mark == mark)

    delivered, under_way, submitted = count(Reason.SUCCESS), count(Reason.SENDING), count(_HANDED)
    states = [each for each in sums if 0 <= each.mark < _REFUSED]
    failed = sum(each.messages for each in states) - delivered - under_way
    waiting = min(max(batch.good - submitted - count(_BARE), 0), under_way)
    return Progress(
        delivered, failed, under_way, submitted, waiting, sum(each.fee_micros for each in states),
        max((each.at for each in sums), default=batch.accepted_at), list(sums),
    )  # fmt: skip


def state_of(batch: Batch, progress: Progress) -> BatchState:
    """What a person would call it."""
    if batch.cancelled:
        return BatchState.CANCELLED
    if not progress.under_way:
        return BatchState.DONE
    if batch.cancelled is False:
        return BatchState.PAUSED
    return BatchState.SCHEDULED if batch.waits and not progress.submitted else BatchState.UNDER_WAY
