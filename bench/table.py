"""The bare table: the product's message rows, in a table of the same columns, partitions and indexes, and the bare COPY."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from bench.wire import COUNTRY
from tocsin.kit.ids import Ids

Row = tuple[UUID, int, int, int, str, int, int, int, int, int, int]
Conn = psycopg.Connection[TupleRow]

COPY = (
    "COPY bare.message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status, reason)"
    " FROM STDIN (FORMAT BINARY)"
)
TYPES = ["uuid", "int4", "int8", "int2", "text", "int4", "int4", "int2", "int8", "int2", "int2"]

_MAKE = """
DROP SCHEMA IF EXISTS bare CASCADE;
CREATE SCHEMA bare;
CREATE TABLE bare.message (LIKE public.message INCLUDING ALL) PARTITION BY RANGE (id);
DO $$
DECLARE
    v_day timestamptz := date_trunc('day', now(), 'UTC');
BEGIN
    FOR v_ahead IN 0 .. 1 LOOP
        EXECUTE format('CREATE TABLE bare.message_%s PARTITION OF bare.message FOR VALUES FROM (%L) TO (%L)', v_ahead,
                       uuid7_floor(v_day + v_ahead * interval '1 day'), uuid7_floor(v_day + (v_ahead + 1) * interval '1 day'));
    END LOOP;
END $$;
"""


def make_bare_table(dsn: str) -> None:
    """Schema `bare` beside the product's, empty."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(_MAKE)


def make_row(message_id: UUID, batch_no: int, phone: str) -> Row:
    """A message row like the product's."""
    return message_id, 1, batch_no, 1, phone, COUNTRY, 1, 1, 100_000, 0, 0


def make_rows(numbers: Sequence[str]) -> list[Row]:
    """Rows of one batch."""
    batch_no = int(time.time() * 1000) * 10_000
    ids = Ids().take(len(numbers))
    return [make_row(UUID(bytes=raw), batch_no, "62" + number) for raw, number in zip(ids, numbers, strict=True)]


def copy_rows(conn: Conn, rows: Sequence[Row]) -> float:
    """One COPY, one commit; seconds it took. `conn` is in autocommit."""
    began = time.perf_counter()
    with conn.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(TYPES)
        for row in rows:
            copy.write_row(row)
    return time.perf_counter() - began
