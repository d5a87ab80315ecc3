"""Messages of days gone by, with their reports and their place in the roll-ups, for what looks back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from tocsin.kit.ids import Ids
from tocsin.traffic import Product, Reason

PRICE = 100_000


class Past(NamedTuple):
    """A message that was. reason SENDING: it is under way."""

    at: datetime
    phone: str = "6281234567801"
    reason: Reason = Reason.SUCCESS
    product: Product = Product.SMS
    country_id: int = 10007
    batch_no: int = 0
    content: str = "hello"
    priority: int = 1


def put(conn: psycopg.Connection[Any], account_id: int, past: Past) -> str:
    """Write it, in a batch of its own unless it names one; its id in hex."""
    # a maker of its own: one that is shared makes no id below its last one
    message_id = Ids().take(1, int(past.at.timestamp() * 1000))[0]
    batch_no = (
        past.batch_no or int(past.at.timestamp() * 1000) * 10_000 + int.from_bytes(message_id[-2:], "big") % 10_000
    )
    conn.execute("SELECT partitions_ahead(%s, 0)", (past.at,))
    conn.execute(
        "INSERT INTO batch (batch_no, account_id, product, priority, country_id, sender, content, parts, good, bad, amount_micros,"
        " first_id, last_id, expires_at) VALUES (%s, %s, %s, %s, %s, 'ACME', %s, 1, 1, 0, %s, %s, %s, %s)"
        " ON CONFLICT (batch_no) DO UPDATE SET last_id = excluded.last_id",
        (
            batch_no, account_id, past.product, past.priority, past.country_id, past.content, PRICE, message_id.hex(),
            message_id.hex(), past.at + timedelta(days=2),
        ),
    )  # fmt: skip
    conn.execute(
        "INSERT INTO message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status,"
        " reason) VALUES (%s, %s, %s, %s, %s, %s, 1, 1, %s, 0, 0)",
        (message_id.hex(), account_id, batch_no, past.product, past.phone, past.country_id, PRICE),
    )
    if past.reason is not Reason.SENDING:
        conn.execute(
            "INSERT INTO report (message_id, version, account_id, status, reason, fee_micros, channel_id, submitted_at, at, count)"
            " VALUES (%s, 1, %s, %s, %s, %s, 1, %s, %s, 1)",
            (
                message_id.hex(), account_id, past.reason.end.status, past.reason, PRICE, past.at + timedelta(seconds=1),
                past.at + timedelta(seconds=3),
            ),
        )  # fmt: skip
    conn.execute(
        "INSERT INTO rollup AS r VALUES (date_trunc('hour', %s::timestamptz), %s, 1, %s, %s, %s, 1, 1, %s)"
        " ON CONFLICT (account_id, hour, product, country_id, channel_id, status)"
        " DO UPDATE SET messages = r.messages + 1, parts = r.parts + 1, fee_micros = r.fee_micros + excluded.fee_micros",
        (past.at, account_id, past.product, past.country_id, past.reason.end.status, PRICE),
    )
    return message_id.hex()
