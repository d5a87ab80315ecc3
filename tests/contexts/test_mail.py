"""An email on its way: accepted, filled for each recipient, submitted, reported, pushed; and looked at again when due."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.contexts.desk import FUNDS, Desk, receipt
from tocsin import compliance, media, messaging, routing
from tocsin.accounts import Account
from tocsin.carriers.sandbox.config import SandboxConfig
from tocsin.carriers.sandbox.mapping import name_carrier_ids, plan_submissions, work_out_terms
from tocsin.compliance import Guards
from tocsin.kit import clock
from tocsin.kit.ids import Ids
from tocsin.messaging import EVENTS_LISTED, Ask, Draft, Terms
from tocsin.senders import MailDomains
from tocsin.traffic import Attachment, Feedback, ReactionKind, Reason

PRICE = 1_000
FILE = Attachment("plan.pdf", "application/pdf", b"%PDF-1.7")


@pytest.fixture
async def account(desk: Desk) -> Account:
    desk.ground.mail_domains = MailDomains("mail.tocsin.example")
    return await desk.add_account(kinds=("mail",))


async def accept(desk: Desk, account: Account, emails: object, **fields: Any) -> Draft:
    due_in_s = fields.pop("due_in_s", 0.0)
    ask = Ask(**{"emails": emails, "sender_name": "Acme", "title": "hello", "content": "good morning", **fields})
    draft = messaging.check_mail(ask, account, 1000, desk.ground)
    assert isinstance(draft, Draft), draft
    if due_in_s:
        draft.due_at = clock.now_s() + due_in_s
    if draft.attachments:
        await media.keep_files(desk.session, draft.attachments)
    await desk.session.batch([messaging.accept_statement([draft])])
    return draft


async def test_each_recipient_gets_a_text_of_his_own(desk: Desk, account: Account) -> None:
    emails = [{"to": "tom@x.com", "placeholders": {"name": "<Tom>"}}, {"to": "nobody"}, {"to": "Yan@X.com"}]
    draft = await accept(
        desk, account, emails, title="Hi {name}", content="<p>Hi ${name}, on {day}</p>" + "x" * 2000,
        placeholders='{"name":"friend","day":"Monday"}', attachments=(FILE,),
    )  # fmt: skip
    good = [message_id for message_id, reason in zip(draft.ids, draft.reasons, strict=True) if not reason]
    work = await desk.claim(good)
    assert [(each.phone, each.title, each.text) for each in work.submissions] == [
        ("tom@x.com", "Hi <Tom>", "<p>Hi &lt;Tom&gt;, on Monday</p>" + "x" * 2000),
        ("Yan@x.com", "Hi friend", "<p>Hi friend, on Monday</p>" + "x" * 2000),
    ]
    assert {(each.part, each.parts, each.sender) for each in work.submissions} == {
        (1, 1, "Acme <noreply@mail.tocsin.example>")
    }
    assert [each.attachments for each in work.submissions] == [(FILE,), (FILE,)]
    await desk.check()


async def test_what_the_sandbox_says_is_pushed_in_six_fields(desk: Desk, account: Account) -> None:
    names = ("sandbox-bounce", "sandbox-softbounce", "sandbox-open", "tom")
    draft = await accept(desk, account, ",".join(f"{name}@x.com" for name in names))
    work = await desk.claim(draft.ids)
    carrier_ids = name_carrier_ids("m", 0, len(names))
    planned = plan_submissions(work.submissions, carrier_ids, work_out_terms(SandboxConfig(), 600.0), clock.now_s())
    await desk.submit(draft.ids, names=carrier_ids)
    receipts = [each for event in planned.events for each in event.body.receipts()]
    assert await desk.receive(*receipts)
    pushed = {row[0]: row[1:] for row in desk.pushed()}
    assert [[row[0], *row[2:]] for row in (pushed[each.hex()] for each in draft.ids)] == [
        ["sandbox-bounce@x.com", -9, "email error", str(draft.batch_no)],
        ["sandbox-softbounce@x.com", 2, "undelivered", str(draft.batch_no)],
        ["sandbox-open@x.com", 1, "success", str(draft.batch_no)],
        ["tom@x.com", 1, "success", str(draft.batch_no)],
    ]
    assert desk.one("SELECT e.kind FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id LIMIT 1") == "mail"
    assert desk.balance(account) == FUNDS - 4 * PRICE, "what failed at the carrier is charged"
    await desk.check()


async def test_what_is_due_goes_without_a_country(desk: Desk, account: Account) -> None:
    draft = await accept(desk, account, "tom@x.com,yan@x.com", due_in_s=-1.0)
    assert await messaging.move_due(desk.session, Terms(desk.books, desk.table), clock.now_s()) == 1
    rows = desk.conn.execute("SELECT channel_id, priority, cardinality(ids) FROM lane_item").fetchall()
    assert rows == [(desk.channel, 1, 2)]
    assert len((await desk.claim(draft.ids)).submissions) == 2
    await desk.check()


async def test_what_is_due_is_looked_at_again(desk: Desk, account: Account) -> None:
    draft = await accept(desk, account, "Tom@x.com,yan@x.com", due_in_s=-1.0)
    guards = Guards()
    try:
        with desk.conn.transaction():
            compliance.add_listed(desk.conn, account.id, "tom@X.com")
        await guards.load(desk.session)
        await messaging.move_due(desk.session, Terms(desk.books, desk.table, guards=guards), clock.now_s())
    finally:
        desk.conn.execute("DELETE FROM blacklist")
    assert [desk.reason(each) for each in draft.ids] == [Reason.BLACKLISTED, None]
    assert desk.balance(account) == FUNDS - PRICE
    await desk.check()


async def test_a_receipt_ends_it_once(desk: Desk, account: Account) -> None:
    draft = await accept(desk, account, "tom@x.com")
    (carrier_id,) = await desk.submit(draft.ids)
    await desk.receive(receipt(carrier_id, phone="tom@x.com"))
    await desk.receive(receipt(carrier_id, Reason.UNDELIVERED, phone="tom@x.com"))
    assert (desk.reason(draft.ids[0]), len(desk.pushed())) == (Reason.SUCCESS, 1)


async def test_the_placeholders_are_stored_as_they_came(desk: Desk, account: Account) -> None:
    draft = await accept(
        desk, account, [{"to": "a@x.com", "placeholders": {"n": "\u6d77"}}, {"to": "b@x.com"}], placeholders={"d": 1}
    )
    rows = desk.conn.execute("SELECT own FROM message WHERE batch_no = %s ORDER BY id", (draft.batch_no,)).fetchall()
    assert [json.loads(own) if own else None for (own,) in rows] == [{"n": "\u6d77"}, None]
    assert json.loads(desk.one("SELECT given FROM batch WHERE batch_no = %s", draft.batch_no)) == {"d": "1"}


def test_the_seed_carries_email(desk: Desk) -> None:
    assert [row.channel for row in routing.list_routes(desk.conn) if row.product == 5] == [routing.SANDBOX]


async def test_feedback_that_comes_again_and_again_writes_few_rows(desk: Desk, account: Account) -> None:
    """In one call and in the next; the address is barred all the same."""
    draft = await accept(desk, account, "tom@x.com,yan@x.com")
    tom, yan = await desk.submit(draft.ids)
    ids = Ids()
    complaint = Feedback(tom, ReactionKind.COMPLAINED, clock.now_s())
    try:
        for many in (EVENTS_LISTED + 5, 3):
            feedback = [complaint] * many + [Feedback(yan, ReactionKind.COMPLAINED, clock.now_s())]
            assert await messaging.receive_feedback(desk.session, desk.channel, feedback, desk.books, ids) == many + 1
        assert desk.conn.execute("SELECT message_id, count(*) FROM mail_event GROUP BY 1 ORDER BY 1").fetchall() == [
            (uuid.UUID(bytes=each), n) for each, n in zip(draft.ids, (EVENTS_LISTED, 2), strict=True)
        ]
        assert desk.conn.execute("SELECT message_id, n FROM mail_event_count").fetchall() == [
            (uuid.UUID(bytes=draft.ids[0]), 8)
        ]
        assert desk.one("SELECT count(*) FROM blacklist") == 2
    finally:
        desk.conn.execute("DELETE FROM blacklist")
