"""Columns as PostgreSQL binary arrays, built in one pass each.

A bulk write is one statement over unnest() of such columns: building a column is about ten times cheaper in Python than
packing rows for COPY, and the whole write is one round trip. Format: PostgreSQL, array_recv() in arrayfuncs.c.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime

from psycopg import adapt, pq
from psycopg.abc import AdaptContext

_HEAD = struct.Struct(">iiIii")
_LEN16 = b"\x00\x00\x00\x10"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct(">i")
_INT4, _INT8 = struct.Struct(">ii"), struct.Struct(">iq")

_PG_EPOCH_US = 946_684_800_000_000
_KEPT_MOST, _KEPT_ROWS, _KEPT_BELOW = 4096, 64, 1 << 32


class Column(bytes):
    """A finished binary array. One class per type of element, so that psycopg finds the dumper by the class alone."""

    __slots__ = ()
    element_oid = 0
    oid = 0  # of the array


class _Uuids(Column):
    __slots__ = ()
    element_oid = 2950
    oid = 2951


class _Int4s(Column):
    __slots__ = ()
    element_oid = 23
    oid = 1007


class _Int8s(Column):
    __slots__ = ()
    element_oid = 20
    oid = 1016


class _Times(Column):
    __slots__ = ()
    element_oid = 1184
    oid = 1185


class _Texts(Column):
    __slots__ = ()
    element_oid = 25
    oid = 1009


class _Byteas(Column):
    __slots__ = ()
    element_oid = 17
    oid = 1001


class _Flag(Column):
    """No array: one boolean."""

    __slots__ = ()
    oid = 16


class _Text(Column):
    """No array: one text."""

    __slots__ = ()
    oid = 25


_ARRAYS: tuple[type[Column], ...] = (_Uuids, _Int4s, _Int8s, _Times, _Texts, _Byteas)
_EMPTY = {kind: kind(struct.pack(">iiI", 0, 0, kind.element_oid)) for kind in _ARRAYS}
_NO_INT4 = _EMPTY[_Int4s]
_YES, _NO = _Flag(b"\x01"), _Flag(b"\x00")
_kept: dict[tuple[type[Column], object, int], Column] = {}
"""Columns that say one thing: most of a small group are the same as those of the last one."""


def _column(kind: type[Column], count: int, body: bytes, has_null: int = 0) -> Column:
    return kind(_HEAD.pack(1, has_null, kind.element_oid, count, 1) + body) if count else _EMPTY[kind]


def flag(value: bool) -> Column:
    """A boolean."""
    return _YES if value else _NO


def text(value: str) -> Column:
    """A text."""
    return _Text(value.encode())


def uuids(values: Sequence[bytes]) -> Column:
    """uuid[] of 16-byte values."""
    return _column(_Uuids, len(values), _LEN16 + _LEN16.join(values)) if values else _EMPTY[_Uuids]


def int4s(values: Sequence[int]) -> Column:
    """integer[]; no nulls (callers write 0 and SQL says nullif)."""
    count = len(values)
    if not count:
        return _NO_INT4
    if count == 1 or values.count(values[0]) == count:
        return _kept.get((_Int4s, values[0], count)) or _repeat(_Int4s, values, _INT4.pack(4, values[0]))
    return _column(_Int4s, len(values), struct.pack(">" + "ii" * len(values), *_interleave(4, values)))


def int8s(values: Sequence[int]) -> Column:
    """bigint[]; no nulls."""
    count = len(values)
    if count and (count == 1 or values.count(values[0]) == count):
        return _kept.get((_Int8s, values[0], count)) or _repeat(_Int8s, values, _INT8.pack(8, values[0]))
    return _column(_Int8s, len(values), struct.pack(">" + "iq" * len(values), *_interleave(8, values)))


def _repeat(kind: type[Column], values: Sequence[int], element: bytes) -> Column:
    """Most columns of a group say one thing: nothing is packed for each row then. Small numbers come again and again."""
    value, count = values[0], len(values)
    made = _column(kind, count, element * count)
    if count <= _KEPT_ROWS and value < _KEPT_BELOW:
        if len(_kept) >= _KEPT_MOST:
            _kept.clear()
        _kept[kind, value, count] = made
    return made


def _interleave(size: int, values: Sequence[int]) -> list[int]:
    flat = [size] * (2 * len(values))
    flat[1::2] = values
    return flat


def times(values_s: Sequence[float]) -> Column:
    """timestamptz[] of epoch seconds."""
    micros = [round(value * 1_000_000) - _PG_EPOCH_US for value in values_s]
    if len(micros) == 1:
        return _column(_Times, 1, _INT8.pack(8, micros[0]))
    return _column(_Times, len(micros), struct.pack(">" + "iq" * len(micros), *_interleave(8, micros)))


def texts(values: Sequence[str | None]) -> Column:
    """text[] with nulls."""
    count = len(values)
    if count and (count == 1 or values.count(values[0]) == count):
        return _repeat_text(values[0], count)
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
    return _column(_Texts, len(values), b"".join(pieces), has_null)


def _repeat_text(value: str | None, count: int) -> Column:
    if value:
        raw = value.encode()
        return _column(_Texts, count, (_LENGTH.pack(len(raw)) + raw) * count)
    found = _kept.get((_Texts, value, count))
    if found is None:
        found = _column(_Texts, count, (_NULL if value is None else _LENGTH.pack(0)) * count, int(value is None))
        if count <= _KEPT_ROWS:
            _kept[_Texts, value, count] = found
    return found


def byteas(values: Sequence[bytes]) -> Column:
    """bytea[]; no nulls."""
    pack = _LENGTH.pack
    pieces: list[bytes] = []
    for value in values:
        pieces.append(pack(len(value)))
        pieces.append(value)
    return _column(_Byteas, len(values), b"".join(pieces))


class _Dumper(adapt.Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Column) -> bytes:
        return obj


_KINDS: tuple[type[Column], ...] = (*_ARRAYS, _Flag, _Text)
_DUMPERS = {kind: type(f"{kind.__name__}Dumper", (_Dumper,), {"oid": kind.oid}) for kind in _KINDS}


def register(context: AdaptContext) -> None:
    """Teach a connection to send Columns."""
    for kind, dumper in _DUMPERS.items():
        context.adapters.register_dumper(kind, dumper)


def epoch_s(value: datetime) -> float:
    """Seconds since the epoch of a timestamptz that was read."""
    return value.timestamp()
