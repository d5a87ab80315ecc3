"""The webhooks context on a real database: outbox, leases, endpoints, replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from tocsin.kit import clock, pgbin
from tocsin.kit.db import Session
from tocsin.kit.ids import Ids
from tocsin.kit.pgbin import epoch_s
from tocsin.traffic import Reason
from tocsin.webhooks import (
    Endpoints,
    Leases,
    OutboxRow,
    chunk_reports,
    list_attempts,
    list_endpoints,
    replay,
    resume,
    retry_aside,
    set_endpoint,
    statement,
    store,
    uplink_body,
)
from tocsin.webhooks.model import Attempt, Push, Verdict

IDS = Ids()
BATCH = 16844873111045857


def seal(text: str) -> str:
    return f"sealed:{text}"


class Desk:
    """A plain connection and two accounts."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.conn: psycopg.Connection[Any] = psycopg.connect(dsn, autocommit=True)
        pgbin.register(self.conn)
        self.conn.execute("INSERT INTO plan (name) VALUES ('p') ON CONFLICT DO NOTHING")
        self.account, self.other = (self._add(name) for name in ("one", "two"))
        self.batch = BATCH

    def _add(self, name: str) -> int:
        return int(self.one("INSERT INTO account (name, plan_id) SELECT %s, max(id) FROM plan RETURNING id", name))

    def one(self, query: str, *params: Any) -> Any:
        row = self.conn.execute(query.encode(), params, binary=True).fetchone()
        return row[0] if row else None

    def endpoint(self, kind: str = "sms", account: int = 0) -> int:
        return set_endpoint(self.conn, account or self.account, kind, "http://a.example/", seal).id

    def put(self, rows: list[OutboxRow]) -> None:
        query, params = statement(rows)
        self.conn.execute(query, params)

    def bodies(self) -> list[bytes]:
        return [row[0] for row in self.conn.execute("SELECT body FROM outbox ORDER BY seq, id", binary=True)]

    def pushed_rows(self) -> list[list[Any]]:
        return [row for body in self.bodies() for row in json.loads(b"[" + body + b"]")]

    def add_messages(self, count: int, product: int = 1, account: int = 0) -> list[bytes]:
        """Messages of one batch, without a report."""
        self.batch += 1
        owner, now = account or self.account, clock.now_ms()
        batch_no = now * 10_000 + self.batch % 10_000
        ids = IDS.take(count)
        self.conn.execute(
            "INSERT INTO message (id, account_id, batch_no, product, phone, country_id, parts, price_micros, status, reason)"
            " SELECT u, %s, %s, %s, '8613722222222', 10001, 2, 100000, 0, 0 FROM unnest(%s) AS u",
            (owner, batch_no, product, pgbin.uuids(ids)),
        )
        return ids

    def report(
        self, ids: list[bytes], at: datetime, reason: Reason = Reason.SUCCESS, version: int = 1, account: int = 0
    ) -> None:
        self.conn.execute(
            "INSERT INTO report (message_id, version, account_id, status, reason, fee_micros, submitted_at, at, count)"
            " SELECT u, %s, %s, %s, %s, 100000, %s, %s, 2 FROM unnest(%s) AS u",
            (version, account or self.account, reason.end.status, reason, at, at, pgbin.uuids(ids)),
        )


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    made = Desk(database)
    yield made
    made.conn.close()


async def test_rows_keep_their_order_ids_and_bodies(desk: Desk) -> None:
    first, second = desk.endpoint(), desk.endpoint("uplink")
    ids = IDS.take(120)
    rows = chunk_reports(first, [(each, b"[%d]" % i, i == 119) for i, each in enumerate(ids)])
    rows.append(OutboxRow(second, 1, [], b"{}"))
    desk.put(rows)
    stored = desk.conn.execute(
        "SELECT endpoint_id, n, late, (SELECT array_agg(uuid_send(u)) FROM unnest(ids) AS u), body FROM outbox ORDER BY seq",
        binary=True,
    ).fetchall()
    assert [row[:3] for row in stored] == [
        (first, 50, False), (first, 50, False), (first, 19, False), (first, 1, True), (second, 1, False),
    ]  # fmt: skip
    assert [each for row in stored for each in row[3] or []] == ids
    assert stored[1][4] == b",".join(b"[%d]" % i for i in range(50, 100))


async def test_endpoints_are_known_and_renewed(desk: Desk) -> None:
    session = Session(desk.dsn, "test")
    endpoints = Endpoints()
    sms = desk.endpoint()
    await endpoints.load(session)
    found = endpoints.of(desk.account, "sms")
    assert found is not None
    assert (found.id, found.url, found.paused, endpoints.of(desk.other, "sms")) == (
        sms,
        "http://a.example/",
        False,
        None,
    )
    set_endpoint(desk.conn, desk.account, "sms", "https://b.example/", seal)
    other = desk.endpoint("sms", desk.other)
    await endpoints.refresh(session, frozenset({"endpoint"}))
    renewed = endpoints.of(desk.account, "sms")
    assert renewed is not None
    assert renewed.url == "https://b.example/"
    assert renewed.secret == found.secret
    assert endpoints.get(other) is not None
    desk.conn.execute("DELETE FROM endpoint WHERE id = %s", (sms,))
    await endpoints.refresh(session, frozenset({"endpoint", "endpoint.deleted"}))
    assert endpoints.of(desk.account, "sms") is None
    assert endpoints.get(other) is not None
    await session.close()


async def test_a_lease_is_one_pushers_until_it_is_over(desk: Desk) -> None:
    session = Session(desk.dsn, "test")
    endpoint = desk.endpoint()
    desk.put([OutboxRow(endpoint, 1, [], b"[]")])
    first, second = Leases(session, 1, 30.0), Leases(session, 2, 30.0)
    assert await first.take_waiting([]) == [endpoint]
    assert await second.take_waiting([]) == []
    assert await second.renew([endpoint]) == set()
    assert await first.renew([endpoint]) == {endpoint}
    desk.conn.execute("UPDATE endpoint_lease SET lease_end = now() - interval '1 second'")
    assert await second.take_waiting([]) == [endpoint]
    assert await first.renew([endpoint]) == set()
    await first.drop([endpoint])  # no longer its to drop
    assert await second.renew([endpoint]) == {endpoint}
    await second.drop([endpoint])
    desk.conn.execute("UPDATE endpoint SET paused_at = now()")
    assert await first.take_waiting([]) == []
    await session.close()


async def test_small_rows_are_made_one_only_under_the_lease(desk: Desk) -> None:
    session = Session(desk.dsn, "test")
    endpoint = desk.endpoint()
    ids = IDS.take(3)
    desk.put([OutboxRow(endpoint, 1, [each], b"[%d]" % i) for i, each in enumerate(ids)])
    rows = await store.read_waiting(session, endpoint, store.Range([], 10, 500))
    pairs = [(rows[0].id, row.id) for row in rows]
    assert await store.fix(session, endpoint, 7, pairs) == {}
    assert desk.one("SELECT count(*) FROM outbox") == 3
    await Leases(session, 7, 30.0).take_waiting([])
    assert await store.fix(session, endpoint, 7, pairs) == {rows[0].id: 3}
    again = await store.read_waiting(session, endpoint, store.Range([], 10, 500))
    assert [(row.id, row.n, row.fixed, row.body, row.webhook_id) for row in again] == [
        (rows[0].id, 3, True, b"[0],[1],[2]", rows[0].webhook_id)
    ]
    assert desk.one("SELECT array_agg(uuid_send(u)) FROM outbox, unnest(ids) AS u") == ids
    await session.close()


async def test_reads_are_bounded_by_rows_and_leave_out_what_is_in_hand(desk: Desk) -> None:
    session = Session(desk.dsn, "test")
    endpoint = desk.endpoint()
    desk.put([OutboxRow(endpoint, 50, [], b"[]") for _ in range(10)])
    rows = await store.read_waiting(session, endpoint, store.Range([], 10, 120))
    assert len(rows) == 3
    rest = await store.read_waiting(session, endpoint, store.Range([row.id for row in rows], 4, 5000))
    assert [row.seq for row in rest] == sorted(row.seq for row in rest)
    assert len(rest) == 4
    assert not {row.id for row in rest} & {row.id for row in rows}
    await session.close()


def attempt(push: Push, verdict: Verdict, **more: Any) -> Attempt:
    return Attempt(push, clock.now_s(), 12, 500, "answered 500", "oh", verdict, **more)


async def test_what_became_of_pushes_is_written_at_once(desk: Desk) -> None:
    session = Session(desk.dsn, "test")
    endpoint = desk.endpoint()
    ids = IDS.take(6)
    desk.put([OutboxRow(endpoint, 1, [each], b"[%d]" % i) for i, each in enumerate(ids[:3])])
    desk.put([OutboxRow(endpoint, 3, ids[3:], b"[3],[4],[5]")])
    taken, again, aside, cut = await store.read_waiting(session, endpoint, store.Range([], 10, 500))
    halves = ((1, b"[3]"), (2, b"[4],[5]"))
    await session.batch(
        [
            store.settle(
                [
                    attempt(taken, Verdict.TAKEN),
                    attempt(again, Verdict.RETRY, delay_ms=60_000),
                    attempt(aside, Verdict.ASIDE),
                    attempt(cut, Verdict.RETRY, halves=halves),
                ]
            ),
            store.split(cut.id, halves),
        ]
    )
    rows = desk.conn.execute(
        "SELECT seq, attempts, fixed, aside, due > now() + interval '50 seconds', n, body,"
        " (SELECT array_agg(uuid_send(u)) FROM unnest(ids) AS u) FROM outbox ORDER BY seq, id",
        binary=True,
    ).fetchall()
    assert rows == [
        (again.seq, 1, True, False, True, 1, b"[1]", [ids[1]]),
        (aside.seq, 1, True, True, False, 1, b"[2]", [ids[2]]),
        (cut.seq, 1, True, False, False, 1, b"[3]", [ids[3]]),
        (cut.seq, 1, True, False, False, 2, b"[4],[5]", ids[4:]),
    ]
    assert desk.one("SELECT count(*) FROM push_attempt WHERE http_status = 500 AND cardinality(ids) = n") == 4
    latest = list_attempts(desk.conn, endpoint)
    assert {entry.webhook_id for entry in latest} == {push.webhook_id for push in (cut, aside, again, taken)}
    assert (latest[0].http_status, latest[0].error, latest[0].answer) == (500, "answered 500", "oh")
    view = list_endpoints(desk.conn, desk.account)[0]
    assert (view.account, view.kind, view.waiting, view.aside) == ("one", "sms", 3, 1)
    await session.close()


async def test_a_late_row_is_blocked_by_an_older_one_of_its_message_alone(desk: Desk) -> None:
    session = Session(desk.dsn, "test")
    endpoint, other = desk.endpoint(), desk.endpoint("mms")
    ids = IDS.take(4)
    desk.put([OutboxRow(endpoint, 2, ids[:2], b"[0],[1]"), OutboxRow(other, 1, ids[2:3], b"[2]")])
    desk.put([OutboxRow(endpoint, 1, [each], b"[9]", late=True) for each in ids])
    rows = await store.read_waiting(session, endpoint, store.Range([], 10, 500))
    late = [row.id for row in rows if row.late]
    assert await store.blocked_late(session, late) == set(late[:2])
    desk.conn.execute("DELETE FROM outbox WHERE id = %s", (rows[0].id,))
    assert await store.blocked_late(session, late) == set()
    await session.close()


def test_an_endpoint_is_set_once_and_keeps_its_secret(desk: Desk) -> None:
    new = set_endpoint(desk.conn, desk.account, "sms", "http://a.example/x", seal)
    assert new.secret is not None
    assert new.secret.startswith("whsec_")
    assert desk.one("SELECT secret FROM endpoint") == seal(new.secret)
    desk.conn.execute("UPDATE endpoint SET paused_at = now(), paused_reason = 'x', failing_since = now()")
    desk.put([OutboxRow(new.id, 1, [], b"[]")])
    desk.conn.execute("UPDATE outbox SET attempts = 9, due = now() + interval '1 hour'")
    again = set_endpoint(desk.conn, desk.account, "sms", "http://b.example/", seal)
    assert again == (new.id, None)
    assert desk.one("SELECT paused_at IS NULL AND failing_since IS NULL AND paused_reason = '' FROM endpoint")
    assert desk.one("SELECT due <= now() FROM outbox")


@pytest.mark.parametrize("url", ["", "ftp://a.example/", "http://u:p@a.example/", "http://a b/"])
def test_bad_urls_and_kinds_are_refused(desk: Desk, url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        set_endpoint(desk.conn, desk.account, "sms", url, seal)
    with pytest.raises(ValueError, match="kind"):
        set_endpoint(desk.conn, desk.account, "fax", "http://a.example/", seal)


def test_resume_says_whether_there_was_one(desk: Desk) -> None:
    assert not resume(desk.conn, 999)
    assert resume(desk.conn, desk.endpoint())


def test_replay_sends_the_present_state_from_a_point_in_time(desk: Desk) -> None:
    desk.endpoint()
    start = clock.now() - timedelta(hours=3)
    before, inside, foreign, voice, sending = (
        desk.add_messages(5), desk.add_messages(2300), desk.add_messages(3, account=desk.other),
        desk.add_messages(2, product=3), desk.add_messages(2),
    )  # fmt: skip
    desk.report(before, start - timedelta(minutes=1))
    desk.report(inside[:1500], start)  # more than a page in one instant
    desk.report(inside[1500:], start + timedelta(hours=1), Reason.NO_RECEIPT)
    desk.report(inside[2000:], start + timedelta(hours=2), Reason.SUCCESS, version=2)
    desk.report(foreign, start, account=desk.other)
    desk.report(voice, start)
    desk.report(sending, start, Reason.SENDING)
    count = replay(desk.conn, desk.account, "sms", start, start + timedelta(minutes=90))
    rows = desk.pushed_rows()
    assert count == len(rows) == 2300
    assert [row[0] for row in rows] == [each.hex() for each in sorted(inside[:1500]) + sorted(inside[1500:])]
    assert {row[0] for row in rows if row[4] == "no receipt"} == {each.hex() for each in inside[1500:2000]}
    sizes = [row[0] for row in desk.conn.execute("SELECT n FROM outbox ORDER BY seq")]
    assert max(sizes) == 50
    moment = int(epoch_s(start))
    assert rows[0][2:] == [rows[0][2], 1, "success", rows[0][5], "2", "0.1"]
    assert datetime.fromisoformat(rows[0][2]).timestamp() == moment


def test_replay_says_again_what_was_reported_meanwhile(desk: Desk) -> None:
    endpoint = desk.endpoint()
    ids = desk.add_messages(2)
    desk.report(ids, clock.now() - timedelta(days=1), Reason.NO_RECEIPT)
    desk.report(ids[:1], clock.now(), Reason.SUCCESS, version=2)
    assert (
        replay(desk.conn, desk.account, "sms", clock.now() - timedelta(days=2), clock.now() - timedelta(hours=1)) == 2
    )
    # Reported after the end of the span, so perhaps while it was read: said once more, behind what was read.
    assert [(row[0], row[4]) for row in desk.pushed_rows()] == [
        (ids[0].hex(), "success"),
        (ids[1].hex(), "no receipt"),
        (ids[0].hex(), "success"),
    ]
    assert desk.one("SELECT bool_and(late) FROM outbox WHERE endpoint_id = %s", endpoint)


def test_replay_of_voice_and_of_replies(desk: Desk) -> None:
    desk.endpoint("vos")
    ids = desk.add_messages(2, product=3) + desk.add_messages(2, product=4)
    start = clock.now() - timedelta(minutes=5)
    desk.report(ids, start)
    assert replay(desk.conn, desk.account, "vos", start) == 4
    assert all(len(row) == 6 for row in desk.pushed_rows())
    desk.conn.execute("DELETE FROM outbox")
    desk.endpoint("uplink")
    (reply_id,) = Ids().take(1, clock.now_ms() - 1000)  # not of this very millisecond, which replay leaves out
    desk.conn.execute(
        "INSERT INTO uplink (id, account_id, channel_id, user_number, service_number, content, at, message_id)"
        " VALUES (%s, %s, 1, '614040', '614899', 'I want it', to_timestamp(1680278400), %s)",
        (reply_id.hex(), desk.account, ids[0].hex()),
    )
    assert replay(desk.conn, desk.account, "uplink", start) == 1
    assert desk.bodies() == [uplink_body("614040", "614899", "I want it", 1680278400, message_id=ids[0].hex())]


def test_replay_needs_an_endpoint_and_a_history(desk: Desk) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        replay(desk.conn, desk.account, "sms", clock.now())
    with pytest.raises(ValueError, match="history"):
        replay(desk.conn, desk.account, "tracking", clock.now())


def test_what_was_set_aside_comes_back_in_its_present_state(desk: Desk) -> None:
    endpoint = desk.endpoint()
    ids = desk.add_messages(2)
    desk.report(ids, clock.now(), Reason.NO_RECEIPT)
    desk.report(ids[:1], clock.now(), Reason.SUCCESS, version=2)
    gone = IDS.one()
    desk.put([OutboxRow(endpoint, 1, [each], b'["old"]') for each in [*ids, gone]])
    desk.conn.execute("UPDATE outbox SET aside = true")
    waiting = IDS.one()
    desk.put([OutboxRow(endpoint, 1, [waiting], b'["waits"]')])
    assert retry_aside(desk.conn, desk.account, "sms") == 3
    rows = desk.pushed_rows()
    assert rows[0] == ["waits"]
    assert [row[4] for row in rows[1:3]] == ["success", "no receipt"]
    assert rows[3] == ["old"]  # its message is gone: what is kept is sent
    assert desk.one("SELECT count(*) FROM outbox WHERE aside") == 0
