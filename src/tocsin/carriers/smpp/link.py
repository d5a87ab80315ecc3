"""The SMPP carrier's link: submissions go over whichever bind has room, answers become outcomes, deliveries go to `Arrivals`.

Every submission that went out is answered once: by its response, or UNKNOWN where none came or the session ended. What a
throttling SMSC refused goes again after a rest, before what came later, so that order is kept and nobody storms. What was not sent
when the link goes down, or does not get its turn in a while, is given back unsent. It must not decide what an end means.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

import msgspec

from tocsin.carriers.meter import Meter, Metered
from tocsin.carriers.model import ChannelFacts
from tocsin.carriers.smpp.arrivals import Arrival, Arrivals
from tocsin.carriers.smpp.bond import Bond
from tocsin.carriers.smpp.config import SmppConfig
from tocsin.carriers.smpp.mapping import Mapping, UnsayableError
from tocsin.carriers.smpp.reading import Reading, normalise_answer
from tocsin.carriers.smpp.words import STATUS_FATES, read_codes
from tocsin.carriers.words import Fate
from tocsin.kit import clock
from tocsin.smpp import Answered, Asked, Command, Ended, Event, Expired, Message
from tocsin.traffic import LinkState, Outcome, OutcomeKind, Product, Reason, Sink, Submission

_log = logging.getLogger(__name__)

_TAKE_WITHIN_S = 2.0
_GRACE_S = 1.0
_REJECTED = Fate(OutcomeKind.PERMANENT, Reason.REJECTED)
COMMANDS = {
    "trx": (Command.BIND_TRANSCEIVER,),
    "tx+rx": (Command.BIND_TRANSMITTER, Command.BIND_RECEIVER),
    "tx": (Command.BIND_TRANSMITTER,),
}


class _Try:
    """A submission in the link: its place in the order, how often it was throttled, when it went.

    `kept`: it did not go in time, but others of its message did: it is not given back, but answered.
    """

    __slots__ = ("at", "kept", "serial", "submission", "throttled")

    def __init__(self, serial: int, submission: Submission) -> None:
        self.serial = serial
        self.submission = submission
        self.throttled = 0
        self.at = 0.0
        self.kept = False


class SmppLink:
    """One talk with an SMSC for one channel, over one or several binds."""

    def __init__(self, channel: ChannelFacts, config: SmppConfig, dsn: str) -> None:  # noqa: ARG002  every carrier's
        self.whole, self.wide = config.long_text == "payload", config.long_text == "udh16"
        self._name = channel.name
        self._config = config
        self._mapping = Mapping(config)
        self._reading = Reading(config)
        self._fates = STATUS_FATES | read_codes("", config.errors)[0]
        self._serials = count()
        self._waiting: deque[_Try] = deque()
        self._again: list[_Try] = []  # throttled: before all that waits
        self._begun: dict[bytes, int] = {}  # parts under way of messages of several
        self._moved = asyncio.Event()
        self._closing = False
        self._outcomes: list[Outcome] = []
        self._wake: asyncio.TimerHandle | None = None
        self.bonds = [
            Bond(channel.name, command, config, self._on_events)
            for _ in range(config.binds) for command in COMMANDS[config.bind]
        ]  # fmt: skip
        self._arrivals = Arrivals(channel.name)
        self._meter = Meter()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, sink: Sink) -> None:
        """Begin to bind; whether that works is no matter here."""
        self._sink = sink = Metered(sink, self._meter)
        self._tasks = [asyncio.create_task(bond.run(), name=f"smpp {self._name}") for bond in self.bonds]
        self._tasks += self._arrivals.start(sink)

    def state(self) -> LinkState:
        """Binds that may send, and how they fare."""
        senders = [bond for bond in self.bonds if bond.sends]
        state = self._meter.read(sum(bond.bound for bond in senders), len(senders), len(senders) * self._config.window)
        failed = max(self.bonds, key=lambda bond: bond.error_at)
        if failed.error_at <= state.last_error_at:
            return state
        return msgspec.structs.replace(state, last_error=failed.error, last_error_at=failed.error_at)

    @property
    def is_up(self) -> bool:
        """Whether messages may go."""
        return any(bond.bound and bond.sends for bond in self.bonds)

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Submission]:
        """Send these; waits for room in the windows, for `_TAKE_WITHIN_S` at most. What is left is returned."""
        if self._closing or not self.is_up:
            return submissions
        self._meter.hand(len(submissions))
        mine = [_Try(next(self._serials), submission) for submission in self._pick_sms(submissions)]
        self._waiting.extend(mine)
        self._pump()
        self._tell()
        last = mine[-1].serial if mine else -1

        def has_turn_to_come() -> bool:
            return bool(self._waiting) and self._waiting[0].serial <= last and self.is_up and not self._closing

        await self._wait_while(has_turn_to_come, _TAKE_WITHIN_S)
        return self._take_back(mine)

    async def _wait_while(self, holds: Callable[[], bool], within_s: float) -> None:
        """Looked at again whenever something has moved."""
        until_s = clock.monotonic_s() + within_s
        while holds():
            self._moved.clear()
            try:
                async with asyncio.timeout(until_s - clock.monotonic_s()):
                    await self._moved.wait()
            except TimeoutError:
                return

    def _pick_sms(self, submissions: Sequence[Submission]) -> list[Submission]:
        """A route for another product that leads here is a mistake: it is refused."""
        other = [each for each in submissions if each.product is not Product.SMS]
        if other:
            _log.warning("channel %s carries SMS only; %d others are refused", self._name, len(other))
        for each in other:
            self._answer(_Try(next(self._serials), each), _REJECTED)
        return [each for each in submissions if each.product is Product.SMS] if other else list(submissions)

    def _take_back(self, mine: Sequence[_Try]) -> list[Submission]:
        """Those that did not go; parts of a message of which others went are kept, and answered with them."""
        first, last = mine[0].serial if mine else 0, mine[-1].serial if mine else -1
        kept: deque[_Try] = deque()
        left: list[Submission] = []
        for entry in self._waiting:
            is_mine = first <= entry.serial <= last
            if is_mine and entry.submission.message_id not in self._begun:
                left.append(entry.submission)
            else:
                entry.kept = True
                kept.append(entry)
        self._waiting = kept
        self._meter.hand(-len(left))
        if not self.is_up or self._closing:
            self._give_up()
        return left

    async def close(self) -> None:
        """Let answers under way come, store what was delivered, unbind; for about two seconds."""
        if self._closing:
            return
        self._closing = True
        self._moved.set()
        self._give_up()
        await self._wait_while(
            lambda: any(bond.stream and bond.stream.session.in_flight for bond in self.bonds), _GRACE_S
        )
        await self._arrivals.wait(_GRACE_S)
        await asyncio.gather(*(bond.unbind(_GRACE_S / 2) for bond in self.bonds))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tell()

    def _pump(self) -> None:
        """Send what has room."""
        if self._closing or not (self._again or self._waiting):
            return
        now_s, at = clock.monotonic_s(), clock.now_s()
        rests: list[float] = []
        self.bonds.append(self.bonds.pop(0))  # in turn
        for bond in self.bonds:
            if not (bond.bound and bond.sends):
                continue
            for _ in range(bond.room(now_s)):
                entry = self._next()
                if entry is None:
                    break
                self._send(bond, entry, now_s, at)
            if bond.stream is not None:
                bond.stream.flush()
            if bond.rests_until_s > now_s:
                rests.append(bond.rests_until_s)
        if rests and (self._again or self._waiting):
            self._wake_at(min(rests))
        self._moved.set()

    def _wake_at(self, at_s: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
        self._wake = asyncio.get_running_loop().call_at(at_s, self._wake_up)

    def _wake_up(self) -> None:
        self._wake = None
        self._pump()
        self._tell()

    def _next(self) -> _Try | None:
        if self._again:
            return self._again.pop(0)
        return self._waiting.popleft() if self._waiting else None

    def _send(self, bond: Bond, entry: _Try, now_s: float, at: float) -> None:
        submission = entry.submission
        assert bond.stream is not None
        try:
            body = self._mapping.write_body(submission, at)
        except UnsayableError as error:
            _log.warning("channel %s: %s", self._name, error)
            self._answer(entry, Fate(OutcomeKind.PERMANENT, Reason.SEND_FAILED))
            return
        if submission.parts > 1 and not entry.throttled:
            self._begun[submission.message_id] = self._begun.get(submission.message_id, 0) + 1
        entry.at = at
        bond.stream.session.request_body(Command.SUBMIT_SM, body, entry, now_s)

    def _on_events(self, bond: Bond, events: Sequence[Event]) -> None:
        taken, outcomes, form = 0, self._outcomes, self._config.id_format
        for event in events:
            if type(event) is Answered and not event.status:  # nearly all
                entry = event.token
                assert isinstance(entry, _Try)
                taken += 1
                s = entry.submission
                if s.parts > 1:
                    self._leave(s.message_id)
                carrier_id = event.message_id.decode("latin-1")
                if form != "text":
                    carrier_id = normalise_answer(carrier_id, form)
                outcomes.append(Outcome(s.message_id, s.attempt, s.part, OutcomeKind.ACCEPTED, entry.at, carrier_id))
            else:
                self._take_event(bond, event)
        if taken:
            bond.note_taken(taken)
        self._pump()
        self._tell()
        self._moved.set()

    def _take_event(self, bond: Bond, event: Event) -> None:
        if isinstance(event, Answered):
            assert isinstance(event.token, _Try)
            self._take_refusal(bond, event.token, event.status)
        elif isinstance(event, Expired):
            assert isinstance(event.token, _Try)
            self._answer(event.token, Fate(OutcomeKind.UNKNOWN))
        elif isinstance(event, Asked):
            assert bond.stream is not None
            said = self._reading.read(event.body, clock.now_s()) if isinstance(event.body, Message) else None
            self._arrivals.add(Arrival(bond.stream, event, said))
        elif isinstance(event, Ended) and not self.is_up:
            self._give_up()

    def _take_refusal(self, bond: Bond, entry: _Try, status: int) -> None:
        fate = self._fates.get(status, _REJECTED)
        if fate.kind is OutcomeKind.THROTTLED:
            bond.note_throttled(clock.monotonic_s())
            entry.throttled += 1
            if entry.throttled < self._config.throttled_tries and not self._closing:
                insort(self._again, entry, key=lambda each: each.serial)
                return
        self._answer(entry, fate)

    def _leave(self, message_id: bytes) -> None:
        """A part of a message of several is answered."""
        if left := self._begun.pop(message_id, 1) - 1:
            self._begun[message_id] = left

    def _answer(self, entry: _Try, fate: Fate) -> None:
        s = entry.submission
        if s.parts > 1:
            self._leave(s.message_id)
        at = entry.at or clock.now_s()
        self._outcomes.append(Outcome(s.message_id, s.attempt, s.part, fate.kind, at, None, fate.reason))

    def _give_up(self) -> None:
        """No bind is up: what was throttled was not taken; parts whose message has others under way cannot go back."""
        again, self._again = self._again, []
        for entry in again:
            self._answer(entry, Fate(OutcomeKind.THROTTLED))
        kept: deque[_Try] = deque()
        for entry in self._waiting:
            if entry.kept or entry.submission.message_id in self._begun:
                self._answer(entry, Fate(OutcomeKind.TEMPORARY))
            else:
                kept.append(entry)
        self._waiting = kept
        self._tell()
        self._moved.set()

    def _tell(self) -> None:
        if self._outcomes:
            outcomes, self._outcomes = self._outcomes, []
            self._sink.outcomes(outcomes)
