"""Every named statement is used and can be planned on the migrated schema; the hot ones by indices; old days go in order."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, errors
from psycopg._queries import MAX_CACHED_STATEMENT_LENGTH, MAX_CACHED_STATEMENT_PARAMS
from psycopg.rows import TupleRow

import tocsin
from tests.conftest import clone_database
from tests.contexts.desk import Desk, prepare, receipt
from tocsin import messaging
from tocsin.kit.db import STABLE_PLANS, Queries, Session
from tocsin.kit.ids import Ids

ROOT = Path(tocsin.__file__).parent
FILES = {str(file.parent.relative_to(ROOT)): file for file in sorted(ROOT.rglob("queries.sql"))}
STATEMENTS = [(place, name) for place, file in FILES.items() for name in Queries(file).names()]

COLUMNS = {
    ("webhooks", "enqueue"): "uuid[] integer[] integer[] integer[] integer[] bytea[]",
    ("webhooks", "take_leases"): "bigint double_precision integer[]",
    ("webhooks", "settle"): (
        "bigint[] text[] timestamptz[] integer[] integer[] text[] text[] integer[] bigint[] text[] text[]"
    ),
    ("webhooks", "split"): "bigint integer[] integer[] integer[] bytea[]",
    ("webhooks", "fix"): "integer bigint bigint[] bigint[]",
    ("webhooks", "reports_of"): "uuid[]",
    (
        "carriers/sandbox",
        "keep",
    ): "integer text[] uuid[] integer[] integer[] text[] integer uuid[] bigint[] bigint[] bytea[]",
    ("messaging", "accept"): "boolean",
    ("accounts", "note_uses"): "integer[] timestamptz[]",
    ("api", "take"): "text[] bigint[] integer[]",
    ("audit", "log_requests"): (
        "integer[] timestamptz[] text[] text[] text[] integer[] integer[] integer[] text[] integer[] integer[] bigint[]"
        " integer[] text[] text[] integer[]"
    ),
    ("audit", "recount_requests"): "integer[] bigint[] integer[]",
    ("audit", "count_requests"): "integer[] bigint[] bigint[] bigint[] bigint[]",
}
"""Types of parameters that bring theirs along (kit.pgbin), where PostgreSQL cannot tell them by itself."""

STAGES = [("billing", "price_stage"), ("compliance", "list_stage")]
# CREATE TABLE, COPY, ANALYZE
NOT_PLANNED = {
    *STAGES,
    ("billing", "price_copy"),
    ("compliance", "list_copy"),
    ("bootstrap", "analyze"),
}
HOT = [
    "claimed_messages", "ended_messages", "batch_texts", "handed_parts", "match", "match_unknown", "lock_messages", "part_receipts",
    "present_states", "open_messages", "last_message_to", "uplink_page", "report_by_ids", "report_ids", "batch_range", "batch_rows",
    "never_handed_over", "unmatched_waiting", "find_idempotency", "overdue_watch",
]  # fmt: skip
BIG = re.compile(
    r"Seq Scan on (message|submission|report|part_receipt|batch|uplink|outbox|idempotency|unmatched_receipt)(_\d|\b)"
)


def number_parameters(query: str, types: str = "") -> str:
    """psycopg's placeholders as $1, $2, ...; with casts where types are given."""
    names: list[str] = []
    kinds = [kind.replace("_", " ") for kind in types.split()]

    def put(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        key = found[1] or f"#{len(names)}"
        if key not in names:
            names.append(key)
        place = names.index(key)
        return f"${place + 1}" + (f"::{kinds[place]}" if place < len(kinds) else "")

    return re.sub(r"%%|%s|%\((\w+)\)s", put, query)


def read(place: str, name: str) -> str:
    return number_parameters(Queries(FILES[place])[name].decode(), COLUMNS.get((place, name), ""))


@pytest.fixture(scope="module")
def planner(database_server: str) -> Iterator[Connection[TupleRow]]:
    """Where a sequential scan shows only if nothing else is possible."""
    with clone_database(database_server) as dsn, psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("SET enable_seqscan = off")
        for place, name in STAGES:
            conn.execute(Queries(FILES[place])[name].replace(b"ON COMMIT DROP", b""))
        yield conn


def explain(conn: Connection[TupleRow], place: str, name: str) -> str:
    return "\n".join(row[0] for row in conn.execute(f"EXPLAIN (GENERIC_PLAN) {read(place, name)}".encode()))


def test_conversions_are_kept() -> None:
    """psycopg converts what it finds too long at each call; so does kit.direct never, and the demo's past is written once."""
    for place, name in STATEMENTS:
        query = Queries(FILES[place])[name]
        count = query.count(b"%s") or len(set(re.findall(rb"%\(\w+\)s", query)))
        kept = count <= MAX_CACHED_STATEMENT_PARAMS and len(query) <= MAX_CACHED_STATEMENT_LENGTH
        assert kept or (place, name) in {("messaging", "accept"), ("bootstrap", "batch")}, name


def test_all_files_are_looked_at() -> None:
    assert {
        "messaging",
        "queue",
        "webhooks",
        "billing",
        "routing",
        "compliance",
        "accounts",
        "carriers/sandbox",
    } <= set(FILES)


@pytest.mark.parametrize("place", FILES)
def test_every_statement_is_used(place: str) -> None:
    own = "".join(file.read_text() for file in FILES[place].parent.glob("*.py"))
    unused = [name for name in Queries(FILES[place]).names() if f'"{name}"' not in own]
    assert unused == []


@pytest.mark.parametrize("place", FILES)
def test_every_statement_that_code_names_is_there(place: str) -> None:
    own = "".join(file.read_text() for file in FILES[place].parent.glob("*.py"))
    named = set(re.findall(r'(?:QUERIES|_SQL)\["(\w+)"\]', own))
    assert named <= set(Queries(FILES[place]).names())


@pytest.mark.parametrize(("place", "name"), [each for each in STATEMENTS if each not in NOT_PLANNED])
def test_every_statement_can_be_planned(planner: Connection[TupleRow], place: str, name: str) -> None:
    assert explain(planner, place, name)


@pytest.mark.parametrize(
    ("place", "name"),
    [*(("messaging", name) for name in HOT), ("webhooks", "orphaned_endpoints"), ("webhooks", "drop_waiting")],
)
def test_hot_statements_need_no_sequential_scan(planner: Connection[TupleRow], place: str, name: str) -> None:
    assert not BIG.search(explain(planner, place, name))


@pytest.mark.parametrize(
    ("place", "name", "index"),
    [
        ("webhooks", "attempts_all", "push_attempt_endpoint"),
        ("webhooks", "attempts_taken", "push_attempt_endpoint"),
        ("webhooks", "attempts_failed", "push_attempt_failed"),
        ("webhooks", "attempts_test", "push_attempt_test"),
        ("webhooks", "find_test", "push_attempt_test"),
        ("webhooks", "take_tests", "test_event_waiting"),
        ("webhooks", "recent_tests", "test_event_account"),
        ("webhooks", "take_replay", "push_replay_open"),
        ("audit", "read_requests", "api_request_"),
    ],
)
def test_pages_of_long_lists_are_read_by_indices(
    planner: Connection[TupleRow], place: str, name: str, index: str
) -> None:
    plan = explain(planner, place, name)
    assert not re.search(r"Seq Scan on (push_attempt|test_event|push_replay|api_request)", plan)
    assert index in plan


LISTS = [f"{table}_{part}" for table in ("blacklist", "opt_out") for part in ("page", "of", "left")]


@pytest.mark.parametrize("name", ["barred", *LISTS])
def test_lists_of_a_million_are_read_by_indices(planner: Connection[TupleRow], name: str) -> None:
    plan = explain(planner, "compliance", name)
    assert "Seq Scan" not in plan
    assert "Index" in plan


@pytest.mark.parametrize("name", ["look", "finish", "shrink", "release"])
def test_items_are_found_by_id_even_where_owners_would_do(planner: Connection[TupleRow], name: str) -> None:
    """The index of owners keeps an entry for every claim that an old snapshot can see: no plan may be able to use it."""
    with planner.transaction(force_rollback=True):
        planner.execute("ALTER TABLE lane_item DROP CONSTRAINT lane_item_pkey")
        assert "lane_item_owned" not in explain(planner, "queue", name)


def test_the_outbox_is_never_walked_for_what_has_an_id_or_an_endpoint(planner: Connection[TupleRow]) -> None:
    """For the same reason: a join that begins at the outbox reads all that is dead in it."""
    assert "Join Filter" not in explain(planner, "webhooks", "settle").partition("CTE kept")[0]
    waiting = explain(planner, "webhooks", "waiting_endpoints")
    assert "SubPlan" in waiting
    assert re.search(r"Index Cond: \(endpoint_id = e\.id\)", waiting)


def test_a_sequential_scan_would_be_seen(planner: Connection[TupleRow]) -> None:
    plan = "\n".join(row[0] for row in planner.execute("EXPLAIN SELECT 1 FROM message WHERE parts = 3"))
    assert BIG.search(plan)


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    prepare(database)
    made = Desk(database)
    await made.open()
    yield made
    await made.close()


def find_read(plan: dict[str, Any]) -> set[str]:
    """Tables that a plan really looked into."""
    mine = {plan["Relation Name"]} if plan["Actual Loops"] > 0 and "Relation Name" in plan else set()
    return mine.union(*(find_read(inner) for inner in plan.get("Plans", [])))


async def test_look_ups_by_id_read_one_days_partition(desk: Desk) -> None:
    """At the generic plan, which sessions of the data plane force."""
    account = await desk.add_account()
    ids = await desk.accept(account, 3)
    names = await desk.submit(ids)
    await desk.receive(*map(receipt, names))
    column = "ARRAY[" + ",".join(f"'{each.hex()}'" for each in ids) + "]::uuid[]"
    desk.conn.execute(STABLE_PLANS)
    for name, arguments, tables in [
        ("claimed_messages", column, ["message"]),
        ("lock_messages", column, ["message"]),
        ("part_receipts", column, ["part_receipt"]),
        ("present_states", column, ["report"]),
        ("ended_messages", column, ["report"]),
        ("open_messages", column, ["message", "report"]),
        ("report_by_ids", f"{column}, {account.id}, '{{1}}'", ["message", "report"]),
        ("match", f"'{{account}}', ARRAY['{names[0]}'], ARRAY[''], {desk.channel}, 288000", ["message", "report"]),
    ]:
        desk.conn.execute(f"PREPARE q AS {read('messaging', name)}".encode())
        row = desk.conn.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE q({arguments})".encode()).fetchone()
        desk.conn.execute("DEALLOCATE q")
        assert row is not None
        found = find_read(row[0][0]["Plan"])
        assert {table: sum(each.startswith(f"{table}_2") for each in found) for table in tables} == dict.fromkeys(
            tables, 1
        ), name


async def test_a_reply_looks_back_a_month_only_where_something_was_scheduled(desk: Desk) -> None:
    """Ordinary replies read the partitions of seven days; a batch that is due later changes nothing, one that was due does."""
    account = await desk.add_account()
    (message_id,) = await desk.accept(account, 1)
    desk.conn.execute("SELECT partition_ensure('message', now() - interval '20 days')")
    (old,) = (
        row[0]
        for row in desk.conn.execute(
            "SELECT 'message_' || to_char(now() AT TIME ZONE 'UTC' - interval '20 days', 'YYYYMMDD')"
        )
    )
    desk.conn.execute(STABLE_PLANS)
    desk.conn.execute(f"PREPARE q AS {read('messaging', 'last_message_to')}".encode())

    def look() -> set[str]:
        ask = f"EXECUTE q(ARRAY['{desk.phone(message_id)}'], {desk.channel})"
        row = desk.conn.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {ask}".encode()).fetchone()
        assert row is not None
        return find_read(row[0][0]["Plan"])

    for due, found in [("NULL", False), ("now() + interval '1 hour'", False), ("now() - interval '1 hour'", True)]:
        desk.conn.execute(f"UPDATE batch SET due_at = {due}".encode())
        assert (old in look()) is found, due


# --- models


def test_models_agree_with_the_database(database: str) -> None:
    """Names, types and nulls of every column; and no change of a model without its migration."""
    code = (
        "import json, django; django.setup()\n"
        "from django.apps import apps; from django.core.management import call_command; from django.db import connection\n"
        "call_command('makemigrations', check=True, dry_run=True, verbosity=0)\n"
        "print(json.dumps({m._meta.db_table: "
        "{f.column: [f.db_type(connection).replace('varchar', 'character varying'), f.null] for f in m._meta.local_fields}"
        " for m in apps.get_models()}))"
    )
    environ = {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "tocsin.schema.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    models = json.loads(done.stdout.splitlines()[-1])
    assert {"account", "channel", "price", "endpoint"} <= set(models)
    with psycopg.connect(database) as conn:
        for table, columns in models.items():
            rows = conn.execute(
                "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                (table,),
            ).fetchall()
            assert {name: [kind, null] for name, kind, null in rows} == columns, table


# --- retention

TABLES = ("batch", "message", "submission", "report", "part_receipt")
KEEP_S = 47 * 86400.0


@pytest.fixture
async def session(database: str) -> AsyncIterator[Session]:
    made = Session(database, "keep")
    yield made
    await made.close()


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with psycopg.connect(database, autocommit=True) as made:
        made.execute("SET timezone = 'UTC'")
        yield made


def make_days(conn: Connection[TupleRow], *days_ago: int) -> None:
    for days in days_ago:
        for table in TABLES:
            conn.execute("SELECT partition_ensure(%s, now() - %s * interval '1 day')", (table, days))


def list_days(conn: Connection[TupleRow], table: str = "message") -> set[int]:
    """How many days ago the partitions before this week began."""
    rows = conn.execute(
        "SELECT current_date - to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') FROM pg_inherits"
        " WHERE inhparent = %s::regclass",
        (table,),
    ).fetchall()
    return {days for (days,) in rows if days > 7}


def make_id(conn: Connection[TupleRow], days_ago: float) -> bytes:
    row = conn.execute("SELECT (extract(epoch FROM now()) * 1000)::bigint").fetchone()
    assert row is not None
    return Ids().take(1, now_ms=row[0] - int(days_ago * 86_400_000))[0]


async def test_old_days_go_and_young_ones_stay(conn: Connection[TupleRow], session: Session) -> None:
    make_days(conn, *range(40, 61))
    await messaging.keep_partitions(session, KEEP_S)
    for table in ("message", "report", "part_receipt", "batch"):
        # A day whose last message is 47 days old, and one more, since a batch may begin the day before.
        assert list_days(conn, table) == set(range(40, 49)), table


async def test_no_submission_of_a_kept_message_goes(conn: Connection[TupleRow], session: Session) -> None:
    """Weeks: one goes only when its last day is over by as much."""
    make_days(conn, *range(40, 71))
    await messaging.keep_partitions(session, KEEP_S)
    weeks = list_days(conn, "submission")
    assert max(weeks) >= max(list_days(conn, "message")) - 7
    assert 47 <= max(weeks) <= 47 + 8


async def test_the_next_month_is_made(conn: Connection[TupleRow], session: Session) -> None:
    conn.execute("DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'message'::regclass"
                 " LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$")  # fmt: skip
    await messaging.keep_partitions(session, KEEP_S)
    ahead = conn.execute("SELECT max(to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD')) - current_date FROM pg_inherits"
                         " WHERE inhparent = 'message'::regclass").fetchone()  # fmt: skip
    assert ahead == (30,)


@pytest.mark.parametrize(
    "waits",
    [
        "INSERT INTO lane_item (channel_id, priority, account_id, ids) VALUES (1, 1, 1, %s)",
        "INSERT INTO receipt_watch (due, ids) VALUES (now(), %s)",
        "INSERT INTO outbox (endpoint_id, n, ids, body) VALUES (1, 1, %s, '')",
        "INSERT INTO outbox (endpoint_id, n, ids, body, aside) VALUES (1, 1, %s, '', true)",
    ],
)
async def test_nothing_goes_that_something_waits_for(conn: Connection[TupleRow], session: Session, waits: str) -> None:
    make_days(conn, 55, 56, 57, 58, 59, 60, 65)
    young, needed = make_id(conn, 1), make_id(conn, 57)
    conn.execute(waits.encode(), ([young.hex(), needed.hex()],))
    conn.execute(waits.encode(), ([young.hex()],))
    await messaging.keep_partitions(session, KEEP_S)
    kept = list_days(conn)
    assert kept >= {55, 56, 57}
    assert 65 not in kept
    for table in ("lane_item", "receipt_watch", "outbox"):
        conn.execute(f"DELETE FROM {table}".encode())
    await messaging.keep_partitions(session, KEEP_S)
    assert list_days(conn) == set()


async def test_a_long_reader_puts_it_off(conn: Connection[TupleRow], session: Session, database: str) -> None:
    """Everybody would wait behind a lock that waits for a reader: rather not today."""
    make_days(conn, 60)
    with psycopg.connect(database) as reader:
        reader.execute("SELECT count(*) FROM message")
        with pytest.raises(errors.LockNotAvailable):
            await messaging.keep_partitions(session, KEEP_S)
    assert 60 in list_days(conn)
    await messaging.keep_partitions(session, KEEP_S)
    assert list_days(conn) == set()


async def test_what_was_given_up_and_old_replies_go(conn: Connection[TupleRow], session: Session) -> None:
    for days, given_up in [(60, True), (60, False), (40, True)]:
        conn.execute(
            "INSERT INTO unmatched_receipt (channel_id, carrier_id, phone, status, reason, at, received_at, given_up)"
            " VALUES (1, 'x', '', 1, 1, now(), now() - %s * interval '1 day', %s)",
            (days, given_up),
        )
    for days in (60, 40):
        conn.execute(
            "INSERT INTO uplink (id, channel_id, user_number, service_number, content, at) VALUES (%s, 1, '', '', %s, now())",
            (make_id(conn, days).hex(), str(days)),
        )
    await messaging.keep_partitions(session, KEEP_S)
    left = conn.execute(
        "SELECT current_date - received_at::date, given_up FROM unmatched_receipt ORDER BY id"
    ).fetchall()
    assert left == [(60, False), (40, True)]
    assert conn.execute("SELECT content FROM uplink").fetchall() == [("40",)]


async def test_the_oldest_that_is_needed(conn: Connection[TupleRow], session: Session) -> None:
    """Only what is older than the limit is asked for; the time is that of the id."""
    from tocsin.messaging.store import QUERIES

    young, old, older = (make_id(conn, days) for days in (10, 50, 52))
    for ids in ([young], [young, old], [older, young]):
        conn.execute("INSERT INTO receipt_watch (due, ids) VALUES (now(), %s)", ([each.hex() for each in ids],))
    limit = conn.execute("SELECT now() - interval '47 days'").fetchone()
    assert limit is not None
    found: datetime = (await session.rows(QUERIES["oldest_needed"], limit))[0][0]
    assert round(found.timestamp() * 1000) == int.from_bytes(older[:6], "big")
    long_ago = conn.execute("SELECT now() - interval '60 days'").fetchone()
    assert (await session.rows(QUERIES["oldest_needed"], long_ago or ()))[0][0] is None


def test_contexts_keep_their_statements_to_themselves() -> None:
    """No SQL text in Python beside the statements of queries.sql: what is not there is not tested here."""
    assert importlib.import_module("tocsin.messaging.store").QUERIES.names() == Queries(FILES["messaging"]).names()
