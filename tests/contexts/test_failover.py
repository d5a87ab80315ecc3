"""What waits for a channel in trouble goes to the next one of its route: which of it, where to, in which order, all of it once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec
import pytest

from tests.contexts.lane_bed import LONG_AGO, Bed
from tocsin import queue, routing
from tocsin.kit import pgbin
from tocsin.messaging import Claimed
from tocsin.queue import Outage, Waker
from tocsin.traffic import LinkState
from tocsin.workers.failover import PAGES, REST_S, FailOver

FIRST, NEXT, LAST = 1, 2, 3
BOUND, DOWN = LinkState(1, 1), LinkState(0, 1)


class Scene:
    """Three channels; the route of every message leads to all of them."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.session = bed.session()
        self.now_s = 1000.0
        self.job = self.make_job()
        first = routing.list_channels(bed.conn)[0]
        for name in ("next", "last"):
            routing.add_channel(bed.conn, msgspec.structs.replace(first, name=name))

    def make_job(self, route: Sequence[int] = (FIRST, NEXT, LAST)) -> FailOver:
        def alternatives(_: Claimed, __: str, present: int) -> list[int]:
            return [each for each in route if each != present]

        return FailOver(alternatives, Waker(self.bed.session()), lambda: self.now_s)

    async def set(self, *down: int, since: str = LONG_AGO, process: int = 1) -> None:
        """These are down, the others are bound."""
        states = {channel: DOWN if channel in down else BOUND for channel in (FIRST, NEXT, LAST)}
        await queue.write_states(self.session, process, states)
        self.bed.conn.execute(f"UPDATE link_state SET down_since = {since} WHERE down_since IS NOT NULL")

    async def run(self) -> int:
        return await self.job.run(self.session)

    async def outage(self, channel: int = FIRST) -> Outage:
        (found,) = [each for each in await queue.read_outages(self.session) if each.channel_id == channel]
        return found

    def where(self, ids: Iterable[bytes]) -> Counter[int]:
        """How many of these messages wait for each channel."""
        rows = self.bed.rows(
            "SELECT l.channel_id FROM lane_item l, unnest(l.ids) AS i WHERE i = ANY(%s::uuid[])", pgbin.uuids(list(ids))
        )
        return Counter(row[0] for row in rows)


@pytest.fixture
async def scene(database: str) -> AsyncIterator[Scene]:
    bed = Bed(database)
    yield Scene(bed)
    await bed.close()


async def test_a_lane_that_is_down_for_long_goes_to_the_next_channel(scene: Scene) -> None:
    ids = scene.bed.accept(120)
    before = scene.bed.rows("SELECT id, attempt, ids::text FROM lane_item ORDER BY id")
    await scene.set(FIRST)
    assert await scene.run() == 120
    assert scene.where(ids) == {NEXT: 120}
    assert scene.bed.rows("SELECT id, attempt, ids::text FROM lane_item ORDER BY id") == before
    assert await scene.run() == 0


async def test_not_while_it_may_come_back_nor_while_another_process_is_bound(scene: Scene) -> None:
    ids = scene.bed.accept(10)
    await scene.set(FIRST, since="now() - interval '9 seconds'")
    assert await scene.run() == 0
    await scene.set(FIRST, since="now() - interval '11 seconds'")
    await scene.set(process=2)
    assert await scene.run() == 0
    assert not (await scene.outage()).unbound
    await scene.set(FIRST, since="now() - interval '11 seconds'", process=2)
    assert await scene.run() == 10
    assert scene.where(ids) == {NEXT: 10}


async def test_the_setting_says_how_long(scene: Scene) -> None:
    scene.bed.accept(10)
    routing.set_channel(scene.bed.conn, routing.SANDBOX, failover_after_s=7200.0)
    await scene.set(FIRST)
    assert await scene.run() == 0
    routing.set_channel(scene.bed.conn, routing.SANDBOX, failover_after_s=0.5)
    assert await scene.run() == 10


async def test_never_to_a_channel_that_is_down_or_paused_or_has_no_worker(scene: Scene) -> None:
    ids = scene.bed.accept(10)
    await scene.set(FIRST, NEXT, since="now() - interval '1 minute'")
    routing.set_channel(scene.bed.conn, "last", paused=True)
    assert await scene.run() == 0
    scene.bed.conn.execute("DELETE FROM link_state WHERE channel_id = 3")
    routing.set_channel(scene.bed.conn, "last", paused=False)
    scene.now_s += REST_S
    assert await scene.run() == 0
    await scene.set(FIRST, NEXT)
    scene.now_s += REST_S
    assert await scene.run() == 10
    assert scene.where(ids) == {LAST: 10}


async def test_where_nothing_can_go_it_is_not_looked_at_again_and_again(scene: Scene) -> None:
    ids = scene.bed.accept(10)
    await scene.set(FIRST, NEXT, LAST)
    assert await scene.run() == 0
    await scene.set(FIRST)
    assert await scene.run() == 0
    scene.now_s += REST_S
    assert await scene.run() == 10
    assert scene.where(ids) == {NEXT: 10}


async def test_a_paused_channel_keeps_what_waits(scene: Scene) -> None:
    scene.bed.accept(10)
    await scene.set(FIRST)
    routing.set_channel(scene.bed.conn, routing.SANDBOX, paused=True)
    assert await scene.run() == 0


async def test_what_named_its_channel_stays(scene: Scene) -> None:
    bed = scene.bed
    pinned, free = bed.accept(20), bed.accept(20)
    bed.conn.execute("UPDATE batch SET pinned_channel_id = 1 WHERE first_id = %s", (pinned[0].hex(),))
    await scene.set(FIRST)
    assert await scene.run() == 20
    assert scene.where(pinned) == {FIRST: 20}
    assert scene.where(free) == {NEXT: 20}


@pytest.mark.parametrize("outcome", [0, 4])
async def test_a_message_of_which_a_carrier_may_have_a_part_stays_and_the_rest_of_its_item_goes(
    scene: Scene, outcome: int
) -> None:
    bed = scene.bed
    ids = bed.accept(50, parts=2)
    bed.conn.execute("UPDATE lane_item SET attempt = 3")
    bed.conn.execute(
        "INSERT INTO submission (message_id, at, channel_id, part, attempt, outcome) SELECT i, now(), 1, 1, 1, %s"
        " FROM unnest(%s::uuid[]) AS i",
        (outcome, pgbin.uuids(ids[:5])),
    )
    await scene.set(FIRST)
    assert await scene.run() == 45
    assert scene.where(ids[:5]) == {FIRST: 5}
    assert scene.where(ids[5:]) == {NEXT: 45}
    assert bed.rows("SELECT DISTINCT attempt FROM lane_item") == [(3,)]
    assert bed.waiting() == 50


async def test_messages_of_one_item_part_where_their_routes_do(scene: Scene) -> None:
    ids = scene.bed.accept(30)
    even = set(ids[::2])

    def alternatives(message: Claimed, _: str, __: int) -> list[int]:
        return [NEXT] if message.id in even else [LAST]

    scene.job = FailOver(alternatives, Waker(scene.bed.session()))
    await scene.set(FIRST)
    assert await scene.run() == 30
    assert scene.where(ids) == {NEXT: 15, LAST: 15}
    assert scene.where(even) == {NEXT: 15}


async def test_codes_go_first(scene: Scene) -> None:
    scene.bed.add(1, 50 * PAGES, each=1, priority=2)
    codes = scene.bed.accept(10, priority=0)
    await scene.set(FIRST)
    assert await scene.run() == 10
    assert scene.where(codes) == {NEXT: 10}


async def test_a_round_is_bounded_and_the_next_goes_on(scene: Scene) -> None:
    bed = scene.bed
    ids = [each for _ in range(45) for each in bed.accept(500)]
    await scene.set(FIRST)
    assert await scene.run() == 20_000  # 10 pages of 40 chunks of 50
    assert scene.where(ids) == {FIRST: 2_500, NEXT: 20_000}
    assert await scene.run() == 2_500


async def test_those_that_stay_do_not_hide_those_behind_them(scene: Scene) -> None:
    bed = scene.bed
    stuck = [each for _ in range(21) for each in bed.accept(50 * PAGES * 2)]
    bed.conn.execute("UPDATE batch SET pinned_channel_id = 1")
    free = bed.accept(10)
    await scene.set(FIRST)
    assert await scene.run() == 0
    assert await scene.run() == 10
    assert scene.where(free) == {NEXT: 10}
    assert scene.where(stuck) == {FIRST: len(stuck)}


async def test_what_is_in_hand_or_waits_for_its_time_is_left_alone(scene: Scene) -> None:
    bed = scene.bed
    held, later, ready = bed.accept(10), bed.accept(10), bed.accept(10)
    item_of = "WHERE ids[1] = %s::uuid"
    bed.conn.execute(f"UPDATE lane_item SET owner = 5, lease_end = now() {item_of}", (held[0].hex(),))
    bed.conn.execute(f"UPDATE lane_item SET due = now() + interval '1 hour' {item_of}", (later[0].hex(),))
    await scene.set(FIRST)
    assert await scene.run() == 10
    assert scene.where([*held, *later]) == {FIRST: 20}
    assert scene.where(ready) == {NEXT: 10}


async def test_what_waits_too_long_goes_and_what_came_just_now_stays(scene: Scene) -> None:
    bed = scene.bed
    old, young = bed.accept(10), bed.accept(10)
    bed.conn.execute(
        "UPDATE lane_item SET ready_at = now() - interval '31 seconds' WHERE ids[1] = %s::uuid", (old[0].hex(),)
    )
    await scene.set()
    assert await scene.run() == 0
    routing.set_channel(bed.conn, routing.SANDBOX, queue_age_s=30.0)
    assert (await scene.outage()).aged
    assert await scene.run() == 10
    assert scene.where(old) == {NEXT: 10}
    assert scene.where(young) == {FIRST: 10}
    assert not (await scene.outage()).troubled


async def test_two_channels_that_are_late_do_not_throw_it_to_and_fro(scene: Scene) -> None:
    bed = scene.bed
    ids = bed.accept(10)
    for name in (routing.SANDBOX, "next"):
        routing.set_channel(bed.conn, name, queue_age_s=30.0)
    bed.conn.execute(f"UPDATE lane_item SET ready_at = {LONG_AGO}")
    await scene.set()
    assert await scene.run() == 10
    assert await scene.run() == 0  # it has its full time there
    assert scene.where(ids) == {NEXT: 10}
    bed.conn.execute(f"UPDATE lane_item SET ready_at = {LONG_AGO}")
    late = bed.accept(10)
    bed.conn.execute(f"UPDATE lane_item SET ready_at = {LONG_AGO}")
    assert await scene.run() == 20
    assert scene.where([*ids, *late]) == {LAST: 20}


async def test_two_workers_at_once_move_each_message_once(scene: Scene) -> None:
    bed = scene.bed
    ids = [each for _ in range(20) for each in bed.accept(500)]
    await scene.set(FIRST)
    jobs = [(scene.make_job((FIRST, NEXT, LAST)[:: 1 if i % 2 else -1]), bed.session()) for i in range(4)]

    async def run(job: FailOver, session: object) -> None:
        for _ in range(3):
            await job.run(session)  # type: ignore[arg-type]

    await asyncio.gather(*(run(job, session) for job, session in jobs))
    found = scene.where(ids)
    assert found.total() == len(ids) == bed.waiting()
    assert found[FIRST] == 0


async def test_a_message_that_was_claimed_meanwhile_is_not_moved(scene: Scene) -> None:
    """The claim of another worker that is bound again has the row's lock, or was first."""
    bed = scene.bed
    ids = bed.accept(100)
    await scene.set(FIRST)
    other = bed.session()
    async with other.transaction():
        claimed = await queue.claim(other, FIRST, 9, 60.0, (50, (0, 0, 0), (0, 0, 0)))
        assert await scene.run() == 50
    assert scene.where(claimed[0].ids) == {FIRST: 50}
    assert scene.where(ids) == {FIRST: 50, NEXT: 50}
