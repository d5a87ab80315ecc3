"""The circuit breaker on real finals: what is counted, when it opens, tries and closes, and what routing makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contexts.desk import OTHER as SPARE
from tests.contexts.desk import Desk, overdue, prepare, receipt
from tocsin import messaging, routing
from tocsin.accounts import Account
from tocsin.kit import clock
from tocsin.routing import Breaker, BreakerTerms, Turn
from tocsin.traffic import OutcomeKind, Product, Reason

TERMS = BreakerTerms(window=20, half_open_s=60.0)
INDONESIA = 10007


class Scene:
    """A desk whose first channel is watched as a real carrier's is, with a second one behind it."""

    def __init__(self, desk: Desk, account: Account) -> None:
        self.desk = desk
        self.account = account

    async def finals(self, *reasons: Reason, fold: bool = True) -> list[Turn]:
        """Messages that the first channel's carrier brings to these ends."""
        ids = await self.desk.accept(self.account, len(reasons))
        names = await self.desk.submit(ids)
        await self.desk.receive(*(receipt(name, reason) for name, reason in zip(names, reasons, strict=True)))
        return await self.fold() if fold else []

    async def fold(self) -> list[Turn]:
        async with self.desk.session.transaction():
            return (await messaging.fold_rollups(self.desk.session, TERMS)).turned

    async def breakers(self) -> list[Breaker]:
        return await routing.read_breakers(self.desk.session)

    async def state(self) -> str:
        found = await self.breakers()
        return found[0].state if found else "closed"

    def counted(self) -> tuple[int, int]:
        """Good and total of the day."""
        row = self.desk.conn.execute(
            "SELECT coalesce(sum(good), 0), coalesce(sum(total), 0) FROM delivery_hour"
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    async def open(self) -> None:
        await self.finals(*[Reason.SUCCESS] * 20)
        await self.finals(*[Reason.UNDELIVERED] * 20)
        assert await self.state() == "open"

    def age(self, seconds: float) -> None:
        self.desk.conn.execute("UPDATE breaker SET since = since - make_interval(secs => %s)", (seconds,))


@pytest.fixture
async def scene(database: str) -> AsyncIterator[Scene]:
    prepare(database)
    desk = Desk(database)
    with desk.conn.transaction():
        routing.set_channel(desk.conn, routing.SANDBOX, config={"watched": True})
        spare = routing.find_channel(desk.conn, SPARE).id
        routing.add_route(desk.conn, routing.RouteRule(0, None, None, int(Product.SMS), None, "", spare, 2000))
    await desk.open()
    yield Scene(desk, await desk.add_account())
    await desk.close()


async def test_it_opens_when_the_last_fall_below_half_of_the_day(scene: Scene) -> None:
    assert await scene.finals(*[Reason.SUCCESS] * 30) == []
    assert await scene.finals(*[Reason.UNDELIVERED] * 9) == []
    (turn,) = await scene.finals(*[Reason.UNDELIVERED] * 9)
    assert (turn.channel, turn.country, turn.state) == (routing.SANDBOX, "ID", "open")
    (breaker,) = await scene.breakers()
    assert (breaker.channel_id, breaker.country_id, breaker.state) == (scene.desk.channel, INDONESIA, "open")
    assert breaker.rate_last < breaker.rate_day / 2
    assert await scene.finals(*[Reason.UNDELIVERED] * 5) == []


async def test_a_carrier_that_always_fails_is_not_opened_for_it(scene: Scene) -> None:
    assert await scene.finals(*[Reason.UNDELIVERED] * 60) == []
    assert await scene.state() == "closed"


async def test_new_messages_go_round_it_and_come_back_by_a_share(scene: Scene) -> None:
    desk = scene.desk

    async def channels(count: int) -> set[int]:
        await desk.reference.renew()
        ids = await desk.accept(scene.account, count)
        found = {desk.one("SELECT channel_id FROM message WHERE id = %s", each.hex()) for each in ids}
        lanes = {row[0] for row in desk.conn.execute("SELECT DISTINCT channel_id FROM lane_item")}
        desk.conn.execute("DELETE FROM lane_item")
        assert lanes == found
        return found

    desk.conn.execute("DELETE FROM lane_item")
    assert await channels(5) == {desk.channel}
    await scene.open()
    desk.conn.execute("DELETE FROM lane_item")
    assert await channels(5) == {desk.other}
    scene.age(61)
    assert [turn.state for turn in await scene.fold()] == ["half-open"]
    assert await channels(5) == {desk.other}
    desk.table.health.share_percent = 20.0
    assert await channels(5) == {desk.channel, desk.other}


async def test_what_tries_and_is_delivered_closes_it(scene: Scene) -> None:
    await scene.open()
    scene.age(59)
    assert await scene.fold() == []
    scene.age(2)
    assert [turn.state for turn in await scene.fold()] == ["half-open"]
    assert [turn.state for turn in await scene.finals(Reason.SUCCESS)] == ["closed"]
    assert await scene.breakers() == []
    # It begins anew: what was before does not open it again.
    assert await scene.finals(*[Reason.UNDELIVERED] * 19) == []


async def test_what_tries_and_fails_opens_it_anew_by_the_old_measure(scene: Scene) -> None:
    await scene.open()
    (first,) = await scene.breakers()
    for _ in range(2):
        scene.age(61)
        await scene.fold()
        assert [turn.state for turn in await scene.finals(Reason.UNDELIVERED)] == ["open"]
        (again,) = await scene.breakers()
        assert again.rate_day == first.rate_day
        assert clock.now_s() - again.since < 30


async def test_a_sandbox_has_none(scene: Scene) -> None:
    routing.set_channel(scene.desk.conn, routing.SANDBOX, config={})
    await scene.finals(*[Reason.SUCCESS] * 30)
    await scene.finals(*[Reason.UNDELIVERED] * 30)
    assert await scene.breakers() == []
    assert scene.desk.count("delivery_hour") == scene.desk.count("delivery_last") == 0


async def test_refusals_of_the_carrier_count_and_what_never_reached_it_does_not(scene: Scene) -> None:
    desk = scene.desk
    await desk.submit(await desk.accept(scene.account, 3), OutcomeKind.PERMANENT, reason=Reason.REJECTED)
    await scene.fold()
    assert scene.counted() == (0, 3)
    cancelled = await desk.accept(scene.account, 4)
    work = await desk.claim(cancelled)
    ends = [
        messaging.End(
            m.id, m.account_id, m.batch_no, m.product, m.phone, m.country_id, m.parts, m.price_micros, m.channel_id, m.channel_id,
            1, reason, Reason.SENDING, 0, None, clock.now_s(),
        )
        for m, reason in zip(
            (entry.message for entry in work.open),
            (Reason.CANCELLED, Reason.BLACKLISTED, Reason.ACCOUNT_LOCKED, Reason.EXPIRED),
            strict=True,
        )
    ]  # fmt: skip
    verdicts = messaging.Verdicts(ends=ends)
    await desk.write([], {}, verdicts)
    await scene.fold()
    assert scene.counted() == (0, 3)
    await desk.check()


async def test_intermediate_states_do_not_count_and_a_time_out_is_taken_back(scene: Scene) -> None:
    desk = scene.desk
    ids = await desk.accept(scene.account, 2)
    names = await desk.submit(ids, timeout_s=-1.0)
    await desk.receive(*(receipt(name, Reason.SENDING) for name in names))
    await scene.fold()
    assert scene.counted() == (0, 0)
    await overdue(desk)
    await scene.fold()
    assert scene.counted() == (0, 2)
    await desk.receive(receipt(names[0]))
    await scene.fold()
    assert scene.counted() == (1, 2)


async def test_a_day_is_a_day(scene: Scene) -> None:
    await scene.finals(*[Reason.SUCCESS] * 40)
    scene.desk.conn.execute("UPDATE delivery_hour SET hour = hour - interval '24 hours'")
    scene.desk.conn.execute("UPDATE delivery_last SET recent = '{}'")
    assert await scene.finals(*[Reason.UNDELIVERED] * 40) == []  # nothing is left of the better day
    scene.desk.conn.execute("UPDATE delivery_hour SET hour = hour - interval '2 hours'")
    await routing.forget_finals(scene.desk.session)
    assert scene.desk.count("delivery_hour") == 1


async def test_an_operator_closes_it(scene: Scene) -> None:
    await scene.open()
    desk = scene.desk
    await routing.mark_down(desk.session, desk.channel, down=True)
    with desk.conn.transaction():
        (closed,) = routing.reset_breakers(desk.conn, desk.channel)
        assert routing.reset_breakers(desk.conn, desk.other) == []
    assert (closed.state, closed.country) == ("open", "ID")
    assert [each.state for each in await scene.breakers()] == ["down"]  # that is the link's to say
    assert desk.one("SELECT recent FROM delivery_last") == []


async def test_a_round_without_news_moves_no_clock(scene: Scene) -> None:
    """Else every process would read all breakers anew with every round."""
    await scene.finals(*[Reason.SUCCESS] * 20)
    query = "SELECT version FROM change_clock WHERE name = 'breaker'"
    before = scene.desk.one(query)
    await scene.fold()
    await scene.finals(Reason.SUCCESS)
    assert scene.desk.one(query) == before


async def test_what_was_scheduled_goes_round_it_too_and_else_keeps_its_channel(scene: Scene) -> None:
    desk = scene.desk

    async def move() -> list[int]:
        desk.conn.execute("DELETE FROM lane_item")
        ids = [each.hex() for each in await desk.accept(scene.account, 2)]
        desk.conn.execute("DELETE FROM lane_item")
        desk.conn.execute("UPDATE message SET channel_id = %s WHERE id = ANY(%s::uuid[])", (desk.channel, ids))
        desk.conn.execute(
            "INSERT INTO schedule (due, priority, account_id, batch_no, channel_id, zone, amount_micros, ids)"
            " SELECT now(), 1, account_id, batch_no, channel_id, '', 0, array_agg(id) FROM message WHERE id = ANY(%s::uuid[])"
            " GROUP BY account_id, batch_no, channel_id",
            (ids,),
        )
        terms = messaging.Terms(desk.books, desk.table)
        assert await messaging.move_due(desk.session, terms, clock.now_s()) == 1
        return [row[0] for row in desk.conn.execute("SELECT channel_id FROM lane_item")]

    assert await move() == [desk.channel]
    await scene.open()
    await desk.reference.renew()
    assert await move() == [desk.other]
