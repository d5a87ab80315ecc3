"""What waits in a lane."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Item(msgspec.Struct, frozen=True, gc=False):
    """A claimed chunk: up to 50 messages of one account."""

    id: int
    account_id: int
    priority: int
    attempt: int
    ids: list[bytes]


class Retry(msgspec.Struct, frozen=True, gc=False):
    """Messages that go to a lane again after a wait."""

    channel_id: int
    priority: int
    account_id: int
    attempt: int
    wait_s: float
    ids: list[bytes]
    batch_no: int = 0  # stopped: they wait for its end, and not for a time


class Place(NamedTuple):
    """Where an item stands in its lane's order."""

    priority: int
    account: int
    item: int


FIRST = Place(-1, 0, 0)
"""Before all items."""
