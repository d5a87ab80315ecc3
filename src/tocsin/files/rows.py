"""The rows of an upload and the requests that they are sent by. In the caller's transaction.

A job's id is enough here: whoever asks has found the job in its account, or holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.files.store import QUERIES

Conn = Connection[TupleRow]


HEAD = "head"
"""In place of a fault: the row is the table's head."""


SHOWN = 20
"""The first rows of an upload, which its page shows."""


class Checked(NamedTuple):
    """What a row came to. `fault` "": it may be sent."""

    line: int
    phone: str
    asked_id: int
    content: str
    parts: int
    fault: str


class Alike(NamedTuple):
    """Rows that cost alike, and a text of theirs."""

    asked_id: int
    parts: int
    rows: int
    content: str


class Piece(NamedTuple):
    """A request that is sent. `tried_s`: since its first try."""

    piece: int
    rows: int
    tried_s: float


class Sent(NamedTuple):
    """What became of a request; state: sent, refused, unknown."""

    piece: int
    rows: int
    batch_no: int | None
    good: int
    bad: int
    state: str
    answer: str


class Sums(NamedTuple):
    """Of all requests of an upload: how many, and rows in them; done: rows of those that have ended."""

    pieces: int
    rows: int
    done: int
    good: int
    bad: int
    refused: int
    unknown: int


def add_rows(conn: Conn, job_id: int, rows: Iterable[tuple[int, list[str]]]) -> None:
    """(line, cells) each."""
    with conn.cursor() as cursor:
        cursor.executemany(QUERIES["row_add"], [(job_id, line, cells) for line, cells in rows])


def drop_rows(conn: Conn, job_id: int) -> None:
    """All rows of an upload."""
    conn.execute(QUERIES["rows_drop"], (job_id,))
    weigh(conn, job_id)


def drop_sent(conn: Conn, job_id: int) -> None:
    """Rows of a sent upload that no page shows any more."""
    conn.execute(QUERIES["rows_drop_sent"], {"job": job_id, "kept": SHOWN})


def weigh(conn: Conn, job_id: int) -> None:
    """Note how many bytes the rows take."""
    conn.execute(QUERIES["job_weigh"], {"job": job_id})


def read_rows(conn: Conn, job_id: int, after: int = 0, limit: int = 1000) -> list[tuple[int, list[str]]]:
    """(line, cells) of the next ones."""
    return [(row[0], row[1]) for row in conn.execute(QUERIES["rows_page"], _page(job_id, after, limit))]


def _page(job_id: int, after: int, limit: int) -> dict[str, int]:
    return {"job": job_id, "after": after, "limit": limit}


def write_checked(conn: Conn, job_id: int, rows: Sequence[Checked]) -> None:
    """What they came to."""
    names = ("lines", "phones", "asked", "contents", "parts", "faults")
    columns = [list(column) for column in zip(*rows, strict=True)]
    conn.execute(QUERIES["rows_check"], {"job": job_id, **dict(zip(names, columns, strict=True))})


def mark_doubles(conn: Conn, job_id: int) -> None:
    """Of several good rows with one number all but the first are faulty."""
    conn.execute(QUERIES["rows_double"], {"job": job_id})


def list_alike(conn: Conn, job_id: int) -> list[Alike]:
    """The good rows by what they cost."""
    return [Alike(*row) for row in conn.execute(QUERIES["rows_kinds"], (job_id,))]


def read_alike(conn: Conn, job_id: int, alike: Alike, after: int, limit: int) -> list[tuple[int, str]]:
    """(line, phone) of the next good rows that cost alike."""
    asked = {**_page(job_id, after, limit), "asked": alike.asked_id, "parts": alike.parts}
    return [(row[0], row[1]) for row in conn.execute(QUERIES["rows_alike"], asked)]


def mark_faults(conn: Conn, job_id: int, faults: Sequence[tuple[int, str]]) -> None:
    """(line, fault) each."""
    lines, words = [line for line, _ in faults], [word for _, word in faults]
    conn.execute(QUERIES["rows_fault"], {"job": job_id, "lines": lines, "faults": words})


def count_faults(conn: Conn, job_id: int) -> list[tuple[str, int]]:
    """How many rows have which fault, the most first."""
    return [(row[0], row[1]) for row in conn.execute(QUERIES["rows_faults"], (job_id,))]


def read_bad(conn: Conn, job_id: int, limit: int, after: int = 0) -> list[tuple[int, list[str], str]]:
    """(line, cells, fault) of the first rows behind line `after` that are not sent, at most `limit`."""
    return conn.execute(QUERIES["rows_bad"], _page(job_id, after, limit)).fetchall()


def make_pieces(conn: Conn, job_id: int, most: int) -> None:
    """Divide the good rows into requests, unless they are."""
    if sum_pieces(conn, job_id).pieces:
        return
    conn.execute(QUERIES["pieces_mark"], {"job": job_id, "most": most})
    conn.execute(QUERIES["pieces_make"], (job_id,))


def drop_pieces(conn: Conn, job_id: int) -> None:
    """Nothing was sent yet: they are made anew."""
    conn.execute(QUERIES["pieces_drop"], (job_id,))


def begin_piece(conn: Conn, job_id: int) -> Piece | None:
    """The next request, noted as tried; None: all have ended."""
    row = conn.execute(QUERIES["piece_begin"], {"job": job_id}).fetchone()
    return None if row is None else Piece(*row)


def undo_piece(conn: Conn, job_id: int, piece: int) -> None:
    """It was surely not accepted: the next try is the first one."""
    conn.execute(QUERIES["piece_undo"], (job_id, piece))


def read_piece(conn: Conn, job_id: int, piece: int) -> list[tuple[str, int, str]]:
    """(phone, asked_id, content) of its rows."""
    return [(row[0], row[1], row[2]) for row in conn.execute(QUERIES["piece_rows"], (job_id, piece))]


def end_piece(conn: Conn, job_id: int, sent: Sent, refused: Sequence[tuple[str, str]] = ()) -> None:
    """What became of it; `refused`: (phone, fault) of those that did not go."""
    values = {
        "job": job_id, "piece": sent.piece, "state": sent.state, "batch": sent.batch_no, "good": sent.good,
        "bad": sent.bad, "answer": sent.answer,
    }  # fmt: skip
    conn.execute(QUERIES["piece_end"], values)
    if refused:
        phones, faults = [phone for phone, _ in refused], [fault for _, fault in refused]
        named = {"job": job_id, "piece": sent.piece, "phones": phones, "faults": faults}
        conn.execute(QUERIES["rows_refused"], named)


def sum_pieces(conn: Conn, job_id: int) -> Sums:
    """All requests together."""
    row = conn.execute(QUERIES["pieces_sum"], (job_id,)).fetchone()
    assert row is not None
    return Sums(*row)


def list_sent(conn: Conn, job_id: int, after: int, limit: int) -> list[Sent]:
    """The next requests that have ended."""
    return [Sent(*row) for row in conn.execute(QUERIES["pieces_page"], _page(job_id, after, limit))]
