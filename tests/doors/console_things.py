"""One of everything that an account can have, marked so that a page which shows it to another account is found out."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from tocsin import accounts
from tocsin.kit.ids import Ids

MARK = "9621907315"
"""In every text, and a number."""

_IDS = Ids()


class Things:
    """What was made for an account."""

    def __init__(self, dsn: str, account_id: int) -> None:
        self._dsn = dsn
        self.account_id = account_id
        self.names: dict[str, Any] = {}
        """Parameter of an address -> the id in it; "address/parameter" where one name means two things."""

    def name_of(self, address: str, parameter: str) -> str:
        """The id for a parameter. KeyError: a new kind of address, whose thing is to be made here."""
        return str(self.names.get(f"{address}/{parameter}") or self.names[parameter])

    def questions(self) -> list[str]:
        """Pages that show the account's own things."""
        return [f"/messages/?number={MARK[:5]}", "/batches/", "/scheduled/"]

    def fingerprint(self) -> str:
        """Of all rows of the account, in whatever table."""
        digest = hashlib.sha256()
        with psycopg.connect(self._dsn) as conn:
            tables = conn.execute(
                "SELECT c.table_name FROM information_schema.columns c JOIN pg_class p ON p.relname = c.table_name"
                " WHERE c.table_schema = current_schema() AND c.column_name = 'account_id' AND NOT p.relispartition"
                " AND p.relkind IN ('r', 'p') ORDER BY 1"
            ).fetchall()
            for (table,) in tables:
                rows = conn.execute(
                    f"SELECT t::text FROM {table} t WHERE account_id = %s ORDER BY 1", (self.account_id,)
                )
                digest.update(f"{table}: {rows.fetchall()}\n".encode())
        return digest.hexdigest()


def make_things(dsn: str, account_id: int) -> Things:
    """Make them."""
    things = Things(dsn, account_id)
    message_id = UUID(bytes=_IDS.one())
    with psycopg.connect(dsn) as conn:
        at = datetime.fromtimestamp((message_id.int >> 80) / 1000, UTC)
        conn.execute("SELECT partitions_ahead(%s, 0)", (at,))
        conn.execute(
            "INSERT INTO message (id, account_id, batch_no, product, phone, country_id, parts, price_micros, status, reason)"
            " VALUES (%s, %s, 1, 1, %s, 10007, 1, 100000, 0, 0)",
            (message_id, account_id, MARK),
        )
        batch_no = _add_batch(conn, account_id, message_id)
        things.names |= {"batch_no": batch_no}
        things.names |= {"message_id": message_id.hex, "key_id": accounts.add_key(conn, account_id, "sealed")}
    return things


def _add_batch(conn: psycopg.Connection[TupleRow], account_id: int, message_id: UUID) -> int:
    """Emails that wait for their time: pages of batches, of schedules and of opens have it."""
    batch_no = (message_id.int >> 80) * 10_000
    conn.execute(
        "INSERT INTO batch (batch_no, account_id, product, priority, country_id, sender, content, parts, good, bad, amount_micros,"
        " first_id, last_id, expires_at, due_at) VALUES (%s, %s, 5, 1, 10007, %s, %s, 1, 1, 0, 100000, %s, %s,"
        " now() + interval '1 day', now() + interval '1 minute') ON CONFLICT DO NOTHING",
        (batch_no, account_id, f"{MARK}@example.com", MARK, message_id, message_id),
    )
    conn.execute(
        "INSERT INTO schedule (due, priority, account_id, batch_no, channel_id, zone, amount_micros, ids)"
        " VALUES (now() + interval '1 minute', 1, %s, %s, 1, '', 100000, ARRAY[%s])",
        (account_id, batch_no, message_id),
    )
    return batch_no
