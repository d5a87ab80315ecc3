"""What operators do to the blacklist and to opt-outs. In the caller's transaction; nothing here commits or audits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.compliance import store
from tocsin.compliance.model import EVERYBODY, ComplianceError, ListRow, OptOutRow
from tocsin.content import clean_number

_DIGITS = range(7, 16)  # ITU-T E.164, with country code
_ADDRESS_MOST = 254  # RFC 5321


class BadLine(NamedTuple):
    """A line of an import that is no number or address."""

    line: int
    text: str


def read_value(text: str) -> str:
    """A number as digits with country code, or an address in lower case. Raises ComplianceError."""
    text = text.strip()
    if "@" in text:
        name, _, domain = text.rpartition("@")
        if name and domain and len(text) <= _ADDRESS_MOST and text.isprintable() and not set(text) & {" ", ","}:
            return text.lower()
        raise ComplianceError(f"{text!r} is no email address")
    digits = clean_number(text).removeprefix("+").removeprefix("00")
    if len(digits) not in _DIGITS or digits[0] == "0":  # no calling code begins so
        raise ComplianceError(f"{text!r} is no number: give it with its country code, like 6281234567890")
    return digits


def add_listed(conn: Connection[TupleRow], account_id: int, text: str) -> str:
    """Bar a number or address for an account (EVERYBODY: for all); as it is stored. Raises ComplianceError."""
    value = read_value(text)
    if not store.insert_listed(conn, account_id, value):
        raise ComplianceError(f"{value} is on the blacklist already")
    return value


def remove_listed(conn: Connection[TupleRow], account_id: int, text: str) -> str:
    """Take it off again; as it was stored. Raises ComplianceError."""
    value = read_value(text)
    if not store.delete_listed(conn, account_id, value):
        of = "of all accounts" if account_id == EVERYBODY else "of this account"
        raise ComplianceError(f"{value} is not on the blacklist {of}")
    return value


def list_listed(conn: Connection[TupleRow], account_id: int | None, text: str | None, limit: int) -> list[ListRow]:
    """The newest rows of an account (None: of all), of one number or address (None: of any). Raises ComplianceError."""
    return store.list_rows(conn, account_id, read_value(text) if text else None, limit)


def read_list(lines: Iterable[str]) -> tuple[list[str], list[BadLine]]:
    """Numbers and addresses, one a line (of a CSV file the first field; empty lines and # are skipped); and what is none."""
    values: list[str] = []
    bad: list[BadLine] = []
    for at, text in _fields(lines):
        if text.isdigit() and text.isascii() and text[0] != "0" and len(text) in _DIGITS:
            values.append(text)  # a short cut for nearly all of a million
            continue
        try:
            values.append(read_value(text))
        except ComplianceError:
            bad.append(BadLine(at, text))
    return values, bad


def _fields(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for at, line in enumerate(lines, 1):
        text = line.partition(",")[0].strip().strip('"')
        if text and not text.startswith("#"):
            yield at, text


def import_listed(conn: Connection[TupleRow], account_id: int, values: Iterable[str]) -> int:
    """Add those that are not there; how many. `values`: as read_list makes them."""
    return store.import_listed(conn, account_id, values)


def add_opt_out(conn: Connection[TupleRow], account_id: int, text: str, sender: str = "") -> str:
    """Opt a number out, of one sender or ("") of all; as it is stored. Raises ComplianceError."""
    value = read_value(text)
    if not store.insert_opt_out(conn, account_id, value, sender):
        raise ComplianceError(f"{value} has opted out already")
    return value


def remove_opt_outs(
    conn: Connection[TupleRow], account_id: int, text: str, sender: str | None
) -> tuple[str, list[str]]:
    """Take opt-outs back, of one sender or (None) of all; the number, and the senders. Raises ComplianceError."""
    value = read_value(text)
    senders = store.delete_opt_outs(conn, account_id, value, sender)
    if not senders:
        raise ComplianceError(f"{value} has not opted out")
    return value, senders


def list_opt_outs(conn: Connection[TupleRow], account_id: int | None, text: str | None, limit: int) -> list[OptOutRow]:
    """The newest opt-outs of an account (None: of all), of one number (None: of any). Raises ComplianceError."""
    return store.opt_out_rows(conn, account_id, read_value(text) if text else None, limit)
