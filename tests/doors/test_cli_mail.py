"""The verbs of email: sending domains, what every process knows of them, and a send through the API as a client does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doors.api import MAIL_DOMAIN, Bed, Door
from tests.doors.shell import Ran, Shell
from tests.doors.test_mms import attached, png
from tocsin.kit.db import Session
from tocsin.kit.reference import Reference
from tocsin.senders import MailDomains


@pytest.fixture
def acme(shell: Shell) -> int:
    shell.run("account", "create", "acme")
    return int(shell.rows("SELECT id FROM account")[0][0])


async def test_from_its_making_to_its_end(shell: Shell, acme: int) -> None:
    domains, session, reference = MailDomains("shared.example"), Session(shell.dsn, "test"), Reference(shell.dsn)
    reference.add(domains)
    await reference.load_all(session)
    assert shell.json("mail-domain", "add", "acme", " Mail.ACME.com ") == {
        "account": "acme", "domain": "mail.acme.com", "verified": False,
    }  # fmt: skip
    assert shell.last_audit().action == "mail-domain add"
    await reference.renew()
    assert domains.find(acme) == "shared.example"
    assert shell.json("mail-domain", "verify", "mail.acme.com")["verified"] is True
    assert (shell.last_audit().before, shell.last_audit().after) == ({"verified": False}, {"verified": True})
    await reference.renew()
    assert domains.find(acme) == "mail.acme.com"
    shell.json("mail-domain", "add", "acme", "a.acme.com")
    shell.json("mail-domain", "verify", "a.acme.com")
    await reference.renew()
    assert domains.find(acme) == "mail.acme.com", "the first one stays"
    assert [row["domain"] for row in shell.json("mail-domain", "list")] == ["mail.acme.com", "a.acme.com"]
    shell.json("mail-domain", "remove", "MAIL.acme.com")
    await reference.renew()
    assert (domains.find(acme), domains.find(acme + 1)) == ("a.acme.com", "shared.example")
    assert shell.last_audit().action == "mail-domain remove"
    await session.close()


def test_an_international_one_is_ascii(shell: Shell, acme: int) -> None:
    assert shell.json("mail-domain", "add", "acme", "m\u00fcnchen.de")["domain"] == "xn--mnchen-3ya.de", acme


@pytest.mark.parametrize("domain", ["", "acme", "a b.com", "x@acme.com", "acme.invalid", "a-.com", "<a.com>", "a.com>"])
def test_what_is_no_domain(shell: Shell, acme: int, domain: str) -> None:
    assert shell.refused("mail-domain", "add", "acme", domain).endswith("is no domain that email can come from"), acme


def test_what_is_refused(shell: Shell, acme: int) -> None:
    shell.run("account", "create", "other")
    shell.run("mail-domain", "add", "acme", "acme.com")
    assert acme
    assert shell.refused("mail-domain", "add", "other", "acme.com") == "domain acme.com is of account acme already"
    assert shell.refused("mail-domain", "verify", "other.com") == "there is no sending domain other.com"
    assert shell.refused("mail-domain", "remove", "other.com") == "there is no sending domain other.com"
    assert "nobody" in shell.refused("mail-domain", "add", "nobody", "nobody.com")


def send(shell: Shell, bed: Bed, door: Door, *words: str) -> Ran:
    customer = bed.customer()
    sender = ("--account", customer.name, "--key", customer.key, "--base-url", f"http://127.0.0.1:{door.port}")
    return shell.run("send", "email", *words, "--from", "Acme", "--subject", "hello", *sender)


def stored(bed: Bed, batch_no: str, column: str) -> Any:
    return bed.one(f"SELECT {column} FROM batch WHERE batch_no = %s", int(batch_no))


def test_send_text(shell: Shell, bed: Bed, door: Door) -> None:
    done = send(shell, bed, door, "tom@x.com,nobody", "good morning")
    assert (done.code, done.err) == (0, "")
    assert "accepted: 1 sent, 1 refused" in done.out
    assert "-9 Number abnormal" in done.out
    data = send(shell, bed, door, "tom@x.com", "good morning", "--json").json["data"]
    assert stored(bed, data["batchNo"], "sender") == f"Acme <noreply@{MAIL_DOMAIN}>"
    assert (stored(bed, data["batchNo"], "title"), stored(bed, data["batchNo"], "content")) == ("hello", "good morning")


def test_send_a_page_with_files(shell: Shell, bed: Bed, door: Door, tmp_path: Path) -> None:
    (tmp_path / "news.html").write_text("<p>M\u00fcnchen</p>\n", encoding="utf-8")
    (tmp_path / 'a "b".png').write_bytes(png())
    (tmp_path / "rows.csv").write_bytes(b"a,b\r\n")
    words = ["--html-file", "news.html", "--attach", 'a "b".png', "--attach", "rows.csv"]
    paths = [word if word.startswith("--") else str(tmp_path / word) for word in words]
    done = send(shell, bed, door, "tom@x.com", *paths, "--json")
    assert done.code == 0, done
    assert stored(bed, done.json["data"]["batchNo"], "content") == "<p>M\u00fcnchen</p>\n"
    reply = door.get(bed.bystander, "/healthz")._replace(body=done.out.encode())
    assert [name for name, _, _ in attached(bed, reply)] == ["a _b_.png", "rows.csv"]
    assert [data for _, _, data in attached(bed, reply)] == [png(), b"a,b\r\n"]


def test_send_wants_one_text(shell: Shell, bed: Bed, door: Door) -> None:
    for words in (("tom@x.com",), ("tom@x.com", "x", "--html-file", __file__)):
        done = send(shell, bed, door, *words)
        assert (done.code, done.err.splitlines()[-1]) == (2, "tocsin: give either TEXT or --html-file")
