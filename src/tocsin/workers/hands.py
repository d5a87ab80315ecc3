"""What the lanes of a worker share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tocsin import queue
from tocsin.messaging import Books, Ground, Linker, NextChannel
from tocsin.workers.lease import Lease


@dataclass(slots=True)
class Hands:
    """One per worker."""

    dsn: str
    lease: Lease
    books: Books
    ground: Ground
    next_channel: NextChannel
    receipt_timeout_s: float
    waker: queue.Waker
    linker: Linker | None = None
    open_sealed: Callable[[str], str] | None = None  # of channels' settings
