"""Templates on real rows: their states, and how what changes reaches the memory of a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg.rows import TupleRow

from tocsin import accounts, templates
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.kit.db import Session
from tocsin.kit.reference import Reference
from tocsin.templates import EVERYBODY, Draft, Found, State, TemplateBook, TemplateError, Unready
from tocsin.templates.shelf import AT_ONCE

Conn = psycopg.Connection[TupleRow]
MANY = 3 * AT_ONCE


@pytest.fixture
def conn(database: str) -> Iterator[Conn]:
    with psycopg.connect(database, autocommit=True) as made:
        ensure_defaults(made)
        yield made


@pytest.fixture
def acme(conn: Conn) -> int:
    return accounts.create_account(conn, "acme")


@pytest.fixture
def other(conn: Conn) -> int:
    return accounts.create_account(conn, "other")


class Bed:
    """One process's memory."""

    def __init__(self, dsn: str) -> None:
        self.book = TemplateBook()
        self.session = Session(dsn, "test")
        self.reference = Reference(dsn)
        self.reference.add(self.book)

    async def close(self) -> None:
        await self.session.close()
        stop = asyncio.Event()
        stop.set()
        await self.reference.run(stop)

    async def fits(self, account_id: int, content: str) -> bool:
        """As a send asks: it prepares what is not ready."""
        try:
            return self.book.fits(account_id, "sms", content)
        except Unready as which:
            await self.book.prepare(which.account_id, which.kind)
        return self.book.fits(account_id, "sms", content)


@pytest.fixture
async def bed(database: str, conn: Conn) -> AsyncIterator[Bed]:
    made = Bed(database)
    await made.reference.load_all(made.session)
    yield made
    await made.close()


def add(conn: Conn, account_id: int, text: str, kind: str = "sms", subject: str = "") -> int:
    return templates.add_template(conn, Draft(account_id=account_id, kind=kind, text=text, subject=subject)).id


def approve(conn: Conn, account_id: int, text: str, kind: str = "sms", subject: str = "") -> int:
    template_id = add(conn, account_id, text, kind, subject)
    templates.approve_template(conn, template_id)
    return template_id


def approve_many(conn: Conn, account_id: int, count: int, word: str = "text") -> list[int]:
    with conn.transaction():
        return [approve(conn, account_id, f"{word} {n} of {{1}}") for n in range(count)]


def test_the_way_of_a_template(conn: Conn, acme: int) -> None:
    made = templates.add_template(
        conn, Draft(account_id=acme, kind="sms", text="code {1}", name="otp", state=State.DRAFT)
    )
    assert made[1:8] == ("acme", "sms", "otp", "", "code {1}", State.DRAFT, "")
    assert made.decided_at is None
    with pytest.raises(TemplateError, match="is draft: only one that is pending or rejected can be approved"):
        templates.approve_template(conn, made.id)
    with pytest.raises(TemplateError, match="only one that is pending or approved can be rejected"):
        templates.reject_template(conn, made.id, "no")
    assert templates.submit_template(conn, made.id)[1].state == State.PENDING
    with pytest.raises(TemplateError, match="is pending: only one that is draft or rejected can be submitted"):
        templates.submit_template(conn, made.id)
    before, after = templates.reject_template(conn, made.id, " too short ")
    assert (before.state, after.state, after.reason) == (State.PENDING, State.REJECTED, "too short")
    assert after.decided_at is not None
    after = templates.approve_template(conn, made.id)[1]
    assert (after.state, after.reason) == (State.APPROVED, "")
    assert templates.reject_template(conn, made.id, "withdrawn")[1].state == State.REJECTED
    assert templates.submit_template(conn, made.id)[1].state == State.PENDING
    assert templates.find_template(conn, made.id).text == "code {1}"


@pytest.mark.parametrize(
    ("draft", "sentence"),
    [
        (Draft(account_id=0, kind="fax", text="a"), "not for 'fax'"),
        (Draft(account_id=0, kind="sms", text="{2}"), "needs text of its own"),
        (Draft(account_id=0, kind="sms", text="a {2}"), "without a gap"),
        (Draft(account_id=0, kind="voice", text="a\0"), "NUL"),
        (Draft(account_id=0, kind="mms", text="a", subject="b"), "only a template of email has a subject"),
        (Draft(account_id=0, kind="sms", text="a", name="x" * 101), "a name has at most 100"),
        (Draft(account_id=0, kind="sms", text="a", name="x\n"), "a name has at most 100"),
        (Draft(account_id=0, kind="sms", text="a", state=State.APPROVED), "a draft or pending"),
        (Draft(account_id=0, kind="email", text="a"), "needs a subject"),
        (Draft(account_id=0, kind="email", text="a", subject="b\r\nBcc: c"), "needs a subject of one line"),
        (Draft(account_id=0, kind="email", text=" ", subject="b"), "1 to 100000 characters"),
        (Draft(account_id=0, kind="email", text="\ud800", subject="b"), "lone surrogate"),
    ],
)
def test_what_is_no_template(conn: Conn, draft: Draft, sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        templates.add_template(conn, draft)
    assert templates.list_templates(conn, None, None, None, 10) == []


@pytest.mark.parametrize("template_id", [0, -1, 7, 2**31, 10**30])
def test_a_template_that_is_not_there(conn: Conn, template_id: int) -> None:
    for ask in (templates.find_template, templates.submit_template, templates.approve_template):
        with pytest.raises(TemplateError, match=f"there is no template {template_id}"):
            ask(conn, template_id)
    with pytest.raises(TemplateError, match="there is no template"):
        templates.reject_template(conn, template_id, "no")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\nb"])
def test_a_rejection_needs_a_reason(conn: Conn, reason: str) -> None:
    with pytest.raises(TemplateError, match="needs a reason"):
        templates.reject_template(conn, add(conn, EVERYBODY, "a"), reason)


@pytest.mark.parametrize(
    "change", ["text = 'b'", "subject = 'b'", "kind = 'mms'", "account_id = NULL", "decided_at = NULL"]
)
def test_what_was_decided_says_the_same_forever(conn: Conn, acme: int, change: str) -> None:
    template_id = add(conn, acme, "a")
    update = f"UPDATE template SET {change} WHERE id = {template_id}".encode()
    with conn.transaction(force_rollback=True):
        conn.execute(update)
    templates.approve_template(conn, template_id)
    with pytest.raises(psycopg.errors.RaiseException, match="its text cannot change"):
        conn.execute(update)
    conn.execute("UPDATE template SET name = 'b'")


def test_lists(conn: Conn, acme: int, other: int) -> None:
    first, second = add(conn, acme, "a"), approve(conn, EVERYBODY, "b", "mms")
    third = add(conn, other, "c", "email", "s")

    def ids(
        account_id: int | None = None, kind: str | None = None, state: str | None = None, most: int = 9
    ) -> list[int]:
        return [row.id for row in templates.list_templates(conn, account_id, kind, state, most)]

    assert ids() == [third, second, first]
    assert ids(most=2) == [third, second]
    assert ids(acme) == [first]
    assert ids(EVERYBODY) == [second]
    assert ids(kind="email") == [third]
    assert ids(state="pending") == [third, first]
    assert ids(acme, "sms", "approved") == []


async def test_only_what_is_approved_is_found(bed: Bed, conn: Conn, acme: int, other: int) -> None:
    own, common = add(conn, acme, "own {1}"), approve(conn, EVERYBODY, "common {1}")
    await bed.reference.poll()
    assert bed.book.find(acme, "sms", own) is None
    assert not bed.book.fits(acme, "sms", "own x")
    assert bed.book.fits(acme, "sms", "common x")
    templates.approve_template(conn, own)
    await bed.reference.poll()
    found = bed.book.find(acme, "sms", own)
    assert found == Found(own, "", "own {1}")
    assert found is not None
    assert found.template.fill(["x"]) == "own x"
    assert bed.book.find(other, "sms", own) is None
    assert bed.book.find(acme, "mms", own) is None
    assert bed.book.find(EVERYBODY, "sms", own) is None
    assert bed.book.find(acme, "sms", common) == bed.book.find(other, "sms", common) == Found(common, "", "common {1}")
    assert bed.book.fits(acme, "sms", "own x")
    assert not bed.book.fits(other, "sms", "own x")
    assert not bed.book.fits(acme, "mms", "own x")
    templates.reject_template(conn, own, "withdrawn")
    await bed.reference.poll()
    assert bed.book.find(acme, "sms", own) is None
    assert not bed.book.fits(acme, "sms", "own x")
    conn.execute("DELETE FROM template")
    await bed.reference.poll()
    assert bed.book.find(acme, "sms", common) is None
    assert not bed.book.fits(acme, "sms", "common x")


async def test_a_template_of_email(bed: Bed, conn: Conn, acme: int) -> None:
    """Its braces are placeholders: it is not cut."""
    template_id = approve(conn, acme, "<p>{{name}} {1}{3}</p>", "email", "To {name}")
    await bed.reference.poll()
    assert bed.book.find(acme, "email", template_id) == Found(template_id, "To {name}", "<p>{{name}} {1}{3}</p>")


async def test_a_process_that_starts_knows_what_one_that_runs_knows(
    bed: Bed, conn: Conn, acme: int, database: str
) -> None:
    """More than a page of them, in both ways of reading."""
    ids = approve_many(conn, acme, 520)
    await bed.reference.poll()
    templates.reject_template(conn, ids[0], "no")
    await bed.reference.poll()
    fresh = Bed(database)
    await fresh.reference.load_all(fresh.session)
    for each in (bed, fresh):
        known = [each.book.find(acme, "sms", template_id) for template_id in ids]
        assert known == [None, *(Found(i, "", f"text {n} of {{1}}") for n, i in enumerate(ids[1:], 1))]
        assert [await each.fits(acme, f"text {n} of mine") for n in (0, 1, 519, 520)] == [False, True, True, False]
    await fresh.close()


async def test_many_are_prepared_before_they_are_asked(bed: Bed, conn: Conn, acme: int) -> None:
    ids = approve_many(conn, acme, MANY)
    approve(conn, EVERYBODY, "hello {1}")
    await bed.reference.poll()
    with pytest.raises(Unready) as raised:
        bed.book.fits(acme, "sms", "text 1 of 2")
    assert (raised.value.account_id, raised.value.kind) == (acme, "sms")
    assert bed.book.find(acme, "sms", ids[-1]) is not None
    assert bed.book.fits(acme, "sms", "hello you")  # what is known need not wait for the rest
    await asyncio.gather(*(bed.book.prepare(acme, "sms") for _ in range(3)))
    assert bed.book.fits(acme, "sms", "text 1 of 2")
    assert not bed.book.fits(acme, "sms", "nothing of that")
    # One more is built at once, beside the large set.
    approve(conn, acme, "one more {1}")
    await bed.reference.poll()
    assert bed.book.fits(acme, "sms", "one more time")
    assert bed.book.fits(acme, "sms", f"text {MANY - 1} of 2")


async def test_one_of_many_that_is_withdrawn_and_approved_again(bed: Bed, conn: Conn, acme: int) -> None:
    approve(conn, acme, "text {1}")
    ids = approve_many(conn, acme, MANY)
    wide = approve(conn, acme, "{1} 7 of {2}")
    await bed.reference.poll()
    assert await bed.fits(acme, "text 7 of 9")
    templates.reject_template(conn, ids[7], "no")
    templates.reject_template(conn, wide, "no")
    await bed.reference.poll()
    assert await bed.fits(acme, "text 7 of 9")  # by the widest of them
    assert not await bed.fits(acme, "word 7 of 9")
    templates.approve_template(conn, wide)
    await bed.reference.poll()
    assert await bed.fits(acme, "word 7 of 9")
    templates.reject_template(conn, wide, "no")
    await bed.reference.poll()
    templates.approve_template(conn, wide)
    await bed.reference.poll()
    assert await bed.fits(acme, "word 7 of 9")


async def test_all_of_many_are_withdrawn(bed: Bed, conn: Conn, acme: int) -> None:
    ids = approve_many(conn, acme, MANY)
    kept = approve(conn, acme, "kept {1}")
    await bed.reference.poll()
    assert await bed.fits(acme, "text 7 of 9")
    with conn.transaction():
        for template_id in ids:
            templates.reject_template(conn, template_id, "no")
    await bed.reference.poll()
    assert not await bed.fits(acme, "text 7 of 9")
    assert await bed.fits(acme, "kept here")
    templates.reject_template(conn, kept, "no")
    await bed.reference.poll()
    assert not await bed.fits(acme, "kept here")


async def test_what_changes_while_many_are_prepared(bed: Bed, conn: Conn, acme: int) -> None:
    ids = approve_many(conn, acme, 2_000)
    await bed.reference.poll()
    under_way = asyncio.create_task(bed.book.prepare(acme, "sms"))
    templates.reject_template(conn, ids[3], "no")
    approve(conn, acme, "late {1}")
    await bed.reference.poll()
    await under_way
    assert await bed.fits(acme, "late but there")
    assert not await bed.fits(acme, "text 3 of 9")
    assert await bed.fits(acme, "text 4 of 9")


async def test_reading_all_anew_keeps_what_is_the_same(bed: Bed, conn: Conn, acme: int, other: int) -> None:
    """After a loss of the connection the server may be another one: an id may say another text there."""
    approve_many(conn, acme, MANY)
    ids = approve_many(conn, other, MANY)
    await bed.reference.poll()
    assert await bed.fits(acme, "text 1 of 2")
    assert await bed.fits(other, "text 1 of 2")
    conn.execute("ALTER TABLE template DISABLE TRIGGER USER")
    conn.execute("UPDATE template SET text = 'another {1}' WHERE id = %s", (ids[1],))
    await bed.book.load(bed.session)
    assert bed.book.fits(acme, "sms", "text 1 of 2")  # without preparing it again
    assert not await bed.fits(other, "text 1 of 2")
    assert await bed.fits(other, "another one")


async def test_a_text_that_nobody_can_read_is_no_template(
    bed: Bed, conn: Conn, acme: int, caplog: pytest.LogCaptureFixture
) -> None:
    template_id = approve(conn, acme, "fine {1}")
    conn.execute("INSERT INTO template (account_id, kind, text, state) VALUES (%s, 'sms', '{2}', 'approved')", (acme,))
    await bed.reference.poll()
    assert bed.book.fits(acme, "sms", "fine so")
    assert not bed.book.fits(acme, "sms", "other")
    assert bed.book.find(acme, "sms", template_id) is not None
    assert bed.book.find(acme, "sms", template_id + 1) is None
    assert f"template {template_id + 1} cannot be read" in caplog.text
