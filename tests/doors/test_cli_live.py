"""Verbs that look at what runs, and the one that sends through the API."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.doors.shell import Shell


def states(shell: Shell) -> dict[str, str]:
    found = shell.run("doctor", "--json").json["findings"]
    return {finding["check"]: finding["state"] for finding in found}


def test_doctor_tells_a_link_that_is_down(shell: Shell) -> None:
    shell.run("doctor")
    state = "INSERT INTO link_state VALUES (1, {}, {}, 2, 50, 0, 0, 0, 0, 0, 0, 0, 'refused', 1000, 0, NULL, now())"
    shell.rows(state.format(1, 0))
    findings = {each["check"]: each for each in shell.run("doctor", "--json").json["findings"]}
    assert findings["channel sandbox"]["state"] == "WRONG"
    assert "its link is down: refused" in findings["channel sandbox"]["detail"]
    shell.rows(state.format(2, 1))
    assert states(shell)["channel sandbox"] == "ok"


def test_doctor(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = shell.run("doctor")
    assert plain.code == 1
    assert "none runs" in plain.out
    now = states(shell)
    assert {
        name: now[name] for name in ("database", "clock", "schema", "receipts", "partitions", "schedules")
    } == dict.fromkeys(("database", "clock", "schema", "receipts", "partitions", "schedules"), "ok")
    kinds = ("api", "worker", "push", "console", "clerk")
    held = [psycopg.connect(shell.dsn, autocommit=True) for _ in kinds]
    for conn, kind in zip(held, kinds, strict=True):
        conn.execute(
            "WITH made AS (INSERT INTO process (kind, host, pid) VALUES (%s, 'here', 1) RETURNING id)"
            " SELECT pg_advisory_lock(id) FROM made",
            (kind,),
        )
    try:
        fine = shell.run("doctor", "--json")
        assert fine.code == 0, fine.out
        assert fine.json["ok"] is True
        break_things(shell)
        now = states(shell)
        assert now["channel sandbox"] == "WRONG"
        assert now["lanes"] == "WRONG"
        assert now["receipts"] == "look"
        assert now["partitions"] == "WRONG"
        monkeypatch.setenv("TOCSIN_SEALING_KEYS", Fernet.generate_key().decode())
        shell.rows("INSERT INTO seal_canary (id, sealed) VALUES (1, 'nonsense')")
        assert states(shell)["sealing key"] == "WRONG"
    finally:
        for conn in held:
            conn.close()
    assert shell.run("doctor").code == 1
    shell.rows("DELETE FROM django_migrations WHERE app = 'tocsin'")
    assert states(shell)["schema"] == "WRONG"


def test_doctor_shows_what_is_overdue(shell: Shell) -> None:
    """A minute is given: until then a worker is about to move it."""
    put = (
        "INSERT INTO schedule (due, priority, account_id, batch_no, channel_id, zone, amount_micros, ids)"
        " VALUES (now() - interval '{}', 1, 1, 1, 1, '', 1, ARRAY[uuid7_floor(now()), uuid7_floor(now())])"
    )

    def look() -> tuple[str, str]:
        (found,) = [each for each in shell.run("doctor", "--json").json["findings"] if each["check"] == "schedules"]
        return found["state"], found["detail"]

    shell.rows(put.format("-1 hour"))
    shell.rows(put.format("30 s"))
    assert look() == ("ok", "none is overdue")
    shell.rows(put.format("3 min"))
    shell.rows(put.format("5 h"))
    assert look() == ("WRONG", "4 overdue, the oldest by 5 h: no worker moves them")


def break_things(shell: Shell) -> None:
    item = "INSERT INTO lane_item (channel_id, priority, account_id, ids) VALUES ({}, 1, 1, ARRAY[uuid7_floor({})])"
    shell.rows(item.format(1, "now() - interval '1 hour'"))
    shell.rows(item.format(99, "now()"))
    shell.rows(
        "INSERT INTO unmatched_receipt (channel_id, carrier_id, phone, status, reason, at)"
        " VALUES (1, 'x', '1', 1, 1, now())"
    )
    ((name,),) = shell.rows("SELECT 'message_' || to_char(now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD')")
    shell.rows(f"ALTER TABLE {name} RENAME TO gone")


class Door(BaseHTTPRequestHandler):
    """Answers as the API would, and keeps what came."""

    came: list[tuple[str, dict[str, Any]]] = []  # noqa: RUF012  one for the test
    reply: dict[str, Any] = {}  # noqa: RUF012

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.came.append((self.path, json.loads(body)))
        data = json.dumps(self.reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def door() -> Iterator[str]:
    Door.came.clear()
    with HTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_send_signs_and_posts_as_a_client_does(shell: Shell, door: str, tmp_path: Path) -> None:
    good = {"phone": "6281234567801", "messageId": "ab" * 16}
    bad = {"phone": "x", "messageId": "cd" * 16, "status": -9, "message": "number error"}
    Door.reply = {"status": 0, "message": "success", "data": {
        "success": 1, "fail": 1, "batchNo": "1", "successData": [good], "failData": [bad]}}  # fmt: skip
    (tmp_path / "demo.json").write_text(json.dumps({"base_url": door, "account": "yn00001", "api_key": "7bz1lzh9"}))
    done = shell.run("send", "sms", "6281234567801,x", "Hello")
    assert done.code == 0, done
    assert "accepted: 1 sent, 1 refused" in done.out
    assert done.out.startswith("to Indonesia (ID, codeId 10007), by the first number; another: --country\n")
    assert "ab" * 16 in done.out
    path, body = Door.came[0]
    query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    assert urlsplit(path).path == "/api/v1/sms/sendbatchsms"
    signed = hashlib.md5(f"yn000017bz1lzh9{query['datetime']}".encode()).hexdigest()
    assert (query["account"], query["sign"]) == ("yn00001", signed)
    assert body == {"numbers": "6281234567801,x", "content": "Hello", "codeId": 10007, "action": "NOTIFICATION"}
    assert shell.run("send", "sms", "1", "x", "--country", "cn", "--action", "verify", "--json").json == Door.reply
    assert (Door.came[1][1]["codeId"], Door.came[1][1]["action"]) == (10001, "VERIFY")
    told = shell.run("send", "sms", "+86 13800138000", "x", "--json").json
    assert told.pop("country") == {"codeId": 10001, "iso": "CN", "name": "China"}
    assert told == Door.reply
    # Countries that share a calling code are told apart by the number.
    shared = {"447400123456": "GB", "12025550123": "US", "79161234567": "RU", "77011234567": "KZ", "14165550123": "CA"}
    named = {number: shell.run("send", "sms", number, "x", "--json").json["country"]["iso"] for number in shared}
    assert named == shared


def test_send_by_a_template(shell: Shell, door: str, tmp_path: Path) -> None:
    Door.reply = {"status": 0, "message": "success", "data": {"success": 1, "fail": 0, "batchNo": "1"}}
    (tmp_path / "demo.json").write_text(json.dumps({"base_url": door, "account": "yn00001", "api_key": "7bz1lzh9"}))
    send = ["send", "sms", "6281234567801"]
    assert shell.run(*send, "--template", "3", "--param", "1234", "--param", "5 minutes").code == 0
    assert shell.run(*send, "--template", "4").code == 0
    said = {"numbers": "6281234567801", "codeId": 10007, "action": "NOTIFICATION"}
    assert [body for _, body in Door.came] == [
        said | {"templateId": 3, "templateParams": ["1234", "5 minutes"]},
        said | {"templateId": 4, "templateParams": []},
    ]
    for wrong in ([], ["Hello", "--template", "3"]):
        assert "by TEXT or by --template" in shell.refused(*send, *wrong, code=2)
    assert "name it by --template" in shell.refused(*send, "Hello", "--param", "1", code=2)
    assert len(Door.came) == 2


def test_send_for_an_account_of_the_database(shell: Shell, door: str) -> None:
    Door.reply = {"status": -10, "message": "balance is not enough", "msg": "balance is not enough"}
    api_key = shell.json("account", "create", "acme")["api_key"]
    done = shell.run("send", "sms", "+62 812-3456-7801", "Hello", "--account", "acme", "--base-url", door)
    assert done.code == 1
    assert "refused, status -10: balance is not enough" in done.out
    query = parse_qs(urlsplit(Door.came[0][0]).query)
    signed = hashlib.md5(f"acme{api_key}{query['datetime'][0]}".encode()).hexdigest()
    assert query["sign"] == [signed]
    nowhere = ["send", "sms", "62812", "x", "--account", "acme", "--base-url", "http://127.0.0.1:1"]
    assert "does not answer" in shell.refused(*nowhere, code=2)
    assert "unknown country" in shell.refused("send", "sms", "1", "x", "--account", "acme", "--country", "xx", code=2)
