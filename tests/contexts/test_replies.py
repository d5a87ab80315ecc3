"""Replies: whose they are, and how they are pulled. See desk.py."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.contexts.desk import (
    Desk,
)
from tests.poll import until
from tocsin import messaging, routing
from tocsin.accounts import Account
from tocsin.kit import clock
from tocsin.kit.ids import Ids
from tocsin.messaging import Ask

DAY_S = 86_400


def make_reply(user_number: str, content: str = "I want it", service_number: str = "12345") -> Any:
    from tocsin.traffic import Inbound

    return Inbound(user_number, service_number, content, clock.now_s())


async def take_replies(desk: Desk, *replies: Any, channel: int | None = None) -> int:
    answers = messaging.Answers(desk.ground, desk.books)
    found = await messaging.receive_replies(desk.session, channel or desk.channel, replies, answers, desk.ids)
    return found.matched


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


async def went(desk: Desk, account: Account, number: str, *, accepted: float, due: float, moved: bool = True) -> bytes:
    """A scheduled message to this number, by days ago; its id is of when it was accepted."""
    ask = Ask(
        numbers=number, content="hello", code_id="10007", action="NOTIFICATION", request_id="test",
        send_time=str(int(clock.now_s()) + 3600),
    )  # fmt: skip
    draft = messaging.check_send(ask, account, messaging.SMS, 1000, desk.ground)
    assert isinstance(draft, messaging.Draft), draft
    draft.due_at = clock.now_s() - due * DAY_S
    await desk.session.batch([messaging.accept_statement([draft])])
    if moved:
        assert await messaging.move_due(desk.session, messaging.Terms(desk.books, desk.table), clock.now_s()) == 1
    return age(desk, draft.ids[0], accepted)


def age(desk: Desk, message_id: bytes, days: float) -> bytes:
    """Give a message the id that it would have had so many days ago."""
    (old,) = Ids().take(1, now_ms=clock.now_ms() - int(days * DAY_S * 1000))
    desk.conn.execute("SELECT partition_ensure('message', now() - %s * interval '1 day')", (days,))
    where = (old.hex(), message_id.hex())
    assert desk.conn.execute("UPDATE message SET id = %s WHERE id = %s", where).rowcount == 1
    desk.conn.execute("UPDATE schedule SET ids = array_replace(ids, %s::uuid, %s::uuid)", where[::-1])
    return old


def answered(desk: Desk) -> tuple[int | None, bytes | None]:
    row = desk.conn.execute("SELECT account_id, uuid_send(message_id) FROM uplink ORDER BY id DESC LIMIT 1").fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize(
    ("due", "moved", "found"), [(0.1, True, True), (6.9, True, True), (7.1, True, False), (0.1, False, False)]
)
async def test_a_reply_to_what_was_scheduled_weeks_ago(desk: Desk, due: float, moved: bool, found: bool) -> None:
    """Seven days count from when it went, not from when it was accepted; what still waits was not written."""
    account = await desk.add_account(kinds=())
    (number,) = desk.take_numbers(1)
    message_id = await went(desk, account, number, accepted=due + 29, due=due, moved=moved)
    assert await take_replies(desk, make_reply(number)) == int(found)
    assert answered(desk) == ((account.id, message_id) if found else (None, None))


@pytest.mark.parametrize(("ago", "last"), [(2.0, "scheduled"), (0.5, "ordinary")])
@pytest.mark.parametrize("accepted", [3.0, 25.0])
async def test_the_last_is_who_went_last(desk: Desk, accepted: float, ago: float, last: str) -> None:
    """A scheduled message that went a day ago, and another account's `ago`."""
    accounts = {name: await desk.add_account(name, kinds=()) for name in ("scheduled", "ordinary")}
    (number,) = desk.take_numbers(1)
    ids = {"scheduled": await went(desk, accounts["scheduled"], number, accepted=accepted, due=1.0)}
    ids["ordinary"] = age(desk, (await desk.accept(accounts["ordinary"], [number]))[0], ago)
    await take_replies(desk, make_reply(number))
    assert answered(desk) == (accounts[last].id, ids[last])


async def test_what_was_scheduled_over_this_channel_comes_before_another_channels(desk: Desk) -> None:
    here, there = await desk.add_account("here", kinds=()), await desk.add_account("there", kinds=())
    routing.add_route(desk.conn, routing.RouteRule(0, there.id, None, 1, None, "", desk.other, 0))
    await desk.reference.renew()
    (number,) = desk.take_numbers(1)
    old = await went(desk, here, number, accepted=20, due=2)
    (new,) = await desk.accept(there, [number])
    await take_replies(desk, make_reply(number))
    assert answered(desk) == (here.id, old)
    await take_replies(desk, make_reply(number), channel=desk.other)
    assert answered(desk) == (there.id, new)


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


def make_parts(number: str, *contents: str, reference: int = 7) -> list[Any]:
    return [
        msgspec.structs.replace(make_reply(number, content), reference=reference, parts=len(contents), part=part)
        for part, content in enumerate(contents, 1)
    ]


async def join(desk: Desk, wait_s: float = 600.0) -> int:
    return (await messaging.join_replies(desk.session, messaging.Answers(desk.ground, desk.books), wait_s)).matched


async def test_a_reply_of_several_parts_is_stored_once_when_all_are_there(desk: Desk) -> None:
    account = await desk.add_account(kinds=("uplink",))
    (number,) = desk.take_numbers(1)
    await desk.accept(account, [number])
    first, second, third = make_parts(number, "日本\ud83d", "\ude00 and ", "more")
    await take_replies(desk, third, first)
    assert (await join(desk), desk.count("uplink"), desk.count("uplink_part")) == (0, 0, 2)
    await take_replies(desk, second, first)  # the first came again
    assert await join(desk) == 1
    assert desk.conn.execute("SELECT content, account_id FROM uplink").fetchall() == [("日本😀 and more", account.id)]
    assert desk.one("SELECT convert_from(body, 'UTF8')::json ->> 'content' FROM outbox") == "日本😀 and more"
    assert (await join(desk), desk.count("uplink_part")) == (0, 0)


async def test_parts_of_different_replies_do_not_mix(desk: Desk) -> None:
    one, two = desk.take_numbers(2)
    await take_replies(desk, make_parts(one, "a", "b")[0], make_parts(two, "c", "d")[1])
    await take_replies(desk, make_parts(one, "e", "f", reference=8)[1], make_parts(one, "a", "b")[1])
    await join(desk)
    assert desk.conn.execute("SELECT content FROM uplink").fetchall() == [("ab",)]


async def test_for_a_part_that_never_comes_nobody_waits_for_ever(desk: Desk) -> None:
    (number,) = desk.take_numbers(1)
    await take_replies(desk, *make_parts(number, "a", "b", "c")[::2])
    await join(desk)
    assert desk.count("uplink") == 0
    await join(desk, wait_s=0.0)
    assert desk.conn.execute("SELECT content FROM uplink").fetchall() == [("ac",)]


async def test_a_stop_in_parts_counts_when_it_is_whole(desk: Desk) -> None:
    account = await desk.add_account(kinds=())
    (number,) = desk.take_numbers(1)
    await desk.accept(account, [number])
    await take_replies(desk, *make_parts(number, "ST", "OP"))
    assert desk.count("opt_out") == 0
    await join(desk)
    assert desk.count("opt_out") == 1


async def test_a_reply_with_half_a_pair_is_stored_all_the_same(desk: Desk) -> None:
    await take_replies(desk, make_reply("62800000", "odd \ud83d"))
    assert desk.one("SELECT content FROM uplink") == "odd \ufffd"
