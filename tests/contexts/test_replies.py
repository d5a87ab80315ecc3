"""Replies: whose they are, and how they are pulled. See desk.py."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
from psycopg.rows import TupleRow

from tests.contexts.desk import (
    Desk,
)
from tests.poll import until
from tocsin import messaging, routing
from tocsin.kit import clock


def make_reply(user_number: str, content: str = "I want it", service_number: str = "12345") -> Any:
    from tocsin.traffic import Inbound

    return Inbound(user_number, service_number, content, clock.now_s())


async def take_replies(desk: Desk, *replies: Any, channel: int | None = None) -> int:
    return await messaging.receive_replies(desk.session, channel or desk.channel, replies, desk.books, desk.ids)


async def test_a_reply_goes_to_who_wrote_last(desk: Desk) -> None:
    first = await desk.add_account("first", kinds=("uplink",))
    last = await desk.add_account("last", kinds=("sms", "uplink"))
    (number,) = desk.take_numbers(1)
    await desk.accept(first, [number])
    (asked,) = await desk.accept(last, [number])
    assert await take_replies(desk, make_reply(number)) == 1
    (row,) = desk.conn.execute(
        "SELECT account_id, uuid_send(message_id), user_number, service_number, content FROM uplink"
    )
    assert row == (last.id, asked, number, "12345", "I want it")
    waiting = desk.conn.execute(
        "SELECT e.account_id, e.kind, o.n FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id"
    )
    assert waiting.fetchall() == [(last.id, "uplink", 1)]
    body = desk.one("SELECT convert_from(body, 'UTF8')::json ->> 'messageId' FROM outbox")
    assert body == asked.hex()


async def test_a_reply_over_a_channel_goes_to_who_wrote_over_it(desk: Desk) -> None:
    here, there = await desk.add_account("here"), await desk.add_account("there")
    routing.add_route(desk.conn, routing.RouteRule(0, there.id, None, 1, None, "", desk.other, 0))
    await desk.reference.renew()
    (number,) = desk.take_numbers(1)
    await desk.accept(here, [number])
    await desk.accept(there, [number])
    await take_replies(desk, make_reply(number, "one"))
    await take_replies(desk, make_reply(number, "two"), channel=desk.other)
    assert dict(desk.conn.execute("SELECT content, account_id FROM uplink").fetchall()) == {
        "one": here.id,
        "two": there.id,
    }


async def test_the_pull_of_a_reply_says_what_its_push_says(desk: Desk) -> None:
    """The second, too: late in a second nothing is rounded up."""
    account = await desk.add_account(kinds=("uplink",))
    (number,) = desk.take_numbers(1)
    await desk.accept(account, [number])
    late = int(clock.now_s()) + 0.9
    await take_replies(desk, msgspec.structs.replace(make_reply(number), at=late))
    (reply,) = await page_of(desk, account.id, ("0", bytes(16)), 1)
    assert (
        str(reply.at)
        == str(int(late))
        == desk.one("SELECT convert_from(body, 'UTF8')::json ->> 'datetime' FROM outbox")
    )


async def test_stop_opts_out_of_the_sender_that_was_answered_and_start_in_again(desk: Desk) -> None:
    account = await desk.add_account(kinds=())
    (number,) = desk.take_numbers(1)
    await desk.accept(account, [number])
    barred = "SELECT account_id, value, sender FROM opt_out"
    await take_replies(desk, make_reply("62800009", "STOP"), make_reply(number, " stop. "))
    assert desk.conn.execute(barred).fetchall() == [(account.id, number, "")]
    await take_replies(desk, make_reply(number, "please STOP calling it that"))
    await take_replies(desk, make_reply(number, "START"))
    assert desk.conn.execute(barred).fetchall() == []


async def test_a_reply_of_a_stranger_is_kept(desk: Desk) -> None:
    await desk.add_account(kinds=("uplink",))
    assert await take_replies(desk, make_reply("62800000"), make_reply("62800001", "\x00 odd")) == 0
    assert desk.conn.execute("SELECT account_id, message_id FROM uplink").fetchall() == [(None, None)] * 2
    assert desk.count("outbox") == 0


async def test_a_page_of_replies_ends_below_the_oldest_open_writer(desk: Desk) -> None:
    """A slow writer's replies are not skipped by a reader who has been further already."""
    account = await desk.add_account(kinds=())
    (number,) = desk.take_numbers(1)
    await desk.accept(account, [number])
    start = ("0", bytes(16))
    await take_replies(desk, make_reply(number, "before"))
    with psycopg.connect(desk.dsn) as slow:
        write_reply(slow, desk, account.id, "slow")
        await take_replies(desk, make_reply(number, "after"))
        page = await page_of(desk, account.id, start, 1)
        assert [reply.content for reply in page] == ["before"]
        slow.commit()
    cursor = (page[-1].seen, page[-1].id)
    rest = await page_of(desk, account.id, cursor, 2)
    assert [reply.content for reply in rest] == ["slow", "after"]
    both = await messaging.page_replies(desk.session, account.id, start, 2)
    assert [reply.content for reply in both] == ["before", "slow"]
    assert await messaging.page_replies(desk.session, account.id, (rest[-1].seen, rest[-1].id), 10) == []
    assert await messaging.page_replies(desk.session, account.id + 1, start, 10) == []


async def page_of(desk: Desk, account_id: int, start: tuple[str, bytes], count: int) -> list[messaging.Reply]:
    """The page behind `start`, once it has at least `count` replies.

    Open writers of the whole server count, those of other tests too: what is younger than them comes when they end.
    """

    async def read() -> list[messaging.Reply]:
        page = await messaging.page_replies(desk.session, account_id, start, 10)
        return page if len(page) >= count else []

    return await until(read)


def write_reply(conn: psycopg.Connection[TupleRow], desk: Desk, account_id: int, content: str) -> None:
    conn.execute(
        "INSERT INTO uplink (id, account_id, channel_id, user_number, service_number, content, at)"
        " VALUES (%s, %s, %s, '62', '', %s, now())",
        (desk.ids.one().hex(), account_id, desk.channel, content),
    )
