"""What an SMSC delivers to a channel: read, given to the platform in bulk, and acknowledged only when it is stored.

What could not be stored is answered with a temporary error: the SMSC brings it again. A receipt that names no message is
acknowledged, since it would come for ever, and logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from tocsin.kit.db import LOST
from tocsin.smpp import Asked, Message, Status, Stream
from tocsin.traffic import Inbound, Receipt, Sink

_log = logging.getLogger(__name__)

_MOST_AT_ONCE = 1_000
_LOOPS = 2  # one gathers while the other is being stored

Told = TypeVar("Told", Receipt, Inbound)


class Arrival(NamedTuple):
    """A request of the SMSC, and what it says."""

    stream: Stream
    asked: Asked
    said: Receipt | Inbound | None


class Arrivals:
    """Of one link."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: list[Arrival] = []
        self._event = asyncio.Event()
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, arrival: Arrival) -> None:
        """It will be answered."""
        self._waiting.append(arrival)
        self._idle.clear()
        self._event.set()

    def start(self, sink: Sink) -> list[asyncio.Task[None]]:
        """The loops that hand over; cancel them to end."""
        return [asyncio.create_task(self._run(sink), name=f"{self._name} arrivals") for _ in range(_LOOPS)]

    async def wait(self, within_s: float) -> None:
        """Until all is handed over, for so long at most."""
        try:
            await asyncio.wait_for(self._idle.wait(), within_s)
        except TimeoutError:
            _log.warning("channel %s: %d deliveries are left to come again", self._name, len(self._waiting))

    async def _run(self, sink: Sink) -> None:
        while True:
            await self._event.wait()
            group, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            if not self._waiting:
                self._event.clear()
            if not group:
                continue
            self._busy += 1
            try:
                await self._hand_over(group, sink)
            finally:
                self._busy -= 1
                if not self._busy and not self._waiting:
                    self._idle.set()

    async def _hand_over(self, group: Sequence[Arrival], sink: Sink) -> None:
        receipts = [each for each in group if isinstance(each.said, Receipt)]
        replies = [each for each in group if isinstance(each.said, Inbound)]
        for each in group:
            if each.said is None:
                _log.warning("channel %s: a receipt names no message: %s", self._name, describe_request(each.asked))
                _answer([each], Status.OK)
        if receipts:
            await self._store(
                receipts, sink.receipts, [each.said for each in receipts if isinstance(each.said, Receipt)]
            )
        if replies:
            await self._store(replies, sink.inbound, [each.said for each in replies if isinstance(each.said, Inbound)])

    async def _store(
        self, group: Sequence[Arrival], store: Callable[[Sequence[Told]], Awaitable[None]], said: Sequence[Told]
    ) -> None:
        try:
            await store(said)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  the edge to the platform: the carrier is told to bring them again
            if len(group) > 1 and not isinstance(error, LOST):
                # One that cannot be stored at all keeps none of the others from it.
                for one, its in zip(group, said, strict=True):
                    await self._store([one], store, [its])
                return
            _log.warning("channel %s: %d deliveries were not stored: %s", self._name, len(group), error)
            _answer(group, Status.TEMPORARY_ERROR)
        else:
            _answer(group, Status.OK)


def describe_request(asked: Asked) -> str:
    """Of a request what helps to find it at the SMSC: never its text, which may repeat the message."""
    body = asked.body
    if not isinstance(body, Message):
        return f"sequence {asked.sequence}"
    tags = ", ".join(f"{tag:#06x} of {len(value)}" for tag, value in body.tlvs.items())
    return (
        f"sequence {asked.sequence}, esm_class {body.esm_class:#04x}, data_coding {body.data_coding:#04x},"
        f" {len(body.text)} octets of text, parameters: {tags or 'none'}"
    )


def _answer(group: Sequence[Arrival], status: Status) -> None:
    for arrival in group:
        arrival.stream.session.answer(arrival.asked, status)
        arrival.stream.flush()
