"""Pushes from the outbox to a real web server, by real pusher processes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.flows.push_bed import IDS, Bed, hexes
from tests.poll import until_sync
from tocsin.kit import pgbin
from tocsin.traffic import Reason
from tocsin.webhooks import OutboxRow, resume, retry_aside, set_endpoint, uplink_body


@pytest.fixture
def bed(database: str, tmp_path: Path) -> Iterator[Bed]:
    made = Bed(database, tmp_path)
    yield made
    made.close()


def test_reports_arrive_in_pushes_of_50_signed_and_off_the_outbox(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    ids = IDS.take(500)
    bed.put(endpoint, ids)
    bed.start_pusher()
    until_sync(lambda: bed.waiting(endpoint) == 0)
    pushes = bed.receiver.got("a")
    assert sorted(bed.receiver.taken("a")) == sorted(hexes(ids))
    assert [len(push.rows) for push in pushes] == [50] * 10
    push = pushes[0]
    assert push.headers["content-type"] == "application/json;charset=UTF-8"
    assert push.body.startswith('{"type":"sms","cnt":50,"array":[["')
    assert abs(int(push.headers["webhook-timestamp"]) - time.time()) < 60
    key = base64.b64decode(bed.secrets[endpoint].removeprefix("whsec_"))
    signed = f"{push.id}.{push.headers['webhook-timestamp']}.{push.body}".encode()
    assert (
        push.headers["webhook-signature"]
        == "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    )
    assert len({push.id for push in pushes}) == 10
    assert bed.one("SELECT sum(n) FROM push_attempt WHERE endpoint_id = %s AND http_status = 200", endpoint) == 500
    assert bed.one("SELECT sum(cardinality(ids)) FROM push_attempt WHERE endpoint_id = %s", endpoint) == 500


def test_single_reports_are_made_one_push_when_they_are_first_claimed(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    ids = IDS.take(120)
    for each in ids:
        bed.put(endpoint, [each])
    bed.start_pusher()
    until_sync(lambda: bed.waiting(endpoint) == 0)
    assert sorted(len(push.rows) for push in bed.receiver.got("a")) == [20, 50, 50]
    assert sorted(bed.receiver.taken("a")) == sorted(hexes(ids))
    recorded = bed.conn.execute("SELECT encode(uuid_send(u), 'hex') FROM push_attempt, unnest(ids) AS u").fetchall()
    assert sorted(row[0] for row in recorded) == sorted(hexes(ids))


def test_replies_go_one_by_one(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a", "uplink")
    body = uplink_body("614040", "614899", "I want it", 1680278400)
    bed.put_rows([OutboxRow(endpoint, 1, [each], body) for each in IDS.take(5)])
    bed.start_pusher()
    until_sync(lambda: bed.waiting(endpoint) == 0)
    assert [push.body for push in bed.receiver.got("a")] == [body.decode()] * 5


def test_eight_are_in_flight_and_no_more(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", delay_s=0.1)
    bed.put(endpoint, IDS.take(50 * 40))
    bed.start_pusher()
    until_sync(lambda: bed.waiting(endpoint) == 0)
    assert bed.receiver.show("a")["most_in_flight"] == 8


def test_a_push_keeps_rows_and_id_through_retries(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", fail_first=3)
    ids = IDS.take(10)
    bed.put(endpoint, ids)
    bed.start_pusher()
    until_sync(lambda: len(bed.receiver.got("a")) >= 1)
    bed.put(endpoint, IDS.take(5))  # must not join what was tried
    until_sync(lambda: bed.waiting(endpoint) == 0)
    by_id: dict[str, set[str]] = {}
    for push in bed.receiver.got("a"):
        by_id.setdefault(push.id, set()).add(push.body)
    assert sorted(len(bodies) for bodies in by_id.values()) == [1, 1]
    # Which of the two is taken first is for their delays to say: they share no message.
    assert sorted(len(push.rows) for push in bed.receiver.got("a") if push.status == 200) == [5, 10]
    assert bed.one("SELECT count(*) FROM push_attempt WHERE http_status = 500") == 6
    assert bed.one("SELECT failing_since FROM endpoint WHERE id = %s", endpoint) is None


def test_a_row_that_cannot_be_taken_is_found_by_halving_and_set_aside(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    ids = IDS.take(200)
    bad = ids[77]
    bed.receiver.behave("a", poison=bad.hex())
    bed.put(endpoint, ids)
    bed.start_pusher(TOCSIN_PUSH_FIRST_RETRY_S="0.1")
    until_sync(lambda: bed.waiting(endpoint) == 0, timeout_s=40)
    assert sorted(bed.receiver.taken("a")) == sorted(hexes([each for each in ids if each != bad]))
    aside = bed.conn.execute("SELECT n, uuid_send(ids[1]) FROM outbox WHERE aside", binary=True).fetchall()
    assert aside == [(1, bad)]
    first = next(push for push in bed.receiver.got("a") if bad.hex() in push.body)
    assert sum(push.id == first.id for push in bed.receiver.got("a")) == 3
    bed.receiver.behave("a", poison="")
    assert retry_aside(bed.conn, bed.account_of(endpoint), "sms") == 1
    until_sync(lambda: bad.hex() in bed.receiver.taken("a"))
    until_sync(lambda: bed.one("SELECT count(*) FROM outbox") == 0)


def test_an_outage_sets_nothing_aside_and_splits_nothing(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", status=503)
    ids = IDS.take(4000)
    bed.put(endpoint, ids)
    bed.start_pusher(TOCSIN_PUSH_FIRST_RETRY_S="0.05")
    until_sync(lambda: bed.one("SELECT max(attempts) FROM outbox") >= 5)
    tried = bed.one("SELECT count(*) FROM outbox WHERE attempts > 0")
    assert tried < 40  # of 80: a dead endpoint is not offered the whole backlog, new rows come one at a time
    assert bed.one("SELECT failing_since FROM endpoint WHERE id = %s", endpoint) is not None
    bed.receiver.behave("a", status=200)
    until_sync(lambda: bed.waiting(endpoint) == 0, timeout_s=20)
    assert sorted(bed.receiver.taken("a")) == sorted(hexes(ids))
    assert all(len(push.rows) == 50 for push in bed.receiver.got("a"))
    assert bed.one("SELECT failing_since FROM endpoint WHERE id = %s", endpoint) is None


def test_410_pauses_and_a_new_url_takes_what_waits(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", status=410)
    ids = IDS.take(100)
    bed.put(endpoint, ids)
    bed.start_pusher()
    until_sync(lambda: bed.one("SELECT paused_reason FROM endpoint WHERE id = %s", endpoint))
    assert "410" in bed.one("SELECT paused_reason FROM endpoint WHERE id = %s", endpoint)
    assert bed.waiting(endpoint) == 2
    new = set_endpoint(bed.conn, bed.account_of(endpoint), "sms", bed.receiver.url("b"), bed.seal.seal)
    assert new.secret is None
    until_sync(lambda: bed.waiting(endpoint) == 0)
    assert sorted(bed.receiver.taken("b")) == sorted(hexes(ids))


def test_no_2xx_for_too_long_pauses_and_resume_goes_on(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", status=500)
    ids = IDS.take(100)
    bed.put(endpoint, ids)
    bed.start_pusher(TOCSIN_PUSH_GIVE_UP_S="1.5")
    until_sync(lambda: bed.one("SELECT paused_at FROM endpoint WHERE id = %s", endpoint))
    bed.receiver.behave("a", status=204)
    assert resume(bed.conn, endpoint)
    until_sync(lambda: bed.waiting(endpoint) == 0)
    assert sorted(bed.receiver.taken("a")) == sorted(hexes(ids))


def test_retry_after_is_honoured(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", fail_first=1, fail_status=429, headers={"Retry-After": "3"})
    bed.put(endpoint, IDS.take(1))
    bed.start_pusher()
    until_sync(lambda: bed.waiting(endpoint) == 0)
    times = [row[0] for row in bed.conn.execute("SELECT at FROM push_attempt ORDER BY id")]
    assert (times[1] - times[0]).total_seconds() >= 2.9


def test_a_late_state_waits_for_the_older_one(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    ids = IDS.take(50)
    bed.receiver.behave("a", poison='"no receipt"')
    bed.put(endpoint, ids, Reason.NO_RECEIPT)
    bed.start_pusher(TOCSIN_PUSH_FIRST_RETRY_S="0.5")
    until_sync(lambda: len(bed.receiver.got("a")) >= 1)
    bed.put(endpoint, ids[7:8], Reason.SUCCESS, late=True)
    bed.put(endpoint, ids[8:9], Reason.SUCCESS, late=True)
    others = IDS.take(3)
    bed.put(endpoint, others)
    until_sync(lambda: set(hexes(others)) <= set(bed.receiver.taken("a")))
    assert not set(hexes(ids)) & set(bed.receiver.taken("a"))
    bed.receiver.behave("a", poison="")
    until_sync(lambda: bed.waiting(endpoint) == 0)
    texts = [
        row[4] for push in bed.receiver.got("a") if push.status == 200 for row in push.rows if row[0] == ids[7].hex()
    ]
    assert texts == ["no receipt", "success"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"])
def test_the_guard_lets_nothing_inside(bed: Bed, host: str) -> None:
    endpoint = bed.add_endpoint("a", url=bed.receiver.url("a", host))
    bed.put(endpoint, IDS.take(1))
    bed.start_pusher(TOCSIN_PUSH_ALLOW="10.9.8.0/24")
    until_sync(lambda: bed.one("SELECT count(*) FROM push_attempt") >= 2)
    assert bed.receiver.got("a") == []
    errors = {row[0] for row in bed.conn.execute("SELECT error FROM push_attempt")}
    assert all("not allowed" in error for error in errors)


def test_redirects_are_failures_and_are_not_followed(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", status=307, headers={"Location": bed.receiver.url("inside")})
    bed.put(endpoint, IDS.take(1))
    bed.start_pusher()
    until_sync(lambda: len(bed.receiver.got("a")) >= 2)
    assert bed.receiver.got("inside") == []
    assert bed.waiting(endpoint) == 1


def test_a_stuck_endpoint_does_not_hold_up_another(bed: Bed) -> None:
    stuck, quick = bed.add_endpoint("stuck"), bed.add_endpoint("quick")
    bed.receiver.behave("stuck", delay_s=60)
    bed.put(stuck, IDS.take(2000))
    bed.start_pusher()
    until_sync(lambda: bed.receiver.show("stuck")["most_in_flight"] == 8)
    ids = IDS.take(5000)
    bed.put(quick, ids)
    until_sync(lambda: bed.waiting(quick) == 0)
    assert sorted(bed.receiver.taken("quick")) == sorted(hexes(ids))
    assert bed.receiver.got("stuck") == []  # its first eight are still under way


def test_a_slow_writers_rows_are_not_skipped(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    slow, quick = IDS.take(75), IDS.take(3000)
    bed.start_pusher()
    with psycopg.connect(bed.dsn) as writer:
        pgbin.register(writer)
        bed.put_rows(bed.reports(endpoint, slow), writer)
        for i in range(0, 3000, 100):
            bed.put(endpoint, quick[i : i + 100])
        until_sync(lambda: len(bed.receiver.taken("a")) >= 3000)
        writer.commit()
    until_sync(lambda: len(bed.receiver.taken("a")) >= 3075)
    assert sorted(bed.receiver.taken("a")) == sorted(hexes([*slow, *quick]))


def test_two_pushers_share_endpoints_and_push_nothing_twice(bed: Bed) -> None:
    endpoints = {f"e{i}": bed.add_endpoint(f"e{i}") for i in range(6)}
    bed.start_pusher(), bed.start_pusher()
    until_sync(lambda: bed.one("SELECT count(*) FROM process WHERE kind = 'push'") == 2)
    sent = {name: IDS.take(1000) for name in endpoints}
    for i in range(0, 1000, 25):
        for name, endpoint in endpoints.items():
            bed.put(endpoint, sent[name][i : i + 25])
    until_sync(lambda: bed.one("SELECT count(*) FROM outbox") == 0, timeout_s=20)
    for name, ids in sent.items():
        assert sorted(bed.receiver.taken(name)) == sorted(hexes(ids))


def test_what_a_killed_pusher_had_is_delivered_by_another(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", delay_s=0.05)
    ids = IDS.take(4000)
    for i in range(0, 4000, 20):
        bed.put(endpoint, ids[i : i + 20])
    first = bed.start_pusher()
    until_sync(lambda: len(bed.receiver.got("a")) >= 10)
    bed.start_pusher()
    first.kill()
    until_sync(lambda: bed.waiting(endpoint) == 0, timeout_s=20)
    assert set(bed.receiver.taken("a")) == set(hexes(ids))
    # What was in flight or not written down comes again, as the same push: same id, same rows.
    bodies: dict[str, set[str]] = {}
    for push in bed.receiver.got("a"):
        bodies.setdefault(push.id, set()).add(push.body)
    assert all(len(each) == 1 for each in bodies.values())


def test_a_stopped_pusher_ends_in_order_and_leaves_nothing_for_twice(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", delay_s=0.05)
    ids = IDS.take(4000)
    bed.put(endpoint, ids)
    first = bed.start_pusher()
    until_sync(lambda: len(bed.receiver.got("a")) >= 10)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 0
    assert bed.one("SELECT count(*) FROM endpoint_lease") == 0
    bed.start_pusher()
    until_sync(lambda: bed.waiting(endpoint) == 0)
    assert sorted(bed.receiver.taken("a")) == sorted(hexes(ids))


def test_the_pusher_survives_the_loss_of_its_sessions(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", delay_s=0.05)
    ids = IDS.take(6000)
    bed.put(endpoint, ids)
    bed.start_pusher()
    until_sync(lambda: len(bed.receiver.got("a")) >= 10)
    for _ in range(3):
        bed.conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tocsin push%'"
            " AND datname = current_database()"
        )
        seen = len(bed.receiver.got("a"))
        until_sync(lambda seen=seen: len(bed.receiver.got("a")) > seen + 4)  # type: ignore[misc]
    until_sync(lambda: bed.waiting(endpoint) == 0, timeout_s=20)
    assert set(bed.receiver.taken("a")) == set(hexes(ids))


def test_a_pusher_that_slept_through_its_lease_posts_nothing_under_it(bed: Bed) -> None:
    endpoint = bed.add_endpoint("a")
    bed.receiver.behave("a", delay_s=0.05)
    ids = IDS.take(4000)
    bed.put(endpoint, ids)
    first = bed.start_pusher()
    until_sync(lambda: len(bed.receiver.got("a")) >= 10)
    first.send_signal(signal.SIGSTOP)
    first_pushed = sum(len(push.rows) for push in bed.receiver.got("a")) + 8 * 50  # those that were still in flight
    bed.start_pusher()
    until_sync(lambda: bed.waiting(endpoint) == 0, timeout_s=20)
    before = len(bed.receiver.got("a"))
    first.send_signal(signal.SIGCONT)
    more = IDS.take(100)
    bed.put(endpoint, more)
    until_sync(lambda: set(hexes(more)) <= set(bed.receiver.taken("a")))
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 0
    pushes = bed.receiver.got("a")
    assert not set(hexes(ids)) & {row[0] for push in pushes[before:] for row in push.rows}
    assert set(bed.receiver.taken("a")) == set(hexes([*ids, *more]))
    # Only what was in flight or not written down when it fell asleep was pushed again, by the one that took over.
    times = Counter(row[0] for push in pushes for row in push.rows)
    assert max(times.values()) <= 2
    assert sum(count - 1 for count in times.values()) <= first_pushed
