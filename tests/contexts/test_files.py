"""Jobs of files on a real database: who holds one, what becomes of it when a clerk dies, what an export holds."""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.clerk import AWAY, work_off
from tocsin import accounts, billing, compliance, files
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.clerk import Clerk, Tools
from tocsin.files import Desk, Job, Kind, Lost, New, State, Step
from tocsin.kit import clock
from tocsin.queue import DatabaseClock

MOST = 1 << 30

WORDS: dict[Kind, dict[str, Any]] = {
    Kind.MESSAGES: {
        "columns": [f"c{n}" for n in range(14)],
        "products": {"1": "SMS"},
        "states": {"0": "under way", "1": "delivered", "2": "failed"},
        "reasons": {"2": "number error"},
    },
    Kind.LEDGER: {"columns": ["time", "kind", "amount"], "kinds": {"recharge": "top-up"}},
    Kind.BLACKLIST: {"columns": ["value"], "origins": {"operator": "by hand"}},
    Kind.REPLIES: {"columns": ["time"]},
}


@pytest.fixture
def conn(database: str) -> Any:
    with psycopg.connect(database, autocommit=True) as opened:
        ensure_defaults(opened)
        yield opened


def ask(kind: Kind, **chosen: Any) -> dict[str, Any]:
    return {"format": "csv", "zone": "Asia/Tokyo", "chinese": False, "filter": chosen, "words": WORDS[kind]}


def add_account(conn: Connection[TupleRow], name: str = "acme") -> int:
    account_id = accounts.create_account(conn, name)
    billing.open_wallet(conn, account_id)
    return account_id


def start(conn: Connection[TupleRow], account_id: int, kind: Kind = Kind.LEDGER, **chosen: Any) -> int:
    with conn.transaction():
        job_id = files.start(conn, New(account_id, 1, kind, "a.csv", ask(kind, **chosen)))
    assert job_id is not None
    return job_id


def find(conn: Connection[TupleRow], account_id: int, job_id: int) -> Job:
    job = files.find(conn, account_id, job_id)
    assert job is not None
    return job


def read(conn: Connection[TupleRow], job_id: int) -> list[list[str]]:
    text = b"".join(files.read_bytes(conn, job_id)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def add_messages(conn: Connection[TupleRow], account_id: int, count: int, first: datetime) -> None:
    """A second apart; every tenth was refused, every third has a report that it was delivered."""
    conn.execute("SELECT partition_ensure(t, %s) FROM unnest(ARRAY['message','report','batch']) AS t", (first,))
    conn.execute(
        "INSERT INTO message (id, account_id, batch_no, product, phone, country_id, parts, price_micros, status, reason)"
        " SELECT (lpad(to_hex(%(ms)s::bigint + n * 1000), 12, '0') || '7000800000' || lpad(to_hex(%(account)s::integer), 4, '0')"
        " || lpad(to_hex(n), 6, '0'))::uuid, %(account)s, 7, 1, '62812' || lpad(n::text, 8, '0'), 10007, 1, 100000,"
        " CASE WHEN n %% 10 = 0 THEN -9 ELSE 0 END, CASE WHEN n %% 10 = 0 THEN 2 ELSE 0 END"
        " FROM generate_series(1, %(count)s) AS n",
        {"ms": int(first.timestamp() * 1000), "account": account_id, "count": count},
    )
    conn.execute(
        "INSERT INTO report (message_id, version, account_id, status, reason, fee_micros, at, count)"
        " SELECT id, 1, account_id, 1, 1, 50000, now(), 1 FROM message"
        " WHERE account_id = %s AND status = 0 AND right(phone, 1) = '3'",
        (account_id,),
    )


MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)  # all of it is past


def test_an_export_of_the_ledger_sums_to_the_wallet(conn: Connection[TupleRow], database: str) -> None:
    account_id, other = add_account(conn), add_account(conn, "other")
    for micros in (5_000_000, -1_250_000, 10):
        billing.recharge(conn, account_id, micros, "=cmd()")
    billing.recharge(conn, other, 99_000_000)
    job_id = start(conn, account_id)
    work_off(database)
    job = find(conn, account_id, job_id)
    assert (job.state, job.rows_done, job.percent, job.trouble) == (State.DONE, 3, 100, "")
    head, *rows = read(conn, job_id)
    assert head == ["time", "kind", "amount"]
    assert [row[2] for row in rows] == ["0.00001", "-1.25", "5"], "newest first, exact"
    assert sum(Decimal(row[2]) for row in rows) * 1_000_000 == billing.read_wallet(conn, account_id).balance_micros
    assert rows[2][1] == "top-up"
    assert rows[2][0].endswith("+09:00")
    assert {row[7] for row in rows} == {"'=cmd()"}
    assert job.size_bytes == sum(map(len, files.read_bytes(conn, job_id)))
    assert files.find(conn, other, job_id) is None


def test_an_export_of_messages_by_filters(conn: Connection[TupleRow], database: str) -> None:
    account_id, other = add_account(conn), add_account(conn, "other")
    add_messages(conn, account_id, 4500, MIDNIGHT)
    add_messages(conn, other, 10, MIDNIGHT)
    until = (MIDNIGHT + timedelta(seconds=101)).isoformat()
    jobs = {
        "all": start(conn, account_id, Kind.MESSAGES),
        "failed": start(conn, account_id, Kind.MESSAGES, state=2),
        "delivered": start(conn, account_id, Kind.MESSAGES, state=1, until=until),
        "prefix": start(conn, account_id, Kind.MESSAGES, number="6281200004"),
        "batch": start(conn, account_id, Kind.MESSAGES, batch=8),
        "product": start(conn, account_id, Kind.MESSAGES, product=2),
    }
    work_off(database)
    found = {name: read(conn, job_id)[1:] for name, job_id in jobs.items()}
    assert {name: len(rows) for name, rows in found.items()} == {
        "all": 4500, "failed": 450, "delivered": 10, "prefix": 501, "batch": 0, "product": 0,
    }  # fmt: skip
    assert [row[4] for row in found["all"]] == sorted((row[4] for row in found["all"]), reverse=True)
    assert {tuple(row[9:12]) for row in found["failed"]} == {("0", "failed", "number error")}
    assert {row[9] for row in found["delivered"]} == {"0.05"}
    assert find(conn, account_id, jobs["all"]).rows_done == 4500


def test_fifty_thousand_rows_in_little_memory(conn: Connection[TupleRow], database: str) -> None:
    account_id = add_account(conn)
    add_messages(conn, account_id, 50_000, MIDNIGHT)
    job_id = start(conn, account_id, Kind.MESSAGES)
    tracemalloc.start()
    work_off(database)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert find(conn, account_id, job_id).rows_done == 50_000
    assert peak < 24 * 1024 * 1024


def test_an_export_of_the_blacklist_has_the_accounts_own(conn: Connection[TupleRow], database: str) -> None:
    account_id, other = add_account(conn), add_account(conn, "other")
    compliance.add_listed(conn, account_id, "6281234567801")
    compliance.add_listed(conn, other, "6281234567802")
    compliance.add_listed(conn, compliance.EVERYBODY, "6281234567803")
    job_id = start(conn, account_id, Kind.BLACKLIST)
    work_off(database)
    assert [row[:2] for row in read(conn, job_id)[1:]] == [["6281234567801", "by hand"]]


def test_an_export_of_nothing_has_a_head(conn: Connection[TupleRow], database: str) -> None:
    account_id = add_account(conn)
    job_id = start(conn, account_id, Kind.REPLIES)
    work_off(database)
    assert read(conn, job_id) == [["time"]]
    assert find(conn, account_id, job_id).state is State.DONE


def test_the_job_of_a_clerk_that_died_is_taken_again_and_he_writes_nothing_more(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as mine, psycopg.connect(database, autocommit=True) as yours:
        ensure_defaults(mine)
        job_id = start(mine, add_account(mine))
        dead, next_one = Desk(mine, 0.0, MOST), Desk(yours, 60.0, MOST)
        job = dead.claim()
        assert job is not None
        assert job.id == job_id
        dead.write(job, b"half of ")
        again = next_one.claim()
        assert again is not None
        assert (again.id, again.tries) == (job_id, 2)
        with pytest.raises(Lost):
            dead.write(job, b"it")
        with pytest.raises(Lost):
            dead.finish(job, Step.NONE, State.DONE)
        next_one.begin(again)
        next_one.write(again, b"whole")
        next_one.finish(again, Step.NONE, State.DONE)
        assert b"".join(files.read_bytes(mine, job_id)) == b"whole"


def test_a_job_that_kills_its_clerks_fails_in_the_end(conn: Connection[TupleRow], database: str) -> None:
    account_id = add_account(conn)
    job_id = start(conn, account_id)
    for _ in range(3):
        assert Desk(conn, 0.0, MOST).claim() is not None
    work_off(database)
    job = find(conn, account_id, job_id)
    assert (job.state, job.trouble) == (State.FAILED, files.Trouble.BROKEN)


def test_what_its_user_cancelled_is_written_no_further(conn: Connection[TupleRow]) -> None:
    account_id = add_account(conn)
    job_id = start(conn, account_id)
    desk = Desk(conn, 60.0, MOST)
    job = desk.claim()
    assert job is not None
    assert not files.cancel(conn, account_id + 1, job_id), "another account's"
    assert not files.remove(conn, account_id, job_id), "it is under way"
    assert files.cancel(conn, account_id, job_id)
    with pytest.raises(Lost):
        desk.write(job, b"more")
    assert not files.cancel(conn, account_id, job_id)
    assert not files.remove(conn, account_id + 1, job_id)
    assert files.remove(conn, account_id, job_id)


def test_an_account_with_much_under_way_waits_behind_others(conn: Connection[TupleRow]) -> None:
    busy, other = add_account(conn), add_account(conn, "other")
    jobs = [start(conn, busy) for _ in range(3)] + [start(conn, other)]
    taken = [Desk(conn, 60.0, MOST).claim() for _ in range(3)]
    assert [job.id for job in taken if job] == [jobs[0], jobs[3], jobs[1]]


def test_an_account_may_not_ask_for_more_than_so_many_at_once(conn: Connection[TupleRow]) -> None:
    account_id = add_account(conn)
    for _ in range(files.MOST_LIVE):
        start(conn, account_id)
    assert files.start(conn, New(account_id, 1, Kind.LEDGER, "a.csv", ask(Kind.LEDGER))) is None


def test_old_files_go_with_their_bytes(conn: Connection[TupleRow], database: str) -> None:
    account_id = add_account(conn)
    old, young = start(conn, account_id), start(conn, account_id)
    work_off(database)
    conn.execute("UPDATE file_job SET changed_at = now() - interval '3 days' WHERE id = %s", (old,))
    work_off(database, files_days=2)
    assert files.find(conn, account_id, old) is None
    assert list(files.read_bytes(conn, old)) == []
    assert files.find(conn, account_id, young) is not None


def start_upload(conn: Connection[TupleRow], account_id: int, data: bytes) -> int:
    with conn.transaction():
        new = New(account_id, 1, Kind.UPLOAD, "a.csv", {"account": "acme"}, Step.READ, size_bytes=len(data))
        job_id = files.start(conn, new)
        assert job_id is not None
        files.put_bytes(conn, job_id, [data])
    return job_id


def test_the_bytes_of_an_account_are_counted_and_go_with_what_failed(conn: Connection[TupleRow], database: str) -> None:
    account_id, other = add_account(conn), add_account(conn, "other")
    bad = start_upload(conn, account_id, b"caf\xff" + b"\xff\xfe\xfd\n" * 25_000)
    assert files.read_bytes_kept(conn, account_id) == 100_004
    assert files.read_bytes_kept(conn, other) == 0
    assert files.has_room(conn, account_id, 96, 100_100)
    assert not files.has_room(conn, account_id, 97, 100_100)
    work_off(database)
    assert find(conn, account_id, bad).state is State.FAILED
    assert files.read_bytes_kept(conn, account_id) == 0
    good = start_upload(conn, account_id, b"6281234567801,x\n" * 1000)
    work_off(database)
    assert find(conn, account_id, good).step is Step.MAP
    assert list(files.read_bytes(conn, good)) == [], "it is in rows now"
    assert files.read_bytes_kept(conn, account_id) > 15_000
    assert files.cancel(conn, account_id, good)
    assert files.read_bytes_kept(conn, account_id) == 0


def test_a_cancelled_export_keeps_no_bytes(conn: Connection[TupleRow]) -> None:
    account_id = add_account(conn)
    job_id = start(conn, account_id)
    desk = Desk(conn, 60.0, MOST)
    job = desk.claim()
    assert job is not None
    desk.write(job, b"half of it")
    assert files.read_bytes_kept(conn, account_id) == 10
    assert files.cancel(conn, account_id, job_id)
    assert files.read_bytes_kept(conn, account_id) == 0


def test_an_export_over_the_bytes_of_its_account_fails_and_keeps_none(
    conn: Connection[TupleRow], database: str
) -> None:
    account_id = add_account(conn)
    billing.recharge(conn, account_id, 50_000)
    job_id = start(conn, account_id)
    work_off(database, files_bytes=20)
    job = find(conn, account_id, job_id)
    assert (job.state, job.trouble) == (State.FAILED, files.Trouble.FULL)
    assert files.read_bytes_kept(conn, account_id) == 0


def test_a_clerk_whose_clock_is_wrong_takes_no_job(conn: Connection[TupleRow], database: str) -> None:
    account_id = add_account(conn)
    job_id = start(conn, account_id)
    pauses = 0

    def wait(wait_s: float) -> bool:
        nonlocal pauses
        pauses += wait_s > 0
        return pauses > 3

    wrong = DatabaseClock(5.0, lambda: clock.now_s() - 3 * 86_400)
    Clerk(Tools(database, 15.0, 7, MOST, wrong, wait, AWAY)).run()
    job = find(conn, account_id, job_id)
    assert (job.state, job.tries) == (State.WAITING, 0)
    work_off(database)
    assert find(conn, account_id, job_id).state is State.DONE
