"""`tocsin listen`: shows pushes, checks their signatures, and puts back what was there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.poll import PATIENCE_S, until_sync
from tocsin import accounts, audit, webhooks
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.cli.listen import is_signed, tell
from tocsin.kit.seal import Seal

PROGRAM = (
    "import sys; from tocsin.cli.base import run_to_exit; from tocsin.cli.listen import listen;"
    "sys.exit(run_to_exit(listen, sys.argv[1:]))"
)
ROW = ["ab" * 16, "6281234567801", "2026-11-23T10:00:00+08:00", 1, "success", "17954046340001234", "1", "0.1"]
PUSH = {"type": "sms", "cnt": 1, "array": [ROW]}


def sign(secret: str, webhook_id: str, at: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{webhook_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def post(url: str, secret: str, push: object) -> int:
    body, at = json.dumps(push).encode(), str(int(time.time()))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": sign(secret, "msg_1", at, body)}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        return int(answer.status)


def test_it_shows_pushes_and_puts_back_what_was_there(database: str, tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    seal = Seal((key,))
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        account_id = accounts.create_account(conn, "acme")
        webhooks.set_endpoint(conn, account_id, "sms", "https://example.com/old", seal.seal)
        environ = {**os.environ, "DATABASE_URL": database, "TOCSIN_HOME": str(tmp_path), "TOCSIN_SEALING_KEYS": key}
        environ.pop("TOCSIN_TEST_DSN", None)
        out = tmp_path / "out"
        with out.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "--account", "acme", "--port", "0"],
                env=environ,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            until_sync(lambda: "Listening for acme" in out.read_text(), 20)
            urls = {each.kind: each.url for each in webhooks.list_endpoints(conn, account_id)}
            assert urls["sms"].startswith("http://127.0.0.1:")
            secrets: dict[str, str] = dict(conn.execute("SELECT kind, secret FROM endpoint").fetchall())
            assert post(urls["sms"], seal.open(secrets["sms"]), PUSH) == 200
            assert post(urls["sms"], "whsec_" + base64.b64encode(b"wrong").decode(), PUSH) == 200
            reply = {"fromNum": "10690", "to": "6281234567801", "content": "I want it", "datetime": "x"}
            assert post(urls["uplink"], seal.open(secrets["uplink"]), reply) == 200
            until_sync(lambda: out.read_text().count("\n") >= 5, 5)
            shown = out.read_text()
            assert "6281234567801  1 success" in shown
            assert shown.count("WRONG SIGNATURE") == 1
            assert "from 6281234567801 to 10690: I want it" in shown
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
            process.wait()
        urls = {each.kind: each.url for each in webhooks.list_endpoints(conn, account_id)}
        assert urls == {"sms": "https://example.com/old"}
        assert "acme: sms goes to https://example.com/old again" in out.read_text()
        assert "acme: uplink goes nowhere again" in out.read_text()
        last = {entry.after and entry.after["kind"]: entry.action for entry in audit.read_last(conn, limit=6)}
        assert last == {None: "webhook remove", "sms": "webhook set"}


def test_a_signature_is_checked_in_full() -> None:
    secret, body, now = "whsec_" + base64.b64encode(b"k" * 32).decode(), b'{"a":1}', 1_800_000_000
    good = {"Webhook-Id": "m", "Webhook-Timestamp": str(now), "Webhook-Signature": sign(secret, "m", str(now), body)}
    assert is_signed(secret, good, body, now)
    assert is_signed(secret, {**good, "Webhook-Signature": f"v1,old {good['Webhook-Signature']}"}, body, now)
    assert not is_signed(secret, good, body + b" ", now)
    assert not is_signed(secret, {**good, "Webhook-Id": "n"}, body, now)
    assert not is_signed(secret, good, body, now + 301)
    assert not is_signed(secret, {**good, "Webhook-Timestamp": "x"}, body, now)
    assert not is_signed(secret, {}, body, now)


@pytest.mark.parametrize("push", [PUSH, {"type": "mms", "array": [[1]]}, {"a": 1}, [1], None, {"content": "x"}])
def test_every_push_can_be_shown(push: object) -> None:
    assert len(tell(push)) == 1


@pytest.mark.parametrize(("kind", "said"), [("sms", "parts 2"), ("vos", "minutes 2"), ("mms", "messages 2")])
def test_a_row_says_what_is_counted(kind: str, said: str) -> None:
    row = [
        "01a2067fad347733b20987c60579ae96",
        "6281234567801",
        "2026-11-23T11:42:40+08:00",
        1,
        "success",
        "1",
        "2",
        "0.2",
    ]
    (line,) = tell({"type": kind, "cnt": 1, "array": [row]})
    assert f"  {kind}  6281234567801  1 success" in line
    assert f"  {said}  fee 0.2" in line


def test_what_is_done_with_an_email_is_one_line() -> None:
    row = {"mssId": "ab", "taskName": "17", "domain": "x.com", "receive_email": "jo@x.com", "time": 1, "action_type": "OPENED",
           "country_name": "", "city": "", "device_type": "Phone", "device_name": "Apple"}  # fmt: skip
    (line,) = tell({"type": "MailUserEvent", "cnt": 1, "array": [row]})
    assert line.endswith("  MailUserEvent  jo@x.com  OPENED  Phone  Apple  batch 17  id ab")
