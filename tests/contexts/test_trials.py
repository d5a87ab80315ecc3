"""Test events on a real database against a real server; replays of attempts and of a time, in slices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network

import psycopg
import pytest

from tests.contexts.test_webhooks import Desk
from tests.poll import until
from tocsin import webhooks
from tocsin.kit import clock
from tocsin.kit.address import Guard
from tocsin.kit.db import Session
from tocsin.kit.egress import Egress
from tocsin.webhooks import backlog, sign

SECRET = sign.new_secret()


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    made = Desk(database)
    yield made
    made.conn.close()


class Server:
    """Writes down what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.answer = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 6\r\n\r\nthanks"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        self.got.append(head + await reader.readexactly(length))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def trying(dsn: str, *allowed: str) -> AsyncIterator[tuple[Server, int]]:
    """A pusher's part for test events, and a server; its port."""
    server = Server()
    listening = await asyncio.start_server(server.take, "127.0.0.1", 0)
    egress = Egress(Guard([ip_network(each) for each in allowed]))
    looking, writing = Session(dsn, "tests"), Session(dsn, "write")
    settler = webhooks.Settler(writing)
    trials = webhooks.Trials(looking, egress, webhooks.Keys(lambda sealed: sealed.removeprefix("sealed:")), settler)
    tasks = [asyncio.create_task(each) for each in (trials.run(), settler.run())]
    try:
        yield server, listening.sockets[0].getsockname()[1]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        egress.close()
        listening.close()
        await looking.close()
        await writing.close()


async def come(desk: Desk, test_id: int) -> webhooks.AttemptView:
    """The attempt of a test event, once it is there."""

    def look() -> webhooks.AttemptView | None:
        found = webhooks.find_test(desk.conn, desk.account, test_id)
        return found.attempt if found else None

    await until(look, 10)
    found = look()
    assert found is not None
    return found


def point(desk: Desk, url: str, kind: str = "sms") -> None:
    webhooks.set_endpoint(desk.conn, desk.account, kind, url, lambda _: f"sealed:{SECRET}")


@pytest.mark.parametrize("kind", webhooks.KINDS)
async def test_a_test_event_is_signed_and_marked_and_counts_nowhere(desk: Desk, kind: str) -> None:
    async with trying(desk.dsn, "127.0.0.0/8") as (server, port):
        point(desk, f"http://127.0.0.1:{port}/in", kind)
        desk.conn.execute("UPDATE endpoint SET paused_at = now()")  # also a paused one may be tried
        found = await come(desk, webhooks.ask_test(desk.conn, desk.account, kind))
    assert (found.http_status, found.answer, found.test, found.error) == (200, "thanks", True, "")
    assert "server: x" in found.answer_head
    head, _, body = server.got[0].partition(b"\r\n\r\n")
    assert b"webhook-test: true" in head
    told = json.loads(body)
    assert ("fromNum" in told) if kind == "uplink" else (told["type"], told["cnt"]) == (
        "MailUserEvent" if kind == "tracking" else kind, 1)  # fmt: skip
    lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    at = int(lines[b"webhook-timestamp"])
    wanted = sign.sign(sign.key_of(SECRET), lines[b"webhook-id"].decode(), at, body)
    assert lines[b"webhook-signature"] == wanted
    assert found.request.encode().startswith(head)
    assert desk.bodies() == []
    assert desk.one("SELECT failing_since FROM endpoint") is None


async def test_a_failed_one_is_tried_once_and_the_endpoint_stays_healthy(desk: Desk) -> None:
    async with trying(desk.dsn, "127.0.0.0/8") as (server, port):
        server.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
        point(desk, f"http://127.0.0.1:{port}/in")
        found = await come(desk, webhooks.ask_test(desk.conn, desk.account, "sms"))
        second = await come(desk, webhooks.ask_test(desk.conn, desk.account, "sms"))
        assert len(server.got) == 2
    assert (found.http_status, second.http_status, found.error) == (500, 500, "answered 500")
    assert desk.one("SELECT failing_since FROM endpoint") is None


async def test_the_guard_stands_before_it(desk: Desk) -> None:
    async with trying(desk.dsn) as (server, port):
        point(desk, f"http://127.0.0.1:{port}/in")
        found = await come(desk, webhooks.ask_test(desk.conn, desk.account, "sms"))
        assert server.got == []
    assert (found.http_status, found.error) == (None, "the address is not allowed: 127.0.0.1")


def test_it_needs_an_endpoint_and_has_a_limit(desk: Desk) -> None:
    with pytest.raises(webhooks.NoEndpointError):
        webhooks.ask_test(desk.conn, desk.account, "sms")
    point(desk, "http://a.example/")
    ids = [webhooks.ask_test(desk.conn, desk.account, "sms") for _ in range(webhooks.MOST_A_MINUTE)]
    with pytest.raises(webhooks.TooManyTestsError):
        webhooks.ask_test(desk.conn, desk.account, "sms")
    assert webhooks.find_test(desk.conn, desk.other, ids[0]) is None


# --- replays


def put_attempt(desk: Desk, endpoint_id: int, ids: list[bytes]) -> int:
    return int(
        desk.one(
            "INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, http_status, n, ids)"
            " VALUES (%s, 1, 'x', now(), 1, 200, %s, %s::uuid[]) RETURNING id",
            endpoint_id, len(ids), [each.hex() for each in ids],
        )
    )  # fmt: skip


def test_what_attempts_pushed_is_pushed_again_in_its_present_state(desk: Desk) -> None:
    endpoint_id, foreign = desk.endpoint(), desk.endpoint(account=desk.other)
    ids, others = desk.add_messages(3), desk.add_messages(1, account=desk.other)
    desk.report(ids, clock.now())
    desk.report(others, clock.now(), account=desk.other)
    mine = [put_attempt(desk, endpoint_id, ids[:2]), put_attempt(desk, endpoint_id, ids[1:])]
    strange = put_attempt(desk, foreign, others)
    with psycopg.connect(desk.dsn) as conn:
        assert webhooks.replay_attempts(conn, desk.account, [*mine, strange]) == 3
    assert sorted(row[0] for row in desk.pushed_rows()) == sorted(each.hex() for each in ids)
    assert webhooks.has_answered(desk.conn, desk.account)


def test_another_accounts_messages_are_not_replayed_by_an_attempt(desk: Desk) -> None:
    """Even where an attempt of mine named them."""
    endpoint_id = desk.endpoint()
    others = desk.add_messages(1, account=desk.other)
    desk.report(others, clock.now(), account=desk.other)
    with psycopg.connect(desk.dsn) as conn:
        assert webhooks.replay_attempts(conn, desk.account, [put_attempt(desk, endpoint_id, others)]) == 0


def test_a_replay_goes_on_where_its_slice_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,500 reports of one instant: a slice ends in the middle of it. A slice without time looks at one second."""
    desk.endpoint()
    ids, at = desk.add_messages(1500), clock.now() - timedelta(seconds=3)
    desk.report(ids, at)
    replay_id = webhooks.ask_replay(desk.conn, desk.account, "sms", at - timedelta(seconds=1), "user 1")
    assert replay_id is not None
    assert webhooks.ask_replay(desk.conn, desk.account, "sms", at, "user 1") is None, "one at a time"
    monkeypatch.setattr(backlog, "_SLICE_S", -1.0)
    slices = 0
    while webhooks.work_off(desk.dsn):
        slices += 1
    assert slices > 2
    (view,) = webhooks.list_replays(desk.conn, desk.account)
    assert (view.rows, view.trouble, view.ended_at is None) == (1500, "", False)
    pushed = [row[0] for row in desk.pushed_rows()]
    assert len(pushed) == 1500
    assert set(pushed) == {each.hex() for each in ids}
    assert webhooks.list_replays(desk.conn, desk.other) == []


def test_a_replay_to_an_endpoint_that_is_gone_ends(desk: Desk) -> None:
    endpoint_id = desk.endpoint()
    webhooks.ask_replay(desk.conn, desk.account, "sms", clock.now() - timedelta(days=1), "user 1")
    webhooks.remove_endpoint(desk.conn, endpoint_id)
    assert webhooks.work_off(desk.dsn) == 1
    assert webhooks.work_off(desk.dsn) == 0
    assert "no endpoint" in webhooks.list_replays(desk.conn, desk.account)[0].trouble
