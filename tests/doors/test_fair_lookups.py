"""One account's slow queries hold up its own requests, and nobody else's: not customers', not carriers', not readers'."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlencode

import psycopg
import pytest

from tests.doors.api import BALANCE, GOOD, PRICE_MICROS, Bed, Customer, Door
from tests.doors.test_mms import encode, png
from tests.doors.test_mms import send as send_mms
from tests.doors.test_track import BATCH, follow, link, make_mail
from tests.poll import until_sync
from tocsin.api.bulk import ACCOUNT_AT_ONCE, ACCOUNT_WAITING, AT_ONCE, WAITING
from tocsin.content import LinkKind

UPLINK = "/api/v1/sms/uplink"
SESSIONS, LINE = 4, 32  # of the look-ups of an API process; of an account's requests that wait
RUNNING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tocsin look-up'"
    " AND state = 'active'"
)


@contextmanager
def slow_replies(bed: Bed) -> Iterator[None]:
    """Whoever reads replies waits, until the block ends."""
    with psycopg.connect(bed.dsn) as other:
        other.execute("LOCK TABLE uplink IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.fixture
def many() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2 * LINE) as made:
        yield made


def test_another_accounts_balance_answers_and_a_slow_query_ends(bed: Bed, door: Door, many: ThreadPoolExecutor) -> None:
    busy, other = bed.customer(), bed.customer()
    with slow_replies(bed):
        asked = [many.submit(door.get, busy, UPLINK) for _ in range(2 * SESSIONS)]
        until_sync(lambda: bed.one(RUNNING) == 1, 10)
        assert [door.get(other, BALANCE).status for _ in range(5)] == [0] * 5
        assert bed.one(RUNNING) == 1, "the account has one session"
        first = until_sync(lambda: [each.result() for each in asked if each.done()], 30)[0]
        assert (first.status, first.headers["retry-after"]) == (-12, "2")
        assert "took too long" in first.json["msg"]
    assert {each.result().status for each in asked} <= {0, -12}
    assert door.get(busy, UPLINK).status == 0


def test_who_asks_too_much_at_once_is_told_so_and_others_are_not(
    bed: Bed, door: Door, many: ThreadPoolExecutor
) -> None:
    busy, other = bed.customer(), bed.customer()
    with slow_replies(bed):
        asked = [many.submit(door.get, busy, UPLINK) for _ in range(LINE + 4)]
        until_sync(lambda: sum(each.done() for each in asked) >= 3, 10)
        said = [each.result() for each in asked if each.done()]
        assert {(reply.status, reply.headers["retry-after"]) for reply in said} == {(-12, "2")}
        assert "too many requests of this account wait" in said[0].json["msg"]
        assert door.get(other, BALANCE).status == 0
    assert 0 in {each.result().status for each in asked}


def test_a_client_that_goes_away_frees_its_place(bed: Bed, door: Door) -> None:
    busy = bed.customer()
    with slow_replies(bed):
        for _ in range(3):
            door.hang_up(write_request(busy))
            until_sync(lambda: bed.one(RUNNING) == 0, 10)
        assert door.get(busy, BALANCE).status == 0


def write_request(customer: Customer) -> bytes:
    return f"GET {UPLINK}?{urlencode(customer.sign())} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def test_sends_and_readers_of_emails_do_not_wait_for_customers_queries(
    bed: Bed, door: Door, many: ThreadPoolExecutor
) -> None:
    sender = bed.customer()
    bed.conn.execute("SELECT partition_ensure('batch', to_timestamp(%s))", (BATCH / 10_000_000,))
    mail = link(bed, LinkKind.OPEN, make_mail(bed, sender))
    with slow_replies(bed):
        asked = [many.submit(door.get, bed.customer(), UPLINK) for _ in range(SESSIONS)]
        until_sync(lambda: bed.one(RUNNING) == SESSIONS, 10)
        reply = door.post(sender, GOOD, headers={"Idempotency-Key": "beside slow queries"})
        assert reply.status == 0
        assert follow(door, mail).http == 200
        assert bed.one("SELECT count(*) FROM mail_event WHERE account_id = %s", sender.id) == 1
        assert door.call("GET", "/metrics").body.count(b"tocsin_channel_waiting")
    assert {each.result().status for each in asked} <= {0, -12}


def test_large_sends_of_one_account_leave_room_for_those_of_others(
    bed: Bed, door: Door, many: ThreadPoolExecutor
) -> None:
    busy, other = bed.customer(), bed.customer(1_000 * PRICE_MICROS)
    files = {"attachment": [encode(png(7, 9_000))]}
    numbers = ",".join(str(81234560000 + n) for n in range(1_000))
    with psycopg.connect(bed.dsn) as lock:
        lock.execute("LOCK TABLE media IN ACCESS EXCLUSIVE MODE")
        asked = [many.submit(send_mms, door, busy, **files) for _ in range(AT_ONCE + WAITING + 8)]
        until_sync(lambda: any(each.done() for each in asked))
        assert door.send(other, numbers=numbers).status == 0
    said = [each.result() for each in asked]
    assert {reply.status for reply in said} == {0, -12}
    assert {reply.headers["retry-after"] for reply in said if reply.status} == {"2"}


def test_large_sends_of_many_accounts_leave_room_for_one_that_sends_none(
    bed: Bed, door: Door, many: ThreadPoolExecutor
) -> None:
    busy, other = [bed.customer() for _ in range(3)], bed.customer()
    files = {"attachment": [encode(png(8, 9_000))]}
    with psycopg.connect(bed.dsn) as lock:
        lock.execute("LOCK TABLE media IN ACCESS EXCLUSIVE MODE")
        asked = [
            many.submit(send_mms, door, each, **files)
            for each in busy
            for _ in range(ACCOUNT_AT_ONCE + ACCOUNT_WAITING)
        ]
        over = len(asked) - AT_ONCE - WAITING
        assert over > 0
        until_sync(lambda: sum(each.done() for each in asked) == over)
        late = many.submit(send_mms, door, other, **files)
        until_sync(lambda: late.done() or sum(each.done() for each in asked) > over)
        assert not late.done(), "it waits, and another of the busy accounts' was sent away"
    assert late.result().status == 0
    assert {each.result().status for each in asked} == {0, -12}
