"""`tocsin schedule`, and `tocsin send ... --at`."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from tests.doors.shell import Shell
from tests.doors.test_cli_live import Door, door

__all__ = ["door"]  # a fixture

BATCH = 17_954_053_604_360_002
DUE = datetime.fromisoformat("2026-12-01 02:00:00+00:00")


def add(shell: Shell, account: str, batch_no: int, minutes: int = 0) -> None:
    """Two messages that wait, of a batch that is no more than a row."""
    shell.rows(
        "WITH b AS (INSERT INTO batch (batch_no, account_id, product, priority, country_id, content, parts, good, bad,"
        f" amount_micros, first_id, last_id, expires_at) SELECT {batch_no}, id, 1, 1, 10007, 'hello', 1, 2, 0, 200000,"
        f" uuid7_floor(now()), uuid7_floor(now()), now() FROM account WHERE name = '{account}' RETURNING *)"
        " INSERT INTO schedule (due, priority, account_id, batch_no, channel_id, zone, amount_micros, ids)"
        f" SELECT '{DUE}'::timestamptz + interval '{minutes} minutes', 1, account_id, batch_no, 1, 'UTC+7', 200000,"
        " ARRAY[uuid7_floor(now()), uuid7_floor(now() + interval '1 ms')] FROM b"
    )


def test_schedule(shell: Shell) -> None:
    for name in ("acme", "other"):
        shell.json("account", "create", name)
    assert shell.run("schedule", "list").out == "Nothing waits for its time.\n"
    shell.rows(f"SELECT partition_ensure('batch', to_timestamp({BATCH // 10_000 / 1000}))")
    add(shell, "acme", BATCH, minutes=5)
    add(shell, "other", BATCH + 1)
    rows = shell.json("schedule", "list")
    assert [row["batchNo"] for row in rows] == [str(BATCH + 1), str(BATCH)]
    assert shell.json("schedule", "list", "acme") == [
        {
            "batchNo": str(BATCH), "account": "acme", "due": "2026-12-01 02:05:00", "zone": "UTC+7", "product": "sms",
            "messages": 2, "amount": "0.2",
        }
    ]  # fmt: skip
    assert "2026-12-01 02:05:00  UTC+7" in shell.run("schedule", "list", "acme").out
    assert len(shell.json("schedule", "list", "--limit", "1")) == 1
    assert "no account" in shell.refused("schedule", "list", "nobody")
    assert shell.json("schedule", "cancel", str(BATCH)) == {"batchNo": str(BATCH), "cancelled": 2, "amount": "0.2"}
    entry = shell.last_audit()
    assert (entry.action, entry.subject, entry.after) == (
        "schedule cancel", f"batch {BATCH}", {"batchNo": str(BATCH), "cancelled": 2, "amount": "0.2"},
    )  # fmt: skip
    assert shell.json("schedule", "list", "acme") == []
    # It is due now, so that a worker ends it within a second.
    assert shell.rows("SELECT batch_no FROM schedule WHERE cancelled AND due <= now()") == [(BATCH,)]
    assert "nothing of batch 1 waits" in shell.refused("schedule", "cancel", "1")
    shell.refused("schedule", "cancel", "x", code=2)


def test_send_later(shell: Shell, door: str, tmp_path: Path) -> None:
    Door.reply = {"status": 0, "message": "ok", "data": {"success": 1, "fail": 0, "batchNo": "1", "successData": []}}
    (tmp_path / "demo.json").write_text(json.dumps({"base_url": door, "account": "yn00001", "api_key": "7bz1lzh9"}))
    at = ["--at", "2026-12-01 09:00:00"]
    assert shell.run("send", "sms", "6281234567801", "Hello", *at, "--zone", "UTC+8").code == 0
    assert shell.run("send", "mms", "6281234567801", "Hello", "--title", "t", *at).code == 0
    bodies = [body for _, body in Door.came]
    assert [(body["sendTime"], body["timeZone"]) for body in bodies] == [
        ("2026-12-01 09:00:00", "UTC+8"), ("2026-12-01 09:00:00", None),
    ]  # fmt: skip
