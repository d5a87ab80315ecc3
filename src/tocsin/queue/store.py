"""Statements over the lanes, the processes and the shares of rates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tocsin.kit import pgbin
from tocsin.kit.db import Queries, Session, Statement
from tocsin.queue.model import Item, Place, Retry

QUERIES = Queries(Path(__file__).with_name("queries.sql"))


NOBODY = 0
"""The owner of an item that is free, for `shrink`, `finish` and `release`."""


async def claim(
    session: Session, channel_id: int, owner: int, lease_s: float, want: tuple[int, Sequence[int], Sequence[int]]
) -> list[Item]:
    """Ready items of a channel by priority and in turn of accounts; `want` = (messages at most, accounts last served, floors)."""
    rows = await session.rows(QUERIES["claim"], (channel_id, owner, lease_s, want[0], list(want[1]), list(want[2])))
    # array_send(uuid[]): a head of 20 bytes, then 4 bytes of length before each 16.
    return [Item(r[0], r[2], r[1], r[3], [r[4][i : i + 16] for i in range(24, len(r[4]), 20)]) for r in rows]


async def renew(session: Session, owner: int, lease_s: float, held: Sequence[int]) -> None:
    """Lengthen the leases of the items in hand; free what is `owner`'s by the table alone and over its time."""
    await session.run(QUERIES["renew"], {"owner": owner, "lease": lease_s, "held": list(held)})


def finish(owner: int, items: Sequence[int]) -> Statement:
    """Items that are done leave the lane."""
    return Statement(QUERIES["finish"], (list(items), owner))


def shrink(owner: int, item: int, done: Sequence[bytes]) -> Statement:
    """An item of which only some messages are done."""
    return Statement(QUERIES["shrink"], (pgbin.uuids(done), item, owner))


def release(owner: int, items: Sequence[int]) -> Statement:
    """Items that were claimed and not sent go back."""
    return Statement(QUERIES["release"], (list(items), owner))


def add(retries: Sequence[Retry]) -> Statement:
    """Items that wait for their time."""
    return Statement(QUERIES["add"], (_word(retries),))


def hold(retries: Sequence[Retry]) -> Statement:
    """Items that wait until their batch is no longer stopped; free at once where it is not."""
    return Statement(QUERIES["hold"], (_word(retries),))


def _word(retries: Sequence[Retry]) -> str:
    rows = [
        [r.channel_id, r.priority, r.account_id, r.attempt, r.wait_s, [i.hex() for i in r.ids], r.batch_no]
        for r in retries
    ]
    return msgspec.json.encode(rows).decode()


async def promote(session: Session) -> int:
    """What waited for its time becomes ready; how many items."""
    return len(await session.rows(QUERIES["promote"]))


async def take_over(session: Session, grace_s: float) -> int:
    """Items of processes that are gone, and unseen for `grace_s`, become ready; how many."""
    return len(await session.rows(QUERIES["take_over"], {"grace": grace_s}))


async def look(session: Session, owner: int, items: Sequence[int]) -> dict[int, set[bytes]]:
    """Of these items those that are still `owner`'s, with their messages; waits for who is changing them."""
    rows = await session.rows(QUERIES["look"], (list(items), owner))
    return {row[0]: {row[1][i : i + 16] for i in range(24, len(row[1]), 20)} for row in rows}


async def share(session: Session, channel_id: int, process: int, epoch: int, rate: int) -> tuple[int, float]:
    """This process's part of the channel's rate in `epoch`, and the database's clock in epoch seconds."""
    params = {"channel": channel_id, "process": process, "epoch": epoch, "rate": rate}
    answers = await session.batch([Statement(QUERIES["share_turn"], params), Statement(QUERIES["share"], params)])
    return answers[1][0][0], answers[1][0][1]


async def forget_shares(session: Session, before_epoch: int) -> None:
    """Old epochs."""
    await session.run(QUERIES["forget_shares"], (before_epoch,))


async def database_clock(session: Session) -> float:
    """Epoch seconds on the database's clock."""
    rows = await session.rows(QUERIES["clock"])
    return float(rows[0][0])


async def lock_old(session: Session, older_s: float, after: int = 0) -> list[tuple[int, list[bytes]]]:
    """(item, its messages) behind item `after` whose first message is older than `older_s` and which nobody claimed,
    locked for this transaction; 50 at most.
    """
    rows = await session.rows(QUERIES["lock_old"], (after, older_s))
    return [(row[0], [row[1][i : i + 16] for i in range(24, len(row[1]), 20)]) for row in rows]


def drop(items: Sequence[int]) -> Statement:
    """Items that nobody will claim any more."""
    return Statement(QUERIES["drop"], (list(items),))


async def lock_ready(session: Session, channel_id: int, after: Place, age_s: float, most: int) -> list[Item]:
    """Free items of a channel behind `after`, ready for at least `age_s`, locked for this transaction; codes first."""
    params = {"channel": channel_id, **after._asdict(), "age": age_s, "limit": most}
    rows = await session.rows(QUERIES["lock_ready"], params)
    return [Item(r[0], r[2], r[1], r[3], [r[4][i : i + 16] for i in range(24, len(r[4]), 20)]) for r in rows]


def move(items: Sequence[tuple[int, int]]) -> Statement:
    """Free items to other channels' lanes: (item, channel)."""
    return Statement(QUERIES["move"], ([item for item, _ in items], [channel for _, channel in items]))


async def forget_processes(session: Session) -> None:
    """Rows of processes that are long gone."""
    await session.run(QUERIES["forget_processes"])
