"""Screening on real rows: lists, opt-outs, words, quiet hours; what changes reaches the memory of a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.poll import until
from tocsin import compliance
from tocsin.compliance import EVERYBODY, Choice, Guards, OptIn, OptOut, QuietRule, Screened, Sending
from tocsin.kit.clock import UTC
from tocsin.kit.db import Session
from tocsin.kit.reference import Reference
from tocsin.traffic import Priority, Reason

Conn = psycopg.Connection[TupleRow]
NUMBERS = [f"628120000000{i}" for i in range(10)]
NOON_S = datetime(2026, 6, 1, 12, 0, tzinfo=UTC).timestamp()
INDONESIA = 10007


@pytest.fixture
def conn(database: str) -> Iterator[Conn]:
    with psycopg.connect(database, autocommit=True) as made:
        yield made


class Bed:
    """One process's memory, and a session."""

    def __init__(self, dsn: str) -> None:
        self.guards = Guards()
        self.session = Session(dsn, "test", generic_plans=True)
        self.reference = Reference(dsn)
        self.reference.add(self.guards)

    async def screen(self, sending: Sending, now_s: float = NOON_S) -> Screened:
        return await compliance.screen(self.session, sending, self.guards, now_s)

    async def barred(self, sending: Sending) -> list[int]:
        """Places that are refused as BLACKLISTED; nothing else is refused or held."""
        screened = await self.screen(sending)
        assert set(screened.refused.values()) <= {Reason.BLACKLISTED}
        assert not screened.held
        return sorted(screened.refused)

    async def close(self) -> None:
        await self.session.close()
        stop = asyncio.Event()
        stop.set()
        await self.reference.run(stop)


@pytest.fixture
async def bed(database: str) -> AsyncIterator[Bed]:
    made = Bed(database)
    await made.reference.load_all(made.session)
    yield made
    await made.close()


def send(
    account_id: int = 1, *, action: Priority = Priority.NOTIFICATION, sender: str = "", values: list[str] | None = None,
    reasons: dict[int, Reason] | None = None, again: bool = False,
) -> Sending:  # fmt: skip
    values = NUMBERS if values is None else values
    reached = [int((reasons or {}).get(at, 0)) for at in range(len(values))]
    return Sending(
        account_id, action, sender, values, [INDONESIA] * len(values), [100] * len(values), reached, again=again
    )


async def test_nothing_configured_asks_nothing() -> None:
    nowhere = Session("host=/nowhere", "test")
    guards = Guards()
    for action in Priority:
        assert guards.idle(1, action)
        assert await compliance.screen(nowhere, send(action=action), guards, NOON_S) == Screened()
    assert guards.find_word("anything") is None


async def test_the_blacklist_of_an_account_and_of_all(bed: Bed, conn: Conn) -> None:
    compliance.add_listed(conn, EVERYBODY, "+62 812-0000-0002")
    compliance.add_listed(conn, 1, NUMBERS[5])
    compliance.add_listed(conn, 1, "Jo@Example.COM")
    await bed.reference.poll()
    assert not bed.guards.idle(2, Priority.VERIFY)
    assert await bed.barred(send(1)) == [2, 5]
    assert await bed.barred(send(2)) == [2]
    assert await bed.barred(send(1, values=["jo@example.com", "joe@example.com"])) == [0]
    assert await bed.barred(send(2, values=["jo@example.com"])) == []
    assert await bed.barred(send(1, values=[])) == []


async def test_a_barred_number_without_a_route_is_barred_and_worse_faults_stand(bed: Bed, conn: Conn) -> None:
    for number in NUMBERS[:3]:
        compliance.add_listed(conn, EVERYBODY, number)
    await bed.reference.poll()
    reasons = {0: Reason.NO_ROUTE, 1: Reason.DUPLICATE, 3: Reason.NO_ROUTE}
    assert await bed.barred(send(reasons=reasons)) == [0, 2]


async def test_a_number_that_is_only_a_suspect_goes(bed: Bed, conn: Conn) -> None:
    """A row that is gone stays in the sieve: the database is asked, and says no."""
    for number in NUMBERS[:2]:
        compliance.add_listed(conn, EVERYBODY, number)
    await bed.reference.poll()
    compliance.remove_listed(conn, EVERYBODY, NUMBERS[0])
    await bed.reference.poll()
    # Others may fall into the same bits: hashes differ from run to run.
    assert {0, 1} <= set(compliance.sift(send(), bed.guards, NOON_S).suspects)
    assert await bed.barred(send()) == [1]


async def test_the_last_row_that_goes_makes_it_idle_again(bed: Bed, conn: Conn) -> None:
    compliance.add_listed(conn, 1, NUMBERS[0])
    await bed.reference.poll()
    assert bed.guards.idle(2, Priority.VERIFY)
    assert not bed.guards.idle(1, Priority.VERIFY)
    compliance.remove_listed(conn, 1, NUMBERS[0])
    await bed.reference.poll()
    assert bed.guards.idle(1, Priority.VERIFY)


async def test_a_process_that_starts_knows_what_one_that_runs_knows(bed: Bed, conn: Conn, database: str) -> None:
    """Also where a list has outgrown its sieve several times."""
    values = [str(62_812_000_000 + i) for i in range(3000)]
    for start, end in ((0, 1), (1, 200), (200, 3000)):
        with conn.transaction():
            assert compliance.import_listed(conn, 1, values[start:end]) == end - start
        await bed.reference.poll()
    fresh = Bed(database)
    await fresh.reference.load_all(fresh.session)
    others = [str(62_813_000_000 + i) for i in range(3000)]
    for each in (bed, fresh):
        assert await each.barred(send(1, values=values + others)) == list(range(3000))
        assert len(compliance.sift(send(1, values=others), each.guards, NOON_S).suspects) < 300
    await fresh.close()


async def test_a_slow_writer_is_not_passed_over(bed: Bed, conn: Conn, database: str) -> None:
    """Rows are read by id: whoever writes later must wait with taking one."""
    with psycopg.connect(database) as slow:
        slow.execute("INSERT INTO blacklist (value) VALUES ('1111111')")
        quick = asyncio.create_task(asyncio.to_thread(compliance.add_listed, conn, EVERYBODY, "2222222"))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        await until(lambda: slow.execute(waiting).fetchone() == (1,))
        await bed.reference.poll()
        assert await bed.barred(send(values=["1111111", "2222222"])) == []
        slow.commit()
        await quick
    await bed.reference.poll()
    assert await bed.barred(send(values=["1111111", "2222222"])) == [0, 1]


async def test_opt_outs_bar_marketing_from_their_sender(bed: Bed) -> None:
    said = [
        Choice(1, "", NUMBERS[0], OptOut("en")),
        Choice(1, "ACME", NUMBERS[1], OptOut("zh")),
        Choice(1, "ACME", NUMBERS[1], OptOut("zh")),
        Choice(2, "ACME", NUMBERS[2], OptOut("en")),
    ]
    await bed.session.batch(compliance.keep_choices(said))
    await bed.reference.poll()
    marketing = Priority.MARKETING
    assert await bed.barred(send(1, action=marketing, sender="ACME")) == [0, 1]
    assert await bed.barred(send(1, action=marketing, sender="OTHER")) == [0]
    # It names no sender: it may leave by the very one.
    assert await bed.barred(send(1, action=marketing)) == [0, 1]
    assert await bed.barred(send(2, action=marketing, sender="ACME")) == [2]
    assert await bed.barred(send(3, action=marketing)) == []
    for action in (Priority.VERIFY, Priority.NOTIFICATION):
        assert bed.guards.idle(1, action)
        assert await bed.barred(send(1, action=action, sender="ACME")) == []


async def test_an_opt_in_takes_back_what_stands_in_its_way(bed: Bed) -> None:
    out, back = OptOut("en"), OptIn("en")
    first = [Choice(1, sender, number, out) for sender in ("", "ACME", "OTHER") for number in NUMBERS[:3]]
    await bed.session.batch(compliance.keep_choices(first))
    await bed.session.batch(
        compliance.keep_choices([Choice(1, "ACME", NUMBERS[0], back), Choice(1, "", NUMBERS[1], back)])
    )
    await bed.reference.poll()
    marketing = Priority.MARKETING
    assert await bed.barred(send(1, action=marketing, sender="ACME")) == [2]
    assert await bed.barred(send(1, action=marketing, sender="OTHER")) == [0, 2]
    assert await bed.barred(send(1, action=marketing)) == [0, 2]


async def test_of_several_replies_the_last_holds(bed: Bed) -> None:
    out, back = OptOut("en"), OptIn("en")
    replies: list[tuple[int, OptOut | OptIn]] = [(0, out), (0, back), (1, back), (1, out)]
    await bed.session.batch(compliance.keep_choices([Choice(1, "A", NUMBERS[at], reply) for at, reply in replies]))
    await bed.reference.poll()
    assert await bed.barred(send(1, action=Priority.MARKETING, sender="A")) == [1]
    assert compliance.keep_choices([]) == []


async def test_words_and_answers(bed: Bed, conn: Conn) -> None:
    compliance.add_word(conn, "Casino")
    compliance.set_answer(conn, compliance.OptAnswer(account_id=0, kind="out", language="en", content="Done."))
    compliance.set_answer(conn, compliance.OptAnswer(account_id=1, kind="out", language="en", content="ACME: done."))
    await bed.reference.poll()
    assert bed.guards.find_word("our c-a-s-i-n-o") == "Casino"
    assert bed.guards.find_word("our house") is None
    assert bed.guards.find_answer(1, OptOut("en")) == "ACME: done."
    assert bed.guards.find_answer(2, OptOut("en")) == "Done."
    assert bed.guards.find_answer(1, OptOut("zh")) is None
    assert bed.guards.find_answer(1, OptIn("en")) is None
    compliance.remove_word(conn, "CASINO")
    await bed.reference.poll()
    assert bed.guards.find_word("casino") is None


async def test_marketing_waits_for_the_morning_of_its_recipient(bed: Bed, conn: Conn) -> None:
    compliance.set_quiet(conn, QuietRule(account_id=0, country_id=0, start_minute=21 * 60, end_minute=8 * 60))
    compliance.set_quiet(conn, QuietRule(account_id=1, country_id=10001, start_minute=None, end_minute=None))
    compliance.add_listed(conn, EVERYBODY, NUMBERS[0])
    await bed.reference.poll()
    now_s = datetime(2026, 6, 1, 20, 0, tzinfo=UTC).timestamp()  # 03:00 in Jakarta, 04:00 in Shanghai, 21:00 in London
    values = [NUMBERS[0], NUMBERS[1], "8613812345678", "447700900123", NUMBERS[2]]
    sending = send(1, action=Priority.MARKETING, values=values, reasons={4: Reason.NO_ROUTE})
    sending = sending._replace(countries=[INDONESIA, INDONESIA, 10001, 10225, INDONESIA])
    screened = await bed.screen(sending, now_s)
    assert screened.refused == {0: Reason.BLACKLISTED}
    assert screened.held == {1: now_s + 5 * 3600, 3: now_s + 11 * 3600}
    assert (await bed.screen(sending._replace(account_id=2), now_s)).held[2] == now_s + 4 * 3600
    assert (await bed.screen(sending, now_s + 11 * 3600)).held == {}
    assert bed.guards.idle(1, Priority.VERIFY) is False  # the blacklist
    assert (await bed.screen(sending._replace(action=Priority.VERIFY), now_s)).held == {}
