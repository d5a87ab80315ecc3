"""Work that waits: lanes, leases, shares of a rate, wake-ups."""

from tocsin.queue.live import LiveChannel, forget_states, list_live, read_live, write_states
from tocsin.queue.model import Item, Retry
from tocsin.queue.rate import EPOCH_S, Bucket, Share, epoch_of, place
from tocsin.queue.registration import BEAT_S, Registration
from tocsin.queue.store import (
    add,
    claim,
    database_clock,
    drop,
    finish,
    forget_processes,
    forget_shares,
    lock_old,
    look,
    promote,
    release,
    renew,
    share,
    shrink,
    take_over,
)
from tocsin.queue.wake import LANE, OUTBOX, Listener, Waker

__all__ = [
    "BEAT_S",
    "EPOCH_S",
    "LANE",
    "OUTBOX",
    "Bucket",
    "Item",
    "Listener",
    "LiveChannel",
    "Registration",
    "Retry",
    "Share",
    "Waker",
    "add",
    "claim",
    "database_clock",
    "drop",
    "epoch_of",
    "finish",
    "forget_processes",
    "forget_shares",
    "forget_states",
    "list_live",
    "lock_old",
    "look",
    "place",
    "promote",
    "read_live",
    "release",
    "renew",
    "share",
    "shrink",
    "take_over",
    "write_states",
]
