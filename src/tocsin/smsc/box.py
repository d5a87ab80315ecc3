"""Receipts and replies of one system_id, until the customer has acknowledged them: sent round its receiving sessions, sent again
where they were refused or not answered, kept while none is bound.

Bounded: over `keep` the oldest that waits is dropped, and counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from tocsin.kit import clock
from tocsin.smpp import Command, Message, State, Stream
from tocsin.smsc.counts import Counts
from tocsin.smsc.later import Later
from tocsin.smsc.options import Options

_DOUBLED_MOST = 5
_RECEIVING = frozenset({State.BOUND_RX, State.BOUND_TRX})


class Delivery(msgspec.Struct, gc=False):
    """A message for the customer."""

    command: Command
    message: Message
    tries: int = 0


class Box:
    """`reserve` a place first, then `add`."""

    def __init__(self, system_id: bytes, options: Options, later: Later, counts: Counts) -> None:
        self.system_id = system_id
        self.receivers: list[Stream] = []
        self.sessions = 0
        self._options = options
        self._later = later
        self._counts = counts
        self._ready: deque[Delivery] = deque()
        self._held = 0  # not acknowledged: to come, ready, on its way
        self._loop = asyncio.get_running_loop()
        self._woken = False
        self._hanging = False
        self._turn = 0

    def reserve(self) -> bool:
        """A place for one more; False: there is none, as all that is kept is on its way or to come."""
        if self._held < self._options.keep:
            self._held += 1
            self._counts.waiting += 1
            return True
        self._counts.dropped += 1
        if not self._ready:
            return False
        self._ready.popleft()
        return True

    def release(self) -> None:
        """Give a place back."""
        self._held -= 1
        self._counts.waiting -= 1

    def add(self, delivery: Delivery) -> None:
        """Ready to be sent."""
        self._ready.append(delivery)
        self.wake()

    def settle(self, delivery: Delivery, status: int) -> None:
        """The customer's answer."""
        if status:
            self._counts.refused += 1
            self._try_again(delivery)
        else:
            self._counts.acknowledged += 1
            self.release()
        if self._ready:
            self.wake()

    def expire(self, delivery: Delivery) -> None:
        """No answer came in time."""
        self._counts.expired += 1
        self._try_again(delivery)
        self.wake()

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Their session is over, and whether they arrived is not known: they are the next to go."""
        self._ready.extendleft(reversed(deliveries))
        self.wake()

    def hang(self, *, hanging: bool) -> None:
        """Whether nothing is sent."""
        self._hanging = hanging
        self.wake()

    def wake(self) -> None:
        """Send what can be sent, at the end of this turn of the loop."""
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._pump)

    def _try_again(self, delivery: Delivery) -> None:
        pause_s = self._options.retry_after * (1 << min(delivery.tries, _DOUBLED_MOST))
        delivery.tries += 1
        self._later.put(pause_s, self.add, delivery)

    def _pump(self) -> None:
        self._woken = False
        if self._hanging or not self._ready:
            return
        free = [s for s in self.receivers if s.session.state in _RECEIVING and s.session.room > 0]
        now_s, ready = clock.monotonic_s(), self._ready
        while ready and free:
            self._turn += 1
            stream = free[self._turn % len(free)]
            delivery = ready.popleft()
            stream.session.request(delivery.command, delivery.message, delivery, now_s)
            self._counts.sent += 1
            if stream.session.room <= 0:
                free.remove(stream)
        for stream in self.receivers:
            stream.flush()
