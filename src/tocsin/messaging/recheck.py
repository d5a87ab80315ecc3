"""MARKETING is screened once more when it leaves: it may have waited for quiet hours to end, or behind a long queue.

Whoever opted out meanwhile is sent nothing, and what would go in quiet hours waits until they end. Caps counted it when it was
accepted. Nothing is asked of the database unless a list may hold a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tocsin.compliance import Guards, Sending, screen
from tocsin.kit.db import Session
from tocsin.messaging.columns import CHUNK
from tocsin.messaging.model import Claimed, list_screened
from tocsin.queue import Retry
from tocsin.traffic import Priority


@dataclass(slots=True)
class Recheck:
    """Whose number is on a list now, and until when (epoch seconds) others wait."""

    barred: set[bytes] = field(default_factory=set)
    held: dict[bytes, float] = field(default_factory=dict)


async def recheck(
    session: Session, messages: Sequence[Claimed], senders: Mapping[int, str], guards: Guards, now_s: float
) -> Recheck:
    """Look at messages of which no carrier has anything; `senders` by batch. Raises LOST."""
    found = Recheck()
    groups: dict[tuple[int, str, int], list[Claimed]] = {}
    for message in messages:
        if message.priority == Priority.MARKETING and not guards.idle(message.account_id, message.priority):
            key = (message.account_id, message.find_sender(senders[message.batch_no]), message.product)
            groups.setdefault(key, []).append(message)
    for (account_id, sender, product), members in groups.items():
        sending = Sending(
            account_id, Priority.MARKETING, sender, list_screened(product, [each.phone for each in members]),
            [each.country_id for each in members], [each.price_micros for each in members], [0] * len(members), again=True,
        )  # fmt: skip
        screened = await screen(session, sending, guards, now_s)
        found.barred.update(members[at].id for at in screened.refused)
        found.held.update((members[at].id, until) for at, until in screened.held.items())
    return found


def put_off(messages: Sequence[Claimed], held: Mapping[bytes, float], channel_id: int, now_s: float) -> list[Retry]:
    """The same attempt of the messages that are held, later."""
    groups: dict[tuple[int, int, int, float], list[bytes]] = {}
    for message in messages:
        if message.id in held:
            key = (message.priority, message.account_id, message.attempt, held[message.id])
            groups.setdefault(key, []).append(message.id)
    return [
        Retry(channel_id, priority, account_id, attempt, until - now_s, ids[at : at + CHUNK])
        for (priority, account_id, attempt, until), ids in groups.items()
        for at in range(0, len(ids), CHUNK)
    ]


def set_aside(messages: Sequence[Claimed], channel_id: int) -> list[Retry]:
    """The same attempt of messages whose batch is stopped, when it no longer is."""
    groups: dict[tuple[int, int, int, int], list[bytes]] = {}
    for message in messages:
        key = (message.priority, message.account_id, message.attempt, message.batch_no)
        groups.setdefault(key, []).append(message.id)
    return [
        Retry(channel_id, *key[:3], wait_s=0.0, ids=ids[at : at + CHUNK], batch_no=key[3])
        for key, ids in groups.items()
        for at in range(0, len(ids), CHUNK)
    ]
