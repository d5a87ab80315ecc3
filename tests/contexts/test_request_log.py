"""The request log: strangers' rows, the ceiling of a day, days as partitions, and the rows of before there were any."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import Connection, errors
from psycopg.rows import TupleRow

import tocsin
from tocsin import audit
from tocsin.api import strangers
from tocsin.api.journal import Journal
from tocsin.api.wire import Reply, Request, error_reply
from tocsin.content import Status
from tocsin.kit import clock
from tocsin.kit.db import Session

SQL = Path(tocsin.__file__).parent / "schema" / "sql"
GOOD = Reply(b'{"status":0,"message":"Submit success"}')
BAD_SIGN, TOO_FREQUENT = error_reply(Status.AUTHENTICATION), error_reply(Status.TOO_FREQUENT)
BAD_NUMBER = error_reply(Status.NUMBER_ABNORMAL)
PATH = "/api/v1/sms/sendbatchsms"


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with psycopg.connect(database, autocommit=True) as made:
        made.execute("SET timezone = 'UTC'")
        yield made


@pytest.fixture
async def session(database: str) -> AsyncIterator[Session]:
    made = Session(database, "journal")
    yield made
    await made.close()


def ask(account_id: int = 0, address: str = "203.0.113.1") -> Request:
    ask.count += 1  # type: ignore[attr-defined]
    name = f"r{ask.count}"  # type: ignore[attr-defined]
    return Request("POST", PATH, {"account": "a"}, "", b'{"content":"hello"}', address, name, account_id=account_id)


ask.count = 0  # type: ignore[attr-defined]


def read(conn: Connection[TupleRow], account_id: int = 1) -> list[audit.RequestView]:
    return audit.read_requests(conn, account_id, audit.AskedRequests(limit=10_000))[::-1]


def minute() -> float:
    """The middle of the present minute: what is noted within it is of one minute."""
    return clock.now_s() // 60 * 60 + 30.0


async def test_a_row_a_minute_and_network(conn: Connection[TupleRow], session: Session) -> None:
    journal, now = Journal(session, 1000), minute()
    for second in range(20):
        for host in range(50):
            journal.note_stranger(1, ask(address=f"2001:db8::{host}"), BAD_SIGN, now + second, 0.001)
        journal.note_stranger(1, ask(), BAD_SIGN, now + second, 0.001)
        await journal.write(now + second + 1)
    assert len(read(conn)) == 2
    journal.note_stranger(1, ask(), BAD_SIGN, now + 60, 0.001)
    journal.note_stranger(2, ask(), BAD_SIGN, now + 60, 0.001)
    await journal.write(now + 61, last=True)
    assert [(row.address, row.left_out, row.status, row.signed) for row in read(conn)] == [
        ("2001:db8::0", 999, -1, False),
        ("203.0.113.1", 19, -1, False),
        ("203.0.113.1", 0, -1, False),
    ]
    assert [audit.find_request(conn, 1, row.id).body for row in read(conn)] == [""] * 3  # type: ignore[union-attr]
    assert len(read(conn, 2)) == 1


async def test_the_count_is_shown_before_the_minute_ends(conn: Connection[TupleRow], session: Session) -> None:
    journal, now = Journal(session, 1000), minute()
    journal.note_stranger(1, ask(), BAD_SIGN, now, 0.001)
    await journal.write(now + 1)
    journal.note_stranger(1, ask(), BAD_SIGN, now + 1, 0.001)
    await journal.write(now + 7)
    assert [row.left_out for row in read(conn)] == [1]


async def test_nothing_after_too_many_bad_signs(conn: Connection[TupleRow], session: Session) -> None:
    journal, now = Journal(session, 1000), minute()
    for address in ("203.0.113.1", "203.0.113.2"):
        journal.note_stranger(1, ask(address=address), TOO_FREQUENT, now, 0.001)
    await journal.write(now + 1, last=True)
    assert read(conn) == []


async def test_many_networks_write_a_bounded_number(conn: Connection[TupleRow], session: Session) -> None:
    journal, now = Journal(session, 100_000), minute()
    for number in range(strangers.MAX_ROWS + 100):
        journal.note_stranger(1, ask(address=f"2001:db8:{number:x}::1"), BAD_SIGN, now, 0.001)
    await journal.write(now + 1)
    assert len(read(conn)) == strangers.MAX_ROWS


async def test_a_day_has_a_ceiling(conn: Connection[TupleRow], session: Session) -> None:
    """Of two processes together; accepted requests fill half of it, strangers a tenth beside it."""
    journals, now = [Journal(session, 40), Journal(session, 40)], minute()
    for second in range(10):
        for journal in journals:
            for number in range(3):
                journal.note(ask(1), GOOD, now + second, 0.001)
                journal.note_stranger(1, ask(address=f"198.51.{second}.{number}"), BAD_SIGN, now + second, 0.001)
            await journal.write(now + second + 1)
    signed = [row for row in read(conn) if row.signed]
    assert 20 <= len(signed) <= 26  # a process passes it by what it notes before it is told
    strange = len(read(conn)) - len(signed)
    assert 4 <= strange <= 10
    for second in range(10, 20):
        for journal in journals:
            for _ in range(3):
                journal.note(ask(1), BAD_NUMBER, now + second, 0.001)
            await journal.write(now + second + 1)
    refused = [row for row in read(conn) if row.status == int(Status.NUMBER_ABNORMAL)]
    assert 40 <= len(signed) + len(refused) <= 46
    ((day, own, own_out, strangers_in, strangers_out),) = audit.read_full_days(conn, 1, 5)
    assert day == clock.now().date()
    assert (own, own_out) == (len(signed) + len(refused), 120 - len(signed) - len(refused))
    assert (strangers_in, strangers_out) == (strange, 60 - strange)
    assert audit.read_full_days(conn, 2, 5) == []
    # A process that starts anew is told with its first write.
    late = Journal(session, 40)
    for second in range(20, 25):
        late.note(ask(1), BAD_NUMBER, now + second, 0.001)
        await late.write(now + second + 1)
    assert len([row for row in read(conn) if row.status == int(Status.NUMBER_ABNORMAL)]) == len(refused) + 1


async def test_a_new_day_begins_with_nothing(conn: Connection[TupleRow], session: Session) -> None:
    journal, now = Journal(session, 1), minute()
    journal.note(ask(1), BAD_NUMBER, now, 0.001)
    await journal.write(now + 1)
    conn.execute("UPDATE request_day SET day = day - 1")
    for second in (1, 2):  # the first is left out, and by its count the process hears of the new day
        journal.note(ask(1), BAD_NUMBER, now + second, 0.001)
        await journal.write(now + second + 1)
    assert len(read(conn)) == 2
    await audit.forget_requests(session, 0)
    assert audit.read_full_days(conn, 1, 5) == [audit.FullDay(clock.now().date(), 1, 1, 0, 0)]


# --- days


def list_days(conn: Connection[TupleRow]) -> list[int]:
    """How many days ago each partition's day was, from yesterday back."""
    rows = conn.execute(
        "SELECT current_date - to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') FROM pg_inherits"
        " WHERE inhparent = 'api_request'::regclass"
    ).fetchall()
    return sorted(days for (days,) in rows if days > 0)


async def test_old_days_go_as_partitions(conn: Connection[TupleRow], session: Session) -> None:
    conn.execute(
        "SELECT partition_ensure('api_request', now() - n * interval '1 day') FROM generate_series(1, 20) AS n"
    )
    await audit.forget_requests(session, 14)
    assert list_days(conn) == list(range(1, 15))
    with psycopg.connect(conn.info.dsn, password=conn.info.password) as reader:
        reader.execute("SELECT count(*) FROM api_request")
        with pytest.raises(errors.LockNotAvailable):
            await audit.forget_requests(session, 10)
    await audit.forget_requests(session, 10)
    assert list_days(conn) == list(range(1, 11))


async def test_a_clock_that_is_wrong_and_days_that_are_missing_lose_nothing(
    conn: Connection[TupleRow], session: Session
) -> None:
    conn.execute("DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT inhrelid FROM pg_inherits WHERE inhparent ="
                 " 'api_request'::regclass LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$")  # fmt: skip
    journal = Journal(session, 1000)
    for at_s in (0.0, clock.now_s() - 40 * 86_400, clock.now_s(), clock.now_s() + 90 * 86_400):
        journal.note(ask(1), BAD_NUMBER, at_s, 0.001)
    await journal.write(0.0, last=True)
    rows = read(conn)
    assert len(rows) == 4
    assert all(abs((row.at - clock.now()).total_seconds()) < 2 * 86_400 for row in rows)


# --- the migration


@pytest.fixture
def old(conn: Connection[TupleRow]) -> Connection[TupleRow]:
    """The table as it was before there were partitions."""
    conn.execute("DROP TABLE api_request, request_day")
    found = re.search(r"CREATE TABLE api_request .*?USING brin \(at\);", (SQL / "0011_integrate.sql").read_text(), re.S)
    assert found
    conn.execute(found[0].encode())
    return conn


def fill(conn: Connection[TupleRow], count: int) -> None:
    conn.execute(
        "INSERT INTO api_request (account_id, at, request_id, method, path, status, http, took_ms, address, key_id, receivers,"
        " batch_no, left_out, message, body) SELECT 1, now() - (%s - n) * interval '1 hour', 'old' || n, 'POST', %s, -9, 200,"
        " 1, '', 0, 0, 0, 0, '', 'body' FROM generate_series(1, %s) AS n",
        (count, PATH, count),
    )


def migrate(conn: Connection[TupleRow]) -> None:
    with conn.transaction():
        conn.execute((SQL / "0021_request_log.sql").read_bytes())


async def test_rows_of_before_stay_and_new_ones_follow(old: Connection[TupleRow], session: Session) -> None:
    fill(old, 200)
    old.execute("UPDATE api_request SET at = now() + interval '9 days' WHERE id = 200")  # of a clock that was wrong
    (file_before,) = old.execute("SELECT pg_relation_filenode('api_request')").fetchone() or (0,)
    migrate(old)
    today = old.execute("SELECT 'api_request_' || to_char(now(), 'YYYYMMDD')").fetchone()
    assert today
    assert old.execute("SELECT pg_relation_filenode(%s::regclass)", today).fetchone() == (file_before,), (
        "nothing is copied"
    )
    journal = Journal(session, 1000)
    journal.note(msgspec.structs.replace(ask(1), request_id="new"), BAD_NUMBER, clock.now_s(), 0.001)
    await journal.write(clock.now_s(), last=True)
    rows = read(old)
    assert [row.request_id for row in rows] == [*(f"old{number}" for number in range(1, 201)), "new"]
    assert [row.id for row in rows] == list(range(1, 202))
    assert all(row.signed for row in rows)
    page = audit.read_requests(old, 1, audit.AskedRequests(before=rows[100].id, limit=3))
    assert [row.request_id for row in page] == ["old100", "old99", "old98"]
    assert audit.find_request(old, 1, 7).body == "body"  # type: ignore[union-attr]
    # Its days are not made again, and they go when the last of them is over long enough.
    old.execute("SELECT partitions_ahead(now() - interval '9 days', 9)")
    await audit.forget_requests(session, 14)
    assert len(read(old)) == 201
    old.execute(f"ALTER TABLE {today[0]} RENAME TO api_request_{'20200101'}")
    await audit.forget_requests(session, 14)
    assert [row.request_id for row in read(old)] == []


async def test_an_empty_log_becomes_ordinary_days(old: Connection[TupleRow], session: Session) -> None:
    migrate(old)
    assert list_days(old) == [1]
    old.execute("SELECT partitions_ahead(now() - interval '3 days', 3)")
    assert list_days(old) == [1, 2, 3]
    fill(old, 5)
    assert [row.id for row in read(old)] == [1, 2, 3, 4, 5]
