"""What STOP and START are answered: a send of the account, in the transaction of the reply. See desk.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contexts.desk import FUNDS, PRICE, Desk
from tocsin import billing, compliance, messaging
from tocsin.accounts import Account
from tocsin.compliance import EVERYBODY, Cap, CapKind, OptAnswer
from tocsin.kit import clock
from tocsin.messaging import Answers, BatchNumbers
from tocsin.messaging.uplink import Replies
from tocsin.traffic import Inbound, Priority

OUT, IN = "You get no more of us.", "Welcome back."
_TABLES = ("opt_answer", "opt_out", "cap", "blacklist", "quiet_rule")


@pytest.fixture(autouse=True)
async def texts(desk: Desk) -> AsyncIterator[None]:
    """Answers are set, for everybody."""
    for kind, text in (("out", OUT), ("in", IN)):
        compliance.set_answer(desk.conn, OptAnswer(account_id=EVERYBODY, kind=kind, language="en", content=text))
    await desk.ground.guards.load(desk.session)
    yield
    for table in _TABLES:
        desk.conn.execute(f"DELETE FROM {table}".encode())


async def take(desk: Desk, *replies: tuple[str, str]) -> Replies:
    found = [Inbound(number, "12345", content, clock.now_s()) for number, content in replies]
    return await messaging.receive_replies(
        desk.session, desk.channel, found, Answers(desk.ground, desk.books), desk.ids
    )


def answers(desk: Desk) -> list[tuple[Any, ...]]:
    """(account, number, content, sender, priority, price) of what was accepted besides what the test sent, oldest first."""
    rows = desk.conn.execute(
        "SELECT m.account_id, m.phone, b.content, b.sender, b.priority, m.price_micros FROM message m"
        " JOIN batch b ON b.batch_no = m.batch_no WHERE b.content <> 'hello' ORDER BY m.id"
    )
    return rows.fetchall()


async def written_to(desk: Desk, name: str = "acme") -> tuple[Account, str]:
    account = await desk.add_account(name, kinds=("uplink",))
    (number,) = desk.take_numbers(1)
    await desk.accept(account, [number])
    return account, number


async def test_a_choice_is_answered_once_and_charged(desk: Desk) -> None:
    account, number = await written_to(desk)
    assert await take(desk, (number, "STOP")) == Replies(1, 1)
    assert await take(desk, (number, "stop!")) == Replies(1, 0)
    assert await take(desk, (number, "Start"), (number, "START")) == Replies(2, 1)
    row = (account.id, number, OUT, "", Priority.NOTIFICATION, PRICE)
    assert answers(desk) == [row, (*row[:2], IN, *row[3:])]
    assert desk.balance(account) == FUNDS - 3 * PRICE
    assert desk.count("lane_item") == 3
    await desk.check()


async def test_what_is_no_choice_or_changes_nothing_is_not_answered(desk: Desk) -> None:
    _, number = await written_to(desk)
    assert await take(desk, (number, "please stop by tomorrow"), (number, "START"), ("6289900000", "STOP")) == Replies(
        2, 0
    )
    assert answers(desk) == []


async def test_the_answer_is_in_the_language_of_the_word_or_none(desk: Desk) -> None:
    _, number = await written_to(desk)
    assert (await take(desk, (number, "退订"))).answered == 0
    compliance.set_answer(desk.conn, OptAnswer(account_id=EVERYBODY, kind="in", language="zh", content="欢迎"))
    await desk.ground.guards.load(desk.session)
    assert (await take(desk, (number, "订阅"))).answered == 1
    assert [row[2] for row in answers(desk)] == ["欢迎"]


async def test_an_account_without_money_keeps_the_reply_alone(desk: Desk) -> None:
    poor, of_poor = await written_to(desk, "poor")
    rich, of_rich = await written_to(desk, "rich")
    billing.recharge(desk.conn, poor.id, -(FUNDS - PRICE))
    assert await take(desk, (of_poor, "STOP"), (of_rich, "STOP")) == Replies(2, 1)
    assert [row[0] for row in answers(desk)] == [rich.id]
    assert desk.one("SELECT count(*) FROM opt_out") == desk.count("uplink") == 2
    await desk.check()


async def test_a_locked_account_answers_nothing(desk: Desk) -> None:
    account, number = await written_to(desk)
    desk.conn.execute("UPDATE account SET locked = true WHERE id = %s", (account.id,))
    assert await take(desk, (number, "STOP")) == Replies(1, 0)
    assert desk.count("opt_out") == desk.count("uplink") == 1


async def test_what_bars_a_send_bars_an_answer(desk: Desk) -> None:
    account, number = await written_to(desk)
    compliance.add_listed(desk.conn, account.id, number)
    await desk.ground.guards.load(desk.session)
    assert await take(desk, (number, "STOP")) == Replies(1, 0)
    compliance.remove_listed(desk.conn, account.id, number)
    compliance.set_cap(desk.conn, Cap(
        id=0, account_id=EVERYBODY, kind=CapKind.NUMBER, action=None, country_id=0, most=1, window_s=86_400, digits=7,
    ))  # fmt: skip
    await desk.ground.guards.load(desk.session)
    assert await take(desk, (number, "START")) == Replies(1, 1)
    assert await take(desk, (number, "STOP")) == Replies(1, 0)
    assert [row[2] for row in answers(desk)] == [IN]


async def test_an_answer_that_cannot_be_stored_gives_back_its_cap(desk: Desk) -> None:
    account, number = await written_to(desk)
    compliance.set_cap(desk.conn, Cap(
        id=0, account_id=EVERYBODY, kind=CapKind.NUMBER, action=None, country_id=0, most=1, window_s=86_400, digits=7,
    ))  # fmt: skip
    await desk.ground.guards.load(desk.session)
    billing.recharge(desk.conn, account.id, -(FUNDS - PRICE))
    assert await take(desk, (number, "STOP")) == Replies(1, 0)
    assert desk.one("SELECT coalesce(sum(given), 0)::integer FROM cap_window WHERE account_id = %s", account.id) == 0


async def test_without_batch_numbers_the_reply_is_kept(desk: Desk) -> None:
    _, number = await written_to(desk)
    desk.ground.numbers = BatchNumbers()
    assert await take(desk, (number, "STOP")) == Replies(1, 0)
    assert desk.count("opt_out") == desk.count("uplink") == 1
