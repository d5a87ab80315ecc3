"""What waits for a channel that cannot carry it goes to the next channel of its route: whole chunks where they go together.

One page is one transaction: an item is in one lane or in another, whatever is killed. A message stays where a carrier may
have a part of it, where its request named the channel, and where its route has no other channel that is fit. Attempt and
order are kept; the price was fixed at accept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tocsin import queue
from tocsin.kit.db import Session, Statement
from tocsin.messaging import store
from tocsin.messaging.model import Claimed
from tocsin.queue import FIRST, Item, Place, Retry

CHUNKS_MOST = 40
"""In one transaction: 2,000 messages."""

Choose = Callable[[Claimed, str], int | None]
"""The channel that a message of this sender goes to; None: it stays."""


class Page(NamedTuple):
    """What came of one page. `after`: where the next one begins; FIRST: this was the last."""

    moved: int
    after: Place


async def move_page(session: Session, channel_id: int, after: Place, age_s: float, choose: Choose) -> Page:
    """Move the next chunks of a channel's lane that are ready for at least `age_s`. Raises LOST."""
    async with session.transaction():
        items = await queue.lock_ready(session, channel_id, after, age_s, CHUNKS_MOST)
        if not items:
            return Page(0, FIRST)
        targets = await _find_targets(session, items, choose)
        if statements := _move(items, targets):
            await session.send(statements)
    end = Place(items[-1].priority, items[-1].account_id, items[-1].id)
    return Page(len(targets), end if len(items) == CHUNKS_MOST else FIRST)


async def _find_targets(session: Session, items: Sequence[Item], choose: Choose) -> dict[bytes, int]:
    """Channels by message, of those that go."""
    by_id = {message_id: item for item in items for message_id in item.ids}
    messages = []
    for row in await store.load_claimed(session, list(by_id)):
        item = by_id[row[0]]
        messages.append(Claimed(row[0], item.id, item.attempt, item.priority, *row[1:]))
    again = [message.id for message in messages if message.attempt > 1]
    handed = {row.message_id for row in await store.load_handed_parts(session, again)} if again else set()
    senders = await store.load_senders(session, {message.batch_no for message in messages})
    targets = {}
    for message in messages:
        if message.id not in handed and message.batch_no in senders:
            target = choose(message, message.find_sender(senders[message.batch_no]))
            if target is not None:
                targets[message.id] = target
    return targets


def _move(items: Sequence[Item], targets: dict[bytes, int]) -> list[Statement]:
    whole: list[tuple[int, int]] = []
    pieces: list[Retry] = []
    statements: list[Statement] = []
    for item in items:
        channels = {targets.get(message_id) for message_id in item.ids}
        if channels == {None}:
            continue
        target = next(iter(channels))
        if len(channels) == 1 and target is not None:
            whole.append((item.id, target))
            continue
        for channel_id in sorted(each for each in channels if each is not None):
            going = [message_id for message_id in item.ids if targets.get(message_id) == channel_id]
            pieces.append(Retry(channel_id, item.priority, item.account_id, item.attempt, 0.0, going))
        if None in channels:
            statements.append(queue.shrink(queue.NOBODY, item.id, [i for i in item.ids if i in targets]))
        else:
            statements.append(queue.finish(queue.NOBODY, [item.id]))
    if whole:
        statements.append(queue.move(whole))
    if pieces:
        statements.append(queue.add(pieces))
    return statements
