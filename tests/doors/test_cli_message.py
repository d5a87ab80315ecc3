"""`tocsin message show`: the whole story of a message, without its text unless it is asked for."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from tests.contexts.desk import GENTLE, TWO_PARTS, Desk, prepare, receipt
from tests.contexts.past import Past, put
from tests.contexts.test_replies import make_reply, take_replies
from tests.doors.shell import Shell
from tocsin.kit import clock
from tocsin.traffic import OutcomeKind, Product, Reason


async def test_the_whole_story_of_a_message(shell: Shell) -> None:
    prepare(shell.dsn)
    desk = Desk(shell.dsn)
    await desk.open()
    try:
        account = await desk.add_account("acme", plan=GENTLE)
        (message_id,) = await desk.accept(account, 1, TWO_PARTS)
        wanted = message_id.hex()
        waiting = shell.json("message", "show", wanted)
        assert (waiting["account"], waiting["state"], waiting["country"]) == ("acme", "under way", "ID")
        assert waiting["waits"] == {"for": "channel sandbox", "due": None, "attempt": 1}
        assert waiting["content"] is None
        assert waiting["characters"] == len(TWO_PARTS)
        await desk.submit([message_id], OutcomeKind.TEMPORARY)
        first, second = await desk.submit([message_id], attempt=2)
        desk.conn.execute("DELETE FROM lane_item")
        assert shell.json("message", "show", wanted)["waits"]["for"] == "the carrier's receipt"
        await desk.receive(receipt(first))
        await desk.receive(receipt(second, Reason.UNDELIVERED))
        await take_replies(desk, make_reply(waiting["to"], "Who is this?"))
        endpoint_id = desk.one("SELECT id FROM endpoint WHERE account_id = %s", account.id)
        desk.conn.execute(
            "INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, http_status, n, ids, error)"
            " VALUES (%s, 1, 'msg_1', %s, 12, 500, 1, ARRAY[%s::uuid], '')",
            (endpoint_id, clock.now() + timedelta(seconds=1), wanted),
        )
    finally:
        await desk.close_quietly()
    story = shell.json("message", "show", wanted.upper())
    assert (story["state"], story["status"], story["reason"], story["parts"]) == ("failed", 2, "undelivered", 2)
    assert (story["price"], story["fee"], story["push"]) == ("0.2", "0", "waits")
    happened = [each["event"] for each in story["events"]]
    assert happened[0] == "accepted"
    assert [happened.count(each) for each in ("submitted", "receipt", "report", "reply", "push")] == [4, 2, 1, 1, 1]
    assert {each["channel"] for each in story["events"] if each["event"] == "submitted"} == {"sandbox"}
    shown = shell.run("message", "show", wanted).out
    for words in (
        "account   acme", "state     failed, 2 undelivered", "200 characters, hidden", "accepted, charged 0.2 USD",
        "attempt 2 over sandbox: accepted by the carrier, part 2 of 2", "receipt of part 2 of 2: undelivered",
        "ends: 2 undelivered, refunded 0.2 USD", "reply of 12 characters", "HTTP 500 after 12 ms",
    ):  # fmt: skip
        assert words in shown
    assert TWO_PARTS not in shown
    assert "Who is this?" not in shown


async def test_texts_are_shown_when_asked_for_and_that_is_audited(shell: Shell) -> None:
    prepare(shell.dsn)
    desk = Desk(shell.dsn)
    await desk.open()
    try:
        account = await desk.add_account("acme")
        (message_id,) = await desk.accept(account, 1, "Your code is 482193")
    finally:
        await desk.close_quietly()
    assert "482193" not in shell.run("message", "show", message_id.hex()).out
    assert "content   Your code is 482193" in shell.run("message", "show", message_id.hex(), "--content").out
    entry = shell.last_audit()
    assert (entry.action, entry.subject, entry.after) == (
        "message read",
        f"message {message_id.hex()}",
        {"account": "acme"},
    )


def test_opens_that_are_counted_are_told(shell: Shell) -> None:
    prepare(shell.dsn)
    shell.json("account", "create", "acme")
    ((account_id,),) = shell.rows("SELECT id FROM account WHERE name = 'acme'")
    with psycopg.connect(shell.dsn) as conn:
        at = clock.now() - timedelta(minutes=2)
        message_id = put(conn, account_id, Past(at, "tom@x.com", product=Product.EMAIL))
    shell.rows(
        "INSERT INTO mail_event_count SELECT id, 1, m, gen_random_uuid(), account_id, batch_no, '', 2340, now() FROM message,"
        f" (VALUES (true), (false)) AS v(m) WHERE id = '{message_id}'"
    )
    shell.rows(
        "INSERT INTO mail_event_count SELECT id, 2, false, gen_random_uuid(), account_id, batch_no, 'https://x', 1, now()"
        f" FROM message WHERE id = '{message_id}'"
    )
    shown = shell.run("message", "show", message_id).out
    assert "opened: 4,680 more times until then" in shown
    assert "clicked: 1 more time until then" in shown
    times = {
        each["event"]: each["times"] for each in shell.json("message", "show", message_id)["events"] if "times" in each
    }
    assert times == {"opened": 4680, "clicked": 1}


def test_what_is_no_message(shell: Shell) -> None:
    assert "is no messageId" in shell.refused("message", "show", "17954062553420000", code=2)
    assert "there is no message" in shell.refused("message", "show", "0" * 32)
    assert "there is no message" in shell.refused("message", "show", "01a2068d-54ee-7450-af24-2d0000ac96a8")
