"""The carrier over SMPP under test: its other side is the shipped simulator, on the test's own loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec

from tests.conformance.cases import CHANNEL, LATE_S, NUMBERS, PATIENCE_S
from tests.conformance.sink import RecordingSink
from tests.poll import until
from tocsin.carriers import ChannelFacts, open_link
from tocsin.carriers.smpp.reading import read_header
from tocsin.kit import clock
from tocsin.smpp import UDHI, Message
from tocsin.smsc import Faults, Options, Smsc
from tocsin.smsc.journal import Journal
from tocsin.traffic import Link, LinkState, Outcome, OutcomeKind, Sink, Submission


class Notes(Journal):
    """Which (message id, part) was taken: `Stamping` wrote it into the text."""

    def __init__(self) -> None:
        super().__init__(None)
        self.is_on = True
        self.taken: Counter[tuple[bytes, int]] = Counter()

    def note(self, answered_id: bytes, who: tuple[int, str, str], at_s: float, message: Message) -> None:  # noqa: ARG002
        text = read_header(message.text)[1] if message.esm_class & UDHI else message.text
        name, _, part = text.decode().partition(" ")
        self.taken[bytes.fromhex(name), int(part)] += 1


class Stamping:
    """The link with a lane's part in it: what it gives back is handed over again, and is TEMPORARY when it closes."""

    whole = wide = False

    def __init__(self, link: Link) -> None:
        self._link = link
        self._closed = False

    async def open(self, sink: Sink) -> None:
        self._sink = sink
        await self._link.open(sink)
        await until(lambda: not self.state().down)

    def state(self) -> LinkState:
        return self._link.state()

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Submission]:
        left: Sequence[Submission] = [
            msgspec.structs.replace(each, text=f"{each.message_id.hex()} {each.part}") for each in submissions
        ]
        while left and not self._closed:
            await until(lambda: self._closed or not self.state().down)
            left = await self._link.submit(left)
        at, kind = clock.now_s(), OutcomeKind.TEMPORARY
        self._sink.outcomes([Outcome(each.message_id, each.attempt, each.part, kind, at) for each in left])
        return ()

    async def close(self) -> None:
        self._closed = True
        await self._link.close()


class SmppCase:
    """One account at a simulator."""

    behaviours = frozenset(NUMBERS)

    def __init__(self, _ground: object) -> None:
        self._notes = Notes()
        self._smsc: Smsc | None = None
        self._port = 0

    async def open(self, sink: RecordingSink, **terms: float) -> Link:
        if self._smsc is None:
            slow_s = terms.get("answer_s", 0.0)
            options = Options(
                receipt_after=terms.get("receipt_s", slow_s and slow_s + 0.05),
                late_after=LATE_S,
                retry_after=0.1,
                system_id="acme",
                password="pw",
            )
            self._smsc = Smsc(options, journal=self._notes)
            _, self._port = await self._smsc.start("127.0.0.1", 0)
        self._smsc.script.set(Faults(rate=int(terms.get("rate", 0)), answer_after=terms.get("answer_s", 0.0)))
        config = {
            "host": "127.0.0.1", "port": self._port, "system_id": "acme", "password": "pw", "window": 1000,
            "answer_s": terms.get("hang_s", PATIENCE_S), "reconnect_s": 0.01, "throttled_tries": 1, "throttled_s": 0.05,
            "errors": {"0x401": "blacklisted"}, "receipt_errors": {"001": "number error"}, "intermediate": True,
        }  # fmt: skip
        link = Stamping(open_link("smpp", ChannelFacts(CHANNEL, "under test", config), ""))
        await link.open(sink)
        return link

    def phone(self, behaviour: str) -> str:
        return NUMBERS[behaviour]

    async def taken(self) -> Counter[tuple[bytes, int]]:
        return self._notes.taken

    async def owed(self) -> int:
        assert self._smsc is not None
        return self._smsc.counts.waiting

    async def close(self) -> None:
        if self._smsc is not None:
            await self._smsc.close()
        await asyncio.sleep(0)
