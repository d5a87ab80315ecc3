"""One channel's work in one worker: claim, hand to the link; the answers go by the Hold to the Recorder.

It claims little at a time, hands over as window and rate allow, looks at the lease directly before each hand-over, and
holds no transaction while the link works. What was handed over and is not yet written down is what a kill makes us send
twice: it is bounded. It must not write (record.py does) nor decide what an answer means (messaging.submit does).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from tocsin import queue
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import LOOP_ERRORS
from tocsin.messaging import Texts, load_work
from tocsin.routing import Channel
from tocsin.traffic import Link, Outcome, OutcomeKind, Submission
from tocsin.workers.hands import Hands
from tocsin.workers.hold import Hold
from tocsin.workers.pace import Pace
from tocsin.workers.record import Recorder
from tocsin.workers.turn import Turn

log = logging.getLogger(__name__)

UNRECORDED_MOST = 250
"""Parts that may be handed over and not yet written down: at most so many are sent twice after a kill."""
CLAIM_MOST = 100
"""Messages: half of that, so that one claim is at the carrier while another is being written."""
_WHOLE_ITEM = 50
_POLL_S = 0.25
_PAUSE_S = 0.2
_CLOSE_S = 2.0


class Lane:
    """A channel in the hands of this worker."""

    def __init__(self, channel: Channel, link: Link, hands: Hands) -> None:
        self.channel = channel
        self.link = link
        self.hold = Hold()
        self.recorder = Recorder(channel, self.hold, hands)
        self.wake = asyncio.Event()
        self._hands = hands
        self._claims = Session(hands.dsn, f"lane {channel.name}", generic_plans=True)
        self._pace = None if channel.rate is None else Pace(channel.id, channel.rate, self._claims)
        self._most = min(channel.window, UNRECORDED_MOST)
        self._texts = Texts(hands.linker, whole=link.whole, wide=link.wide)
        self._turn = Turn(looks_ahead=self._pace is None and self._most >= _WHOLE_ITEM)
        self._stopping = False

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Answers from the link."""
        self.hold.answer(outcomes)

    async def run_claims(self) -> None:
        """Until `stop`; survives the database's absence."""
        while not self._stopping:
            try:
                await self._claim_once()
            except LOST:
                await asyncio.sleep(_PAUSE_S)
            except Exception:  # the edge of the loop: the next claim starts afresh
                log.exception("claim of channel %s", self.channel.name)
                LOOP_ERRORS.labels("claim").inc()
                await asyncio.sleep(_PAUSE_S)

    async def _claim_once(self) -> None:
        if self.hold.throttled:
            # The carrier wants less: the lane rests, in order, and nobody storms.
            self.hold.throttled = 0
            await asyncio.sleep(_PAUSE_S)
        lease = self._hands.lease
        self.wake.clear()
        if not lease.held or self.link.state().down:
            await self._rest()  # others, or another channel, take what waits
            return
        want = min(self._most, CLAIM_MOST)
        if self._pace is not None:
            # Not more than may go now: what a slow channel holds nobody else can send. Others claim while they wait for
            # room, so that the next messages are ready when it is there.
            want = min(await self._wait_for_room(), want)
            if want <= 0:
                return
        asked = clock.monotonic_s()
        turn = (want, self._turn.served, self._turn.floors(asked))
        items = await queue.claim(self._claims, self.channel.id, lease.owner, lease.lease_s, turn)
        if not self._turn.note(items):
            return  # there may be some below the floors
        if not items:
            await self._rest()
            return
        self.hold.claim(items)
        if not await self._hand_over(items, asked):
            await asyncio.sleep(_PAUSE_S)  # the link is down

    async def _wait_for_room(self) -> int:
        """Parts that may go now. 0: none yet; ask again."""
        self.hold.room.clear()
        room = self._most - self.hold.unrecorded
        if room <= 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.hold.room.wait(), _POLL_S)
            return 0
        if self._pace is None:
            return room
        allowed = await self._pace.room(self._hands.lease.owner)
        if allowed <= 0:
            await asyncio.sleep(self._pace.wait_s())
        return min(room, allowed)

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wake.wait(), _POLL_S)

    async def _hand_over(self, items: Sequence[queue.Item], asked: float) -> bool:
        """False: the link took none of what is left; it is put back for whoever can send it."""
        got = clock.monotonic_s()
        try:
            work = await load_work(
                self._claims,
                items,
                self._texts,
                self.channel,
                self._hands.ground.guards,
                self._hands.lease.clock.now_s(),
            )
        except Exception:
            self.hold.give_back(items)
            raise
        self.hold.take(work)
        unsent: Sequence[Submission] = work.submissions
        try:
            while unsent and not self._stopping:
                room = await self._wait_for_room()
                if not self._hands.lease.covers(asked, got):
                    log.warning(
                        "channel %s: the lease was over, or the clock wrong, before %d parts left",
                        self.channel.name,
                        len(unsent),
                    )
                    return True
                if self.link.state().down:
                    return False
                if room > 0:
                    piece, rest = unsent[:room], unsent[room:]
                    unsent = rest  # what breaks in its submit is answered there
                    left = await self._submit(piece)
                    unsent = [*left, *rest]
                    if left:
                        return False
        finally:
            if unsent:
                self.hold.put_back(unsent, clock.now_s())
        return True

    async def _submit(self, piece: Sequence[Submission]) -> Sequence[Submission]:
        """What the link did not take."""
        self.hold.hand(len(piece))
        if self._pace is not None:
            self._pace.spend(len(piece))
        try:
            left = await self.link.submit(piece)
        except Exception:  # the edge to the carrier: what it did with them is not known
            log.exception("channel %s: the link broke in a submit of %d parts", self.channel.name, len(piece))
            LOOP_ERRORS.labels("submit").inc()
            at = clock.now_s()
            self.hold.answer([Outcome(s.message_id, s.attempt, s.part, OutcomeKind.UNKNOWN, at) for s in piece])
            await asyncio.sleep(_PAUSE_S)
            return ()
        self.hold.unhand(len(left))
        return left

    async def written(self) -> None:
        """Returns when the answers that are known by now are stored."""
        await self.recorder.written()

    def stop(self) -> None:
        """Claim and hand over no more."""
        self._stopping = True
        self.wake.set()
        self.hold.room.set()

    async def drain(self, most_s: float) -> None:
        """Close the link and wait until its last answers are written. Whatever the link does, it ends."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self.link.close()
        except Exception:  # the edge to the carrier; a link that hangs (TimeoutError) included
            log.exception("the link of channel %s did not close", self.channel.name)
            LOOP_ERRORS.labels("close").inc()
        self.hold.give_up(clock.now_s())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.hold.empty.wait(), most_s)

    async def close(self) -> None:
        """End the sessions."""
        await self._claims.close()
        await self.recorder.close()
