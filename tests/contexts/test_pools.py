"""Pools of senders: each recipient has his own, in what is sent, screened, replied to and moved later. See desk.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.contexts.desk import Desk
from tests.contexts.test_replies import make_reply, take_replies
from tests.contexts.test_schedule import move, reasons, schedule
from tocsin import accounts, compliance, messaging, routing
from tocsin.accounts import SENDER, Account
from tocsin.content import choose_by_lot
from tocsin.messaging import Ask, Draft, Refusal, Terms
from tocsin.queue import Item
from tocsin.traffic import Priority, Product, Reason

POOL = ["ACME", "ACME-2", "62811000"]
INDONESIA = 10007


@pytest.fixture(autouse=True)
def nothing_left(desk: Desk) -> Iterator[None]:
    yield
    desk.conn.execute("DELETE FROM opt_out")
    desk.conn.execute("DELETE FROM account_grant")
    desk.conn.execute("DELETE FROM route WHERE sender <> ''")


async def add_account(desk: Desk, pool: Sequence[str] = POOL, country_id: int = 0, name: str = "acme") -> Account:
    account = await desk.add_account(name)
    return await fill_pool(desk, account, pool, country_id)


async def fill_pool(desk: Desk, account: Account, pool: Sequence[str], country_id: int = 0) -> Account:
    for sender in pool:
        if (account.name, SENDER, sender) not in accounts.list_grants(desk.conn, account.id):
            accounts.add_grant(desk.conn, account.id, SENDER, sender)
        accounts.add_to_pool(desk.conn, account.id, sender, country_id)
    await desk.reference.renew()
    found = desk.directory.by_id(account.id)
    assert found is not None
    return found


def check(desk: Desk, account: Account, numbers: Sequence[str], **changes: Any) -> Draft | Refusal:
    ask = Ask(
        **{"numbers": ",".join(numbers), "content": "hello", "code_id": "10007", "action": "NOTIFICATION", **changes}
    )
    return messaging.check_send(ask, account, messaging.SMS, 1000, desk.ground)


async def accept(desk: Desk, account: Account, numbers: Sequence[str], **changes: Any) -> Draft:
    draft = check(desk, account, numbers, **changes)
    assert isinstance(draft, Draft), draft
    await desk.session.batch([messaging.accept_statement([draft])])
    return draft


def senders_of(draft: Draft) -> list[str]:
    return draft.own or [draft.sender] * len(draft.ids)


async def test_without_a_pool_nobody_names_a_sender(desk: Desk) -> None:
    account = await desk.add_account()
    draft = await accept(desk, account, desk.take_numbers(3))
    assert (draft.sender, draft.own) == ("", [])


async def test_each_recipient_keeps_his_sender(desk: Desk) -> None:
    account = await add_account(desk)
    numbers = desk.take_numbers(60)
    draft = await accept(desk, account, numbers)
    assert senders_of(draft) == [choose_by_lot(number, POOL) for number in numbers]
    assert set(senders_of(draft)) == set(POOL)
    work = await desk.claim(draft.ids)
    assert {each.phone: each.sender for each in work.submissions} == dict(zip(numbers, senders_of(draft), strict=True))
    alone = await accept(desk, account, numbers[:1])
    assert (alone.sender, alone.own) == (senders_of(draft)[0], [])
    assert [each.sender for each in (await desk.claim(alone.ids)).submissions] == senders_of(draft)[:1]
    # The pool may change meanwhile: what is accepted keeps what it was given.
    accounts.remove_from_pool(desk.conn, account.id, POOL[0])
    await desk.reference.renew()
    again = await desk.claim(draft.ids)
    assert [each.sender for each in again.submissions] == [each.sender for each in work.submissions]
    await desk.check()


async def test_a_named_sender_and_a_voice_call_ask_no_pool(desk: Desk) -> None:
    account = await add_account(desk)
    numbers = desk.take_numbers(20)
    named = await accept(desk, account, numbers, sender_id="ACME")
    assert (named.sender, named.own) == ("ACME", [])
    ask = Ask(numbers=",".join(numbers), content="hello", code_id="10007")
    call = messaging.check_send(ask, account, messaging.VOICE_NOTICE, 1000, desk.ground)
    assert isinstance(call, Draft)
    assert (call.sender, call.own) == ("", [])


async def test_a_country_has_a_pool_of_its_own_and_what_is_not_granted_is_passed_over(desk: Desk) -> None:
    account = await add_account(desk, POOL[:1])
    account = await fill_pool(desk, account, POOL[1:2], INDONESIA)
    numbers = desk.take_numbers(20)
    assert check(desk, account, numbers).sender == POOL[1]  # type: ignore[union-attr]
    abroad = check(desk, account, ["+6591234567"], code_id=_code_of(desk, "SG"))
    assert isinstance(abroad, Draft)
    assert abroad.sender == POOL[0]
    accounts.remove_grant(desk.conn, account.id, SENDER, POOL[1])
    await desk.reference.renew()
    account = desk.directory.by_id(account.id)  # type: ignore[assignment]
    assert check(desk, account, numbers).sender == POOL[0]  # type: ignore[union-attr]
    rows = accounts.list_pool(desk.conn, account.id)
    assert [(row.sender, row.country_id, row.granted) for row in rows] == [
        (POOL[0], None, True), (POOL[1], INDONESIA, False),
    ]  # fmt: skip


def _code_of(desk: Desk, iso: str) -> str:
    return str(routing.find_country(desk.conn, iso).code_id)


async def test_stop_is_of_the_recipients_own_sender(desk: Desk) -> None:
    account = await add_account(desk)
    numbers = desk.take_numbers(40)
    draft = await accept(desk, account, numbers)
    assert draft.own
    who, sender = numbers[7], senders_of(draft)[7]
    await take_replies(desk, make_reply(who, "STOP"))
    rows = desk.conn.execute("SELECT account_id, value, sender FROM opt_out").fetchall()
    assert rows == [(account.id, who, sender)]


async def test_marketing_is_screened_by_each_ones_own_sender(desk: Desk) -> None:
    account = await add_account(desk)
    numbers = desk.take_numbers(20)
    draft = await accept(desk, account, numbers, action="MARKETING")
    opted, other = numbers[3], numbers[4]
    compliance.add_opt_out(desk.conn, account.id, opted, senders_of(draft)[3])
    compliance.add_opt_out(desk.conn, account.id, other, next(each for each in POOL if each != senders_of(draft)[4]))
    guards = compliance.Guards()
    await guards.load(desk.session)
    screened = await compliance.screen(desk.session, messaging.sending_of(draft), guards, 0.0)
    assert screened.refused == {3: Reason.BLACKLISTED}
    # Once more when it leaves, and when what was scheduled is due.
    desk.ground.guards = guards
    draft = await accept(desk, account, numbers, action="MARKETING")
    channel = desk.table.channel(desk.channel)
    assert channel is not None
    items = [Item(1, account.id, int(Priority.MARKETING), 1, draft.ids)]
    work = await messaging.load_work(desk.session, items, messaging.Texts(), channel, guards, 0.0)
    assert [end.phone for end in work.ends] == [opted]
    later = await schedule(desk, account, numbers=",".join(numbers), action="MARKETING")
    await move(desk, Terms(desk.books, desk.table, guards=guards))
    assert reasons(desk, [later.ids[3]]) == {Reason.BLACKLISTED}
    assert reasons(desk, [*later.ids[:3], *later.ids[4:]]) == {None}


async def test_each_goes_the_way_of_his_sender(desk: Desk) -> None:
    account = await add_account(desk)
    rule = routing.RouteRule(0, account.id, None, int(Product.SMS), None, "", desk.other, 0, sender=POOL[1])
    routing.add_route(desk.conn, rule)
    await desk.reference.renew()
    draft = await accept(desk, account, desk.take_numbers(40))
    wanted = [desk.other if sender == POOL[1] else desk.channel for sender in senders_of(draft)]
    assert draft.channels == wanted
    assert set(wanted) == {desk.channel, desk.other}
