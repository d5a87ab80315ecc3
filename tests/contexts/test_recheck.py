"""MARKETING that leaves later than it was accepted is screened once more. See lane_bed.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.contexts.lane_bed import Bed, Carrier, run_lane
from tests.poll import until
from tocsin import compliance
from tocsin.compliance import Guards, QuietRule
from tocsin.traffic import OutcomeKind, Priority

FIRST, SECOND = "6281200000001", "6281200000002"
ACCOUNT = 1


@pytest.fixture
async def bed(database: str) -> AsyncIterator[Bed]:
    made = Bed(database)
    yield made
    await made.close()


@pytest.fixture
def guards() -> Guards:
    """Loaded by the tests."""
    return Guards()


async def load(bed: Bed, guards: Guards) -> None:
    await guards.load(bed.session())


def ends(bed: Bed) -> dict[str, tuple[int, int]]:
    """(status, micros given back) by number."""
    rows = bed.rows(
        "SELECT m.phone, r.status::integer, r.refund_micros FROM report r JOIN message m ON m.id = r.message_id WHERE r.status <> 0"
    )
    return {row[0]: (row[1], row[2]) for row in rows}


@pytest.mark.parametrize("listed", ["opt-out", "blacklist"])
async def test_who_was_listed_while_it_waited_is_not_sent_to(bed: Bed, guards: Guards, listed: str) -> None:
    bed.accept(3, ACCOUNT, priority=Priority.MARKETING)
    if listed == "opt-out":
        compliance.add_opt_out(bed.conn, ACCOUNT, FIRST)
    else:
        compliance.add_listed(bed.conn, ACCOUNT, FIRST)
    await load(bed, guards)
    carrier = Carrier()
    async with run_lane(bed, carrier, guards=guards):
        await until(lambda: bed.waiting() == 0)
    assert FIRST not in {sent.phone for sent in carrier.got}
    assert len(carrier.got) == 2
    assert ends(bed) == {FIRST: (5, 0)}


async def test_an_opt_out_of_another_sender_or_account_bars_nothing(bed: Bed, guards: Guards) -> None:
    bed.accept(2, ACCOUNT, priority=Priority.MARKETING)
    bed.conn.execute("UPDATE batch SET sender = 'ACME' WHERE account_id = %s", (ACCOUNT,))
    compliance.add_opt_out(bed.conn, ACCOUNT, FIRST, "OTHER")
    compliance.add_opt_out(bed.conn, ACCOUNT + 1, SECOND)
    await load(bed, guards)
    carrier = Carrier()
    async with run_lane(bed, carrier, guards=guards):
        await until(lambda: bed.waiting() == 0)
    assert len(carrier.got) == 2


async def test_other_priorities_are_not_looked_at_again(bed: Bed, guards: Guards) -> None:
    bed.accept(2, ACCOUNT, priority=Priority.NOTIFICATION)
    compliance.add_listed(bed.conn, ACCOUNT, FIRST)
    await load(bed, guards)
    carrier = Carrier()
    async with run_lane(bed, carrier, guards=guards):
        await until(lambda: bed.waiting() == 0)
    assert len(carrier.got) == 2


async def test_what_comes_to_the_front_in_quiet_hours_waits_until_they_end(bed: Bed, guards: Guards) -> None:
    """A long queue that runs into the night: the rest goes in the morning, as the same attempt."""
    bed.accept(120, ACCOUNT, priority=Priority.MARKETING)
    bed.accept(3, ACCOUNT, priority=Priority.VERIFY)
    there = datetime.now(UTC) + timedelta(hours=7)  # Jakarta
    minute = there.hour * 60 + there.minute
    rule = QuietRule(account_id=0, country_id=0, start_minute=(minute - 60) % 1440, end_minute=(minute + 120) % 1440)
    compliance.set_quiet(bed.conn, rule)
    await load(bed, guards)
    carrier = Carrier()
    later = "SELECT coalesce(sum(cardinality(ids)), 0)::integer FROM lane_item WHERE owner IS NULL AND attempt = 1 AND due > now()"
    async with run_lane(bed, carrier, guards=guards):
        await until(lambda: bed.one(later) == 120)
        assert len(carrier.got) == 3
        hours = bed.one("SELECT extract(epoch FROM max(due) - now())::integer / 3600.0 FROM lane_item")
        assert 1.9 < hours <= 2.0
        compliance.remove_quiet(bed.conn, 0, 0)
        await load(bed, guards)
        bed.conn.execute("UPDATE lane_item SET due = NULL")
        await until(lambda: bed.waiting() == 0)
    assert len(carrier.got) == len({sent.message_id for sent in carrier.got}) == 123


async def test_what_a_carrier_has_in_part_goes_on(bed: Bed, guards: Guards) -> None:
    (message_id,) = bed.accept(1, ACCOUNT, parts=2, priority=Priority.MARKETING)
    bed.conn.execute(
        "INSERT INTO submission (message_id, at, channel_id, part, attempt, outcome, reason, carrier_id)"
        " VALUES (%s, now(), 1, 1, 1, %s, 0, 'c1')",
        (message_id.hex(), int(OutcomeKind.ACCEPTED)),
    )
    bed.conn.execute("UPDATE lane_item SET attempt = 2")
    compliance.add_opt_out(bed.conn, ACCOUNT, FIRST)
    await load(bed, guards)
    carrier = Carrier()
    async with run_lane(bed, carrier, guards=guards):
        await until(lambda: bed.waiting() == 0)
    assert [sent.part for sent in carrier.got] == [2]
