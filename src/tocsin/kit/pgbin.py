"""Columns as PostgreSQL binary arrays, built in one pass each.

A bulk write is one statement over unnest() of such columns: building a column is about ten times cheaper in Python than
packing rows for COPY, and the whole write is one round trip. Format: PostgreSQL, array_recv() in arrayfuncs.c.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import adapt, pq
from psycopg.abc import AdaptContext

_HEAD = struct.Struct(">iiIii")
_LEN16 = b"\x00\x00\x00\x10"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct(">i")

OID_BYTEA, OID_INT8, OID_INT4, OID_TEXT, OID_UUID, OID_TIMESTAMPTZ = 17, 20, 23, 25, 2950, 1184
_ARRAY_OID = {17: 1001, 20: 1016, 23: 1007, 25: 1009, 2950: 2951, 1184: 1185}
_PG_EPOCH_US = 946_684_800_000_000


class Column:
    """A finished binary array and the type of its elements."""

    __slots__ = ("data", "oid")

    def __init__(self, oid: int, data: bytes) -> None:
        self.oid = _ARRAY_OID[oid]
        self.data = data


def _column(oid: int, count: int, body: bytes, has_null: int = 0) -> Column:
    if count == 0:
        return Column(oid, struct.pack(">iiI", 0, 0, oid))
    return Column(oid, _HEAD.pack(1, has_null, oid, count, 1) + body)


def uuids(values: Sequence[bytes]) -> Column:
    """uuid[] of 16-byte values."""
    body = _LEN16 + _LEN16.join(values) if values else b""
    return _column(OID_UUID, len(values), body)


def int4s(values: Sequence[int]) -> Column:
    """integer[]; no nulls (callers write 0 and SQL says nullif)."""
    flat = [4] * (2 * len(values))
    flat[1::2] = values
    return _column(OID_INT4, len(values), struct.pack(f">{len(flat)}i", *flat))


def int8s(values: Sequence[int]) -> Column:
    """bigint[]; no nulls."""
    return _column(OID_INT8, len(values), struct.pack(">" + "iq" * len(values), *_interleave(8, values)))


def _interleave(size: int, values: Sequence[int]) -> list[int]:
    flat = [size] * (2 * len(values))
    flat[1::2] = values
    return flat


def times(values_s: Sequence[float]) -> Column:
    """timestamptz[] of epoch seconds."""
    micros = [round(value * 1_000_000) - _PG_EPOCH_US for value in values_s]
    return _column(OID_TIMESTAMPTZ, len(micros), struct.pack(">" + "iq" * len(micros), *_interleave(8, micros)))


def texts(values: Sequence[str | None]) -> Column:
    """text[] with nulls."""
    pack = _LENGTH.pack
    pieces: list[bytes] = []
    has_null = 0
    for value in values:
        if value is None:
            has_null = 1
            pieces.append(_NULL)
        else:
            raw = value.encode()
            pieces.append(pack(len(raw)))
            pieces.append(raw)
    return _column(OID_TEXT, len(values), b"".join(pieces), has_null)


def byteas(values: Sequence[bytes]) -> Column:
    """bytea[]; no nulls."""
    pack = _LENGTH.pack
    pieces: list[bytes] = []
    for value in values:
        pieces.append(pack(len(value)))
        pieces.append(value)
    return _column(OID_BYTEA, len(values), b"".join(pieces))


class _ColumnDumper(adapt.Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Column) -> bytes:
        return obj.data

    def get_key(self, obj: Column, format: adapt.PyFormat) -> Any:  # noqa: A002, ARG002  (psycopg's own names)
        return (self.cls, obj.oid)

    def upgrade(self, obj: Column, format: adapt.PyFormat) -> _ColumnDumper:  # noqa: A002, ARG002
        return _ColumnDumper(self.cls, self.connection, obj.oid)

    def __init__(self, cls: type, context: AdaptContext | None = None, oid: int = 0) -> None:
        super().__init__(cls, context)
        self.oid = oid


def register(context: AdaptContext) -> None:
    """Teach a connection to send Columns."""
    context.adapters.register_dumper(Column, _ColumnDumper)


def epoch_s(value: datetime) -> float:
    """Seconds since the epoch of a timestamptz that was read."""
    return value.timestamp()
