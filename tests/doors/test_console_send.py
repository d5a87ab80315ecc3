"""The send page against a real API: priced, refused in words, confirmed once; and templates through their states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.doors.console import change, log_in, read
from tests.flows.plant import find_port
from tests.poll import PATIENCE_S, until_sync
from tocsin import audit, billing, templates

GOOD = {
    "country": "Indonesia (+62)", "numbers": "81234567801\n81234567802, nonsense", "content": "hello",
    "action": "NOTIFICATION", "when": "now", "zone": "UTC",
}  # fmt: skip


@pytest.fixture(scope="module")
def api_url(project: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An API process on the console's database."""
    import os
    import signal
    import subprocess
    import sys

    from tocsin.console.installation import installation
    from tocsin.kit.leash import die_with_parent

    port, log = find_port(), tmp_path_factory.mktemp("api") / "log"
    own = {"DATABASE_URL": project, "TOCSIN_HOME": str(log.parent), "TOCSIN_PORT": str(port)}
    keys = {"TOCSIN_SEALING_KEYS": ",".join(installation().settings.sealing_keys), "TOCSIN_MAIL_DOMAIN": "a.example"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "api"], env={**os.environ, **own, **keys}, stdout=out, stderr=out,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  started by the main thread
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    until_sync(lambda: _is_ready(url), 30)
    yield url
    process.terminate()
    process.wait(PATIENCE_S)
    assert "Traceback" not in Path(log).read_text()


def _is_ready(url: str) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=60) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def sender(project: str, api_url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """A client with an account that has 1 USD."""
    change(monkeypatch, api_url=api_url)
    client, me = log_in()
    fund(project, me.account_id)
    return client, me


def fund(dsn: str, account_id: int) -> None:
    with psycopg.connect(dsn) as conn:
        if conn.execute("SELECT 1 FROM wallet WHERE account_id = %s", (account_id,)).fetchone() is None:
            billing.open_wallet(conn, account_id)
        billing.recharge(conn, account_id, billing.MICROS)


def read_balance(dsn: str, account_id: int) -> int:
    with psycopg.connect(dsn) as conn:
        return billing.read_wallet(conn, account_id).balance_micros


def test_a_send_is_priced_confirmed_and_sent_once(project: str, sender: tuple[Any, Any]) -> None:
    client, me = sender
    preview = read(client.post("/send/sms/preview/", GOOD))
    assert 'id="total">0.2 USD' in preview
    assert "1 recipient is left out" in preview
    asked = client.post("/send/sms/", GOOD)
    assert asked.status_code == 302, read(asked)
    page = read(client.get(asked["Location"]))
    amount = re.findall(r'name="amount" value="(\d+)"', page)
    assert amount == ["200000"]
    assert read_balance(project, me.account_id) == billing.MICROS, "nothing goes before it is confirmed"
    for _ in range(2):
        assert client.post(asked["Location"], {"amount": amount[0]})["Location"] == asked["Location"]
    assert read_balance(project, me.account_id) == billing.MICROS - 200_000
    done = read(client.get(asked["Location"]))
    assert re.findall(r'id="(?:good|bad)">(\d+)', done) == ["2", "1"]
    assert "number error" in done
    with psycopg.connect(project) as conn:
        entry = audit.read_last(conn, f"account {me.account.name}", 1)[0]
    assert (entry.actor, entry.action, entry.after["accepted"]) == (f"user {me.user.id}", "send", 2)


def test_a_price_that_was_not_seen_is_not_sent_at(project: str, sender: tuple[Any, Any]) -> None:
    client, me = sender
    place = client.post("/send/sms/", GOOD)["Location"]
    answer = client.post(place, {"amount": "1"}, follow=True)
    assert "The price has changed" in read(answer)
    assert read_balance(project, me.account_id) == billing.MICROS


@pytest.mark.parametrize(
    ("kind", "changed", "told"),
    [
        ("sms", {"country": ""}, "Choose a country."),
        ("sms", {"country": "Nowhere"}, "Choose a country from the list."),
        ("sms", {"numbers": " "}, "Enter at least one number."),
        ("sms", {"numbers": "nonsense"}, "None of these can be sent to."),
        ("sms", {"content": ""}, "Enter a text."),
        ("sms", {"content": "x" * 1025}, "The text is too long"),
        ("sms", {"country": "China (+86)", "numbers": "13611111111"}, "This country takes approved templates only"),
        ("sms", {"when": "later", "at": "nonsense"}, "Choose a date and a time."),
        ("sms", {"when": "later", "at": "2020-01-01T00:00"}, "Choose a time within the next 30 days."),
        ("sms", {"content": "y" * 1000, "numbers": "81234567801,81234567802"}, "The balance does not cover it"),
        ("mms", {"title": ""}, "Enter a title."),
        ("email", {"from": ""}, "Enter the name that recipients see."),
        ("code", {"numbers": "81234567801,81234567802"}, "A code goes to one number."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    sender: tuple[Any, Any], kind: str, changed: dict[str, str], told: str
) -> None:
    fields = GOOD | {"title": "My title"} | changed
    answer = sender[0].post(f"/send/{kind}/", fields)
    assert answer.status_code == 200, answer["Location"]
    text = read(answer)
    assert told in text
    assert [value for name, value in fields.items() if name in {"content", "numbers"} and value not in text] == []


def test_files_go_along_and_outlive_a_fault(project: str, sender: tuple[Any, Any]) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client, _ = sender
    fields = {"numbers": "a@example.com", "from": "Acme", "content": "hello", "when": "now", "zone": "UTC"}
    faulty = read(
        client.post("/send/email/", fields | {"title": "", "files": SimpleUploadedFile("plan.txt", b"hello")})
    )
    assert "Enter a subject." in faulty
    assert "plan.txt" in faulty
    kept = re.findall(r'name="kept" value="([^"]+)"', faulty)[0]
    place = client.post("/send/email/", fields | {"title": "Plan", "kept": kept})["Location"]
    page = read(client.get(place))
    assert "plan.txt" in page
    amount = re.findall(r'name="amount" value="(\d+)"', page)[0]
    client.post(place, {"amount": amount})
    with psycopg.connect(project) as conn:
        batch = re.findall(r"font-monospace\">(\d{17})", read(client.get(place)))[0]
        row = conn.execute("SELECT attached FROM batch WHERE batch_no = %s", (int(batch),)).fetchone()
    assert row is not None
    assert "plan.txt" in str(row[0])


def test_while_the_api_is_away_nothing_is_lost(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, api_url=f"http://127.0.0.1:{find_port()}")
    client, me = log_in()
    fund(project, me.account_id)
    answer = read(client.post("/send/sms/", GOOD))
    assert "The platform does not answer" in answer
    assert "nonsense" in answer


def test_the_page_is_chinese_with_its_complaints(sender: tuple[Any, Any]) -> None:
    client, _ = sender
    client.cookies["tocsin_language"] = "zh-hans"
    text = read(client.post("/send/sms/", GOOD | {"content": "", "country": "印度尼西亚 (+62)"}))
    assert "请输入内容。" in text
    assert "Enter a text." not in text


def test_a_template_goes_through_its_states(project: str, sender: tuple[Any, Any]) -> None:
    client, me = sender
    assert "No templates yet" in read(client.get("/templates/"))
    written = {"kind": "sms", "name": "Code", "subject": "", "text": "Code {2}"}
    assert "{1} is missing" in read(client.post("/templates/new/", written | {"submit": "1"}))
    place = client.post("/templates/new/", written | {"text": "Code {1}", "save": "1"})["Location"]
    template_id = int(place.split("/")[2])
    assert client.post(f"{place}edit/", written | {"text": "Your code {1}", "save": "1"}).status_code == 302
    client.post(f"{place}submit/")
    assert "In review" in read(client.get(place))
    assert "Only a draft" in read(client.get(f"{place}edit/", follow=True))
    client.post(f"{place}withdraw/")
    client.post(f"{place}submit/")
    with psycopg.connect(project) as conn:
        templates.reject_template(conn, template_id, "names no company")
    assert "names no company" in read(client.get(place))
    with psycopg.connect(project) as conn:
        templates.approve_template(conn, template_id)
    assert client.post(f"{place}delete/").status_code == 404, "only drafts are deleted"
    assert "Your code 4821" in read(client.get(f"{place}?value-1=4821"))
    other, _ = log_in()
    assert other.get(place).status_code == 404
    fields = GOOD | {"template": str(template_id), "content": ""}
    assert "Enter a value." in read(client.post("/send/sms/", fields))
    until_sync(lambda: client.post("/send/sms/", fields | {"value-1": "4821"}).status_code == 302, 10)
    drawn = client.post("/templates/new/", written | {"text": "Code {1}", "save": "1"})["Location"]
    assert client.post(f"{drawn}delete/").status_code == 302
    assert client.get(drawn).status_code == 404
    assert me.account_id
