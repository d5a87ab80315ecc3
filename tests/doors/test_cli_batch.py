"""`tocsin batch`."""

from __future__ import annotations

from tests.doors.shell import Shell

BATCH = 17_954_053_604_360_003


def test_batch(shell: Shell) -> None:
    shell.json("account", "create", "acme")
    at = f"to_timestamp({BATCH // 10_000 / 1000})"
    shell.rows(f"SELECT partitions_ahead({at}, 0)")
    shell.rows(
        "INSERT INTO message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status,"
        " reason)"
        f" SELECT uuid7_floor({at}), id, {BATCH}, 1, '6281', 10007, 1, 1, 100000, 0, 0 FROM account WHERE name = 'acme'"
    )
    shell.rows(
        "INSERT INTO batch (batch_no, account_id, product, priority, country_id, content, parts, good, bad, amount_micros,"
        f" first_id, last_id, expires_at) SELECT {BATCH}, id, 1, 1, 10007, 'hello', 1, 1, 0, 100000, uuid7_floor({at}),"
        f" uuid7_floor({at}), now()"
        " FROM account WHERE name = 'acme'"
    )
    shell.rows(
        f"INSERT INTO lane_item (channel_id, priority, account_id, ids) SELECT 1, 1, id, ARRAY[uuid7_floor({at})]"
        " FROM account WHERE name = 'acme'"
    )
    number = str(BATCH)
    assert shell.json("batch", "show", number) == {
        "batchNo": number, "product": "sms", "state": "under-way", "accepted": 1, "refused": 0, "submitted": 0, "waiting": 1,
        "delivered": 0, "failed": 0, "underWay": 1, "cost": "0.1",
    }  # fmt: skip
    assert "not paused" in shell.refused("batch", "resume", number)
    assert shell.json("batch", "pause", number) == {"batchNo": number, "held": 1}
    entry = shell.last_audit()
    assert (entry.action, entry.subject, entry.after) == (
        "batch pause",
        f"batch {BATCH}",
        {"batchNo": number, "held": 1},
    )
    assert "stopped already" in shell.refused("batch", "pause", number)
    assert "paused" in shell.run("batch", "show", number).out
    assert shell.json("batch", "resume", number) == {"batchNo": number, "released": 1}
    assert shell.run("batch", "cancel", number).out == f"batch {BATCH}: 1 messages cancelled\n"
    assert "cancelled already" in shell.refused("batch", "cancel", number)
    assert "no batch 5" in shell.refused("batch", "show", "5")
