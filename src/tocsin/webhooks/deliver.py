"""Pushes the waiting rows of one endpoint: reads ahead, posts up to 8 at once, judges the answers.

A Lane serves one endpoint while this process holds its lease. Two things run in it: a feeder, which alone reads the
database (rows in the order of seq; small ones become one), and posters, which alone talk to the endpoint: no poster
waits for the database between an answer and the next post. Rows wait in the outbox, not here: about 16 bodies are in
hand. What became of a push goes to the Settler. It must not push without a lease, nor anything twice while the lease
holds, nor change the rows or the id of what was tried. What failures mean is decided in health.py and rules.py.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import NamedTuple

from tocsin.kit import clock
from tocsin.kit.db import LOST, Statement
from tocsin.kit.egress import Egress
from tocsin.kit.metrics import DATABASE_LOSSES, LOOP_ERRORS, PUSHES
from tocsin.webhooks import rows, rules, store
from tocsin.webhooks.endpoints import Endpoints
from tocsin.webhooks.health import Consequence, Failure, Health
from tocsin.webhooks.merge import Unit, plan_merge
from tocsin.webhooks.model import Attempt, Endpoint, Push, Verdict
from tocsin.webhooks.post import NOT_TOLD, Keys, Result, Told, describe, post
from tocsin.webhooks.reader import Reader
from tocsin.webhooks.room import Room
from tocsin.webhooks.settle import Settler
from tocsin.webhooks.shelf import Shelf

_LOG = logging.getLogger("tocsin.push")

IN_FLIGHT = 8
_IDLE_S = 3.0
_LOOK_S = 1.0
_AFTER_LOSS_S = 0.5
_TELL_S = 1.0  # of pushes that were taken, one of so many seconds is kept with request and answer


class Tools(NamedTuple):
    """What all lanes of a pusher share."""

    endpoints: Endpoints
    egress: Egress
    reader: Reader
    settler: Settler
    room: Room
    keys: Keys
    first_retry_s: float
    give_up_s: float


class Lane:
    """One endpoint, served."""

    def __init__(self, endpoint: Endpoint, owner: int, tools: Tools) -> None:
        self.endpoint_id = endpoint.id
        self.lease_until = 0.0  # monotonic; kept by whoever renews leases
        self._owner = owner
        self._tools = tools
        self._url = endpoint.url
        self._together = endpoint.kind != "uplink"
        self._health = Health(tools.first_retry_s, endpoint.failing_since)
        self._shelf = Shelf(tools.first_retry_s)
        if self._health.down:
            self._shelf.tried_upto = -1
        self._posters: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._tell_at = 0.0

    def wake(self) -> None:
        """There may be new rows."""
        self._shelf.news = True
        self._wake.set()

    def stop(self) -> None:
        """Post nothing more; run() ends when what is in flight has ended and is written down."""
        self._stopping = True
        self._shelf.put_down()
        self._wake.set()

    def abort(self) -> None:
        """Do not wait for answers: what is in flight is pushed again by whoever comes next."""
        for task in self._posters:
            task.cancel()

    async def run(self) -> None:
        """Serve until there is nothing left for a while, the endpoint is paused or gone, or stop()."""
        while not self._stopping and self._is_served() and not self._is_idle():
            await self._round()
        self.stop()
        while self._posters or self._shelf.has_unsettled():
            self._wake.clear()
            await self._wake.wait()

    async def _round(self) -> None:
        self._wake.clear()
        now = clock.monotonic_s()
        try:
            if now < self.lease_until and now >= self._next_read_at():
                await self._feed(now)
        except LOST as error:
            DATABASE_LOSSES.labels("push").inc()
            _LOG.warning("waiting rows cannot be read: %s", error)
            self._shelf.delay_reads(clock.monotonic_s() + _AFTER_LOSS_S)
        except Exception:  # noqa: BLE001  edge of the loop: one endpoint's fault must not end the serving of it
            LOOP_ERRORS.labels("push").inc()
            _LOG.exception("endpoint %d cannot be served now", self.endpoint_id)
            self._shelf.delay_reads(clock.monotonic_s() + _AFTER_LOSS_S)
        self._start_posters()
        await self._pause()

    def _is_served(self) -> bool:
        endpoint = self._tools.endpoints.get(self.endpoint_id)
        if endpoint is None or endpoint.paused:
            return False
        if endpoint.url != self._url:
            # The rows follow it; what the old one did counts no more.
            self._url = endpoint.url
            self._health = Health(self._tools.first_retry_s, None)
            self.wake()
        return True

    def _is_idle(self) -> bool:
        busy = self._posters or self._health.is_failing()
        return not busy and self._shelf.is_empty_since(clock.monotonic_s(), _IDLE_S)

    def _next_read_at(self) -> float:
        health = self._health
        return max(self._shelf.next_read_at(down=health.down, probe_at=health.probe_at), health.hold_until)

    async def _pause(self) -> None:
        now = clock.monotonic_s()
        wait_s = self._next_read_at() - now if now < self.lease_until else _LOOK_S
        if self._shelf.ready and self._health.hold_until > now:
            wait_s = min(wait_s, self._health.hold_until - now)
        if wait_s <= 0.0:
            return
        try:
            async with asyncio.timeout(min(wait_s, _LOOK_S)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _feed(self, now: float) -> None:
        pushes = await (self._read_down(now) if self._health.down else self._read(now))
        pushes = await self._leave_blocked(pushes)
        units = plan_merge(pushes, together=self._together)
        fixed = await self._fix(units)
        if self._stopping:
            return
        for unit in units:
            if not unit.wants_fixing() or fixed.get(unit.push.id) == unit.push.n:
                unit.push.fixed = True
                self._shelf.put(unit.push)

    async def _read(self, now: float) -> list[Push]:
        span = self._shelf.plan_read(now, together=self._together)
        pushes = await self._tools.reader.read(self.endpoint_id, span)
        self._shelf.note_read(span, pushes, now, clock.monotonic_s())
        return pushes

    async def _read_down(self, now: float) -> list[Push]:
        """What was tried before and is due; and one new row if it is time for a probe."""
        shelf, reader, health = self._shelf, self._tools.reader, self._health
        if shelf.tried_upto < 0:
            shelf.tried_upto = await reader.tried_frontier(self.endpoint_id)
        span = shelf.plan_retries()
        pushes = await reader.read(self.endpoint_id, span)
        shelf.note_read(span, pushes, now, clock.monotonic_s())
        if now >= health.probe_at:
            health.delay_probe(now, random.random())  # noqa: S311  spread, not secrecy
            pushes += await reader.read(self.endpoint_id, shelf.plan_probe(pushes))
        return pushes

    async def _leave_blocked(self, pushes: list[Push]) -> list[Push]:
        late = [push.id for push in pushes if push.late]
        if not late:
            return pushes
        blocked = await self._tools.reader.blocked_late(late)
        self._shelf.leave(blocked, clock.monotonic_s())
        return [push for push in pushes if push.id not in blocked]

    async def _fix(self, units: list[Unit]) -> dict[int, int]:
        pairs = [(unit.push.id, member) for unit in units if unit.wants_fixing() for member in unit.members]
        return await self._tools.reader.fix(self.endpoint_id, self._owner, pairs) if pairs else {}

    def _start_posters(self) -> None:
        for _ in range(min(IN_FLIGHT - len(self._posters), len(self._shelf.ready))):
            extra = bool(self._posters)
            if extra and not self._tools.room.take():
                return
            self._posters.add(asyncio.create_task(self._post_on(extra=extra)))

    async def _post_on(self, *, extra: bool) -> None:
        try:
            while (push := self._take()) is not None:
                await self._post(push)
        except Exception:  # noqa: BLE001  edge of the loop: a fault in one push must not end the pushing to an endpoint
            LOOP_ERRORS.labels("push").inc()
            _LOG.exception("a push to endpoint %d failed within", self.endpoint_id)
            self._shelf.delay_reads(clock.monotonic_s() + _AFTER_LOSS_S)
        finally:
            if extra:
                self._tools.room.give()
            self._posters.discard(asyncio.current_task())
            self._wake.set()

    def _take(self) -> Push | None:
        now = clock.monotonic_s()
        if not self._shelf.ready or now >= self.lease_until or now < self._health.hold_until:
            return None
        push = self._shelf.ready.popleft()
        if self._shelf.is_low():
            self._wake.set()
        return push

    async def _post(self, push: Push) -> None:
        endpoint = self._tools.endpoints.get(self.endpoint_id)
        if endpoint is None or endpoint.paused:
            self._shelf.release(push.id)
            return
        try:
            self._shelf.note_tried(push)
            result = await post(self._tools.egress, endpoint, self._tools.keys, push)
            attempt, extra = self._judge(endpoint, push, result)
        except BaseException:
            self._shelf.release(push.id)  # not judged: it still waits in the outbox
            raise
        self._tools.settler.add(attempt, self._settled, extra)

    def _settled(self, push_id: int) -> None:
        self._shelf.release(push_id)
        self._wake.set()

    def _judge(self, endpoint: Endpoint, push: Push, result: Result) -> tuple[Attempt, list[Statement]]:
        took_ms = int((result.ended - result.began) * 1000)
        said = (result.wall, took_ms, result.status, result.error, result.answer)
        told = self._tell(endpoint, result)
        if rules.is_taken(result.status):
            PUSHES.labels("taken").inc()
            return Attempt(push, *said, Verdict.TAKEN, 0, (), *told), self._note_taken(push, result)
        PUSHES.labels("failed").inc()
        chance = random.random()  # noqa: S311  spread, not secrecy
        failure = Failure(
            push.id, push.n, push.attempts + 1, result.began, result.ended, result.wall, result.asked_wait_s, chance
        )
        consequence = self._health.fail(failure)
        extra = self._note_failed(endpoint, result, consequence)
        if not consequence.unwelcome:
            return Attempt(push, *said, Verdict.RETRY, int(consequence.delay_s * 1000), (), *told), extra
        self._health.forget(push.id)
        if push.n > 1:
            return Attempt(push, *said, Verdict.RETRY, 0, rows.split_rows(push.body), *told), extra
        _LOG.warning("endpoint %d cannot take push %s: set aside", self.endpoint_id, push.webhook_id)
        return Attempt(push, *said, Verdict.ASIDE, 0, (), *told), extra

    def _tell(self, endpoint: Endpoint, result: Result) -> Told:
        """Request and answer of every failed try, and of a sample of the rest."""
        if rules.is_taken(result.status):
            if result.ended < self._tell_at:
                return NOT_TOLD
            self._tell_at = result.ended + _TELL_S
        return describe(endpoint.url, result)

    def _note_taken(self, push: Push, result: Result) -> list[Statement]:
        came_back = self._health.take(push.id, result.ended)
        extra = [store.pull_forward(self.endpoint_id, self._shelf.tried_upto)] if came_back else []
        if self._health.unmark():
            extra.append(store.mark_answering(self.endpoint_id))
        if came_back:
            self.wake()
        return extra

    def _note_failed(self, endpoint: Endpoint, result: Result, consequence: Consequence) -> list[Statement]:
        health = self._health
        if health.down:
            self._shelf.put_down()
        extra = []
        if consequence.mark_since is not None:
            extra.append(store.mark_failing(endpoint, consequence.mark_since))
        since = health.failing_since
        reason = ""
        if result.status == rules.GONE:
            reason = "it answered 410 Gone"
        elif since is not None and result.wall - since >= self._tools.give_up_s:
            reason = f"no 2xx for {self._tools.give_up_s / 3600:g} h"
        if reason:
            _LOG.warning("endpoint %d is paused: %s", self.endpoint_id, reason)
            extra.append(store.pause(endpoint, reason))
            self.stop()
        return extra
