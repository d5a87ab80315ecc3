"""The verbs over templates: what they do, print, refuse, and leave in the audit."""

from __future__ import annotations

import io
import sys

import pytest

from tests.doors.shell import Shell
from tocsin.kit.db import Session
from tocsin.templates import TemplateBook

TEXT = "Your code is {1}"


async def load_book(shell: Shell) -> TemplateBook:
    book = TemplateBook()
    session = Session(shell.dsn, "test")
    await book.load(session)
    await session.close()
    return book


async def test_from_its_making_to_its_withdrawal(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    made = shell.json("template", "add", "acme", "sms", TEXT, "--label", "otp")
    assert {name: made[name] for name in ("account", "kind", "label", "subject", "text", "state", "reason")} == {
        "account": "acme", "kind": "sms", "label": "otp", "subject": "", "text": TEXT, "state": "pending", "reason": "",
    }  # fmt: skip
    entry = shell.last_audit()
    assert (entry.action, entry.subject, entry.before) == ("template add", f"template {made['id']}", None)
    assert entry.after == made
    template_id = str(made["id"])
    ((account_id,),) = shell.rows("SELECT id FROM account")
    assert (await load_book(shell)).find(account_id, "sms", made["id"]) is None

    assert shell.json("template", "approve", template_id)["state"] == "approved"
    entry = shell.last_audit()
    assert (entry.action, entry.before) == ("template approve", {"state": "pending", "reason": ""})
    assert entry.after == {"state": "approved", "reason": ""}
    assert (await load_book(shell)).find(account_id, "sms", made["id"]) is not None

    assert "only one that is pending or rejected can be approved" in shell.refused("template", "approve", template_id)
    gone = shell.json("template", "reject", template_id, "names no company")
    assert (gone["state"], gone["reason"]) == ("rejected", "names no company")
    assert shell.last_audit().after == {"state": "rejected", "reason": "names no company"}
    assert (await load_book(shell)).find(account_id, "sms", made["id"]) is None
    assert shell.run("template", "submit", template_id).out == f"template {template_id} is pending\n"
    assert shell.last_audit().action == "template submit"


def test_a_draft(shell: Shell) -> None:
    made = shell.json("template", "add", "*", "voice", TEXT, "--draft")
    assert (made["account"], made["state"]) == (None, "draft")
    assert "is draft" in shell.refused("template", "approve", str(made["id"]))
    shell.run("template", "submit", str(made["id"]))
    assert shell.run("template", "approve", str(made["id"])).code == 0


def test_people_read_the_id(shell: Shell) -> None:
    done = shell.run("template", "add", "*", "sms", TEXT)
    ((template_id,),) = shell.rows("SELECT id FROM template")
    assert done.out == f"id      {template_id}\naccount all\nstate   pending\n"
    shown = shell.run("template", "show", str(template_id)).out
    assert shown.startswith(f"id          {template_id}\naccount     all\n")
    assert shown.endswith(f"\n\n{TEXT}\n")
    assert shell.json("template", "show", str(template_id))["text"] == TEXT


def test_an_email_from_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    html = "<p>Hello {name}, 你好</p>\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(html.encode()), encoding="ascii"))
    made = shell.json("template", "add", "*", "email", "-", "--subject", "To {name}")
    assert (made["subject"], made["text"]) == ("To {name}", html.strip())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="ascii"))
    done = shell.run("template", "add", "*", "sms", "-")
    assert (done.code, done.err) == (1, "tocsin: a template cannot hold a lone surrogate\n")


def test_lists(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    own = shell.json("template", "add", "acme", "sms", f"{TEXT}\nin two lines of which the second one is rather long")[
        "id"
    ]
    common = shell.json("template", "add", "*", "email", "x" * 100, "--subject", "Hello")["id"]
    shell.run("template", "approve", str(common))

    def ids(*words: str) -> list[int]:
        return [row["id"] for row in shell.json("template", "list", *words)]

    assert ids() == [common, own]
    assert ids("acme") == [own]
    assert ids("*") == [common]
    assert ids("--kind", "sms") == [own]
    assert ids("--state", "approved") == [common]
    assert ids("--limit", "1") == [common]
    out = shell.run("template", "list").out
    assert "all      email  approved         Hello\n" in out
    assert f"{TEXT} in two lines" in out
    assert "…\n" in out


def test_what_is_refused(shell: Shell) -> None:
    assert shell.refused("template", "add", "nobody", "sms", TEXT) == "there is no account nobody"
    assert "without a gap" in shell.refused("template", "add", "*", "sms", "code {2}")
    assert "needs a subject" in shell.refused("template", "add", "*", "email", TEXT)
    assert "only a template of email" in shell.refused("template", "add", "*", "sms", TEXT, "--subject", "a")
    for verb in (("show", "7"), ("approve", "7"), ("submit", "7"), ("reject", "7", "no")):
        assert shell.refused("template", *verb) == "there is no template 7: `tocsin template list` has the ids"
    shell.refused("template", "add", "*", "fax", TEXT, code=2)
    shell.refused("template", "show", "seven", code=2)
    assert shell.rows("SELECT 1 FROM template") == []
    assert shell.rows("SELECT 1 FROM audit_entry WHERE action LIKE 'template%'") == []
