"""Housekeeping of the spine's tables: roll-ups folded, partitions made ahead and dropped when nothing needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tocsin.kit import pgbin
from tocsin.kit.db import Session, drop_partition
from tocsin.kit.ids import uuid7_ms
from tocsin.messaging.batchno import SLOTS
from tocsin.messaging.model import Draft
from tocsin.messaging.store import QUERIES
from tocsin.routing import BreakerTerms, Counted, Turn, count_finals

DAYS_AHEAD = 30
_DAY_MS = 86_400_000


class Folded(NamedTuple):
    """How many deltas, and the breakers that were turned."""

    deltas: int
    turned: list[Turn]


async def fold_rollups(session: Session, terms: BreakerTerms) -> Folded:
    """Fold deltas into the hourly roll-up, and show the breakers what finals there were. In the caller's transaction."""
    ((deltas, counted),) = await session.rows(QUERIES["fold_rollups"])
    finals = msgspec.json.decode(counted, type=list[Counted])
    return Folded(int(deltas), await count_finals(session, finals, terms))


async def fold_batches(session: Session) -> int:
    """Fold what became of large batches into their sums; how many changes. In the caller's transaction."""
    return int((await session.rows(QUERIES["fold_batches"]))[0][0])


async def make_partitions(session: Session, days: int = DAYS_AHEAD) -> None:
    """All partitions from today to `days` ahead that are missing."""
    await session.run(QUERIES["make_partitions"], (days,))


async def make_partitions_of(session: Session, drafts: Sequence[Draft]) -> None:
    """Those that these drafts want, whatever day their ids are of, and tomorrow's."""
    days = {at // _DAY_MS for draft in drafts for at in _list_instants(draft)}
    await session.run(QUERIES["make_partitions_of"], (pgbin.times([day * _DAY_MS / 1000 for day in sorted(days)]),))


def _list_instants(draft: Draft) -> tuple[int, int, int]:
    return uuid7_ms(draft.ids[0]), uuid7_ms(draft.ids[-1]), draft.batch_no // SLOTS


async def keep_partitions(session: Session, keep_s: float) -> None:
    """Make those ahead; drop what is older than `keep_s` and not referred to by anything in lane, schedule, watch or
    outbox. A scheduled send counts from its time.

    The tables that wait are read only where there is something to drop.
    """
    await make_partitions(session)
    limit = (await session.rows(QUERIES["before_now"], (keep_s,)))[0][0]
    if await session.rows(QUERIES["old_partitions"], (limit,)):
        needed = (await session.rows(QUERIES["oldest_needed"], (limit,)))[0][0]
        for (name,) in await session.rows(QUERIES["old_partitions"], (needed or limit,)):
            await drop_partition(session, name)
    await session.run(QUERIES["forget_unmatched"], (limit,))
    await session.run(QUERIES["forget_replies"], (limit,))
    await session.run(QUERIES["forget_mail_events"], (limit,))
    await session.run(QUERIES["forget_event_counts"], (limit,))
    await session.run(QUERIES["forget_batches"], {"limit": limit})


async def forget_keys(session: Session, keep_s: float) -> None:
    """Idempotency keys past their time."""
    await session.run(QUERIES["forget_keys"], (keep_s,))
