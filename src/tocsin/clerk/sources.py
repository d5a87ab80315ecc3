"""Where the rows of an export come from. Its words are those that the console gave along, in the language of its user."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import billing, compliance, messaging
from tocsin.clerk.sheets import Cell
from tocsin.content import find_zone, load_countries
from tocsin.files import Job, Kind
from tocsin.kit.clock import UTC

Conn = Connection[TupleRow]


class Piece(NamedTuple):
    """Rows, and how much of the way lies behind them: 0 to 1."""

    rows: list[list[Cell]]
    share: float


def open_source(conn: Conn, job: Job) -> Iterator[Piece]:
    """The rows of an export, in steps."""
    return _SOURCES[job.kind](conn, job, _Words(job.asked))


class _Words:
    """How values are written for the job's user."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._tables: dict[str, dict[str, str]] = asked["words"]
        self._zone = find_zone(str(asked["zone"])) or UTC
        self._chinese = bool(asked["chinese"])
        self.filter: dict[str, Any] = asked["filter"]

    def say(self, table: str, key: object) -> str:
        return self._tables[table].get(str(key), "")

    def time(self, at: datetime | None) -> str:
        return "" if at is None else at.astimezone(self._zone).isoformat(" ", "seconds")

    def country(self, code_id: int) -> str:
        return _names().get(code_id, ("", ""))[self._chinese]

    def span(self) -> tuple[datetime | None, datetime | None]:
        """From and until of the filter."""
        since, until = (self.filter.get(name) for name in ("since", "until"))
        return (
            datetime.fromisoformat(since) if since else None,
            datetime.fromisoformat(until) if until else None,
        )


@cache
def _names() -> dict[int, tuple[str, str]]:
    return {row.code_id: (row.name, row.name_zh) for row in load_countries()}


def _money(micros: int) -> Decimal:
    return Decimal(billing.text_of(micros))


def _read_messages(conn: Conn, job: Job, words: _Words) -> Iterator[Piece]:
    since, until = words.span()
    chosen, state = words.filter, words.filter.get("state")
    wanted = messaging.Wanted(
        prefix=chosen.get("number") or "",
        state=None if state is None else messaging.State(state),
        product=chosen.get("product"),
        country_id=chosen.get("country"),
        batch_no=chosen.get("batch"),
        since=since,
        until=until,
    )
    for step in messaging.export_messages(conn, job.account_id, wanted):
        yield Piece([_write_message(row, words) for row in step.rows], step.share)


def _write_message(row: messaging.ExportRow, words: _Words) -> list[Cell]:
    return [
        row.id, words.time(row.accepted_at), str(row.batch_no), words.say("products", row.product), row.phone,
        words.country(row.country_id), row.sender, row.content, row.parts, _money(row.fee_micros),
        words.say("states", int(row.state)), words.say("reasons", int(row.reason)), words.time(row.submitted_at),
        words.time(row.ended_at),
    ]  # fmt: skip


def _read_replies(conn: Conn, job: Job, words: _Words) -> Iterator[Piece]:
    number, sender = (str(words.filter.get(name) or "") for name in ("number", "sender"))
    for rows in messaging.export_replies(conn, job.account_id, *words.span()):
        kept = [row for row in rows if row.user_number.startswith(number) and row.service_number.startswith(sender)]
        yield Piece(
            [[words.time(r.at), r.user_number, r.service_number, r.content, r.message_id] for r in kept],
            0.5,  # how many there are nobody has counted
        )


def _read_ledger(conn: Conn, job: Job, words: _Words) -> Iterator[Piece]:
    top = 0
    for rows in billing.export_entries(conn, job.account_id, str(words.filter.get("kind") or ""), *words.span()):
        top = top or rows[0].id
        yield Piece([_write_entry(row, words) for row in rows], 1 - rows[-1].id / max(top, 1))


def _write_entry(row: billing.Entry, words: _Words) -> list[Cell]:
    return [
        words.time(row.at), words.say("kinds", row.kind) or row.kind, _money(row.balance_micros),
        _money(row.gift_micros), _money(row.balance_after), str(row.batch_no or ""), row.messages, row.note,
    ]  # fmt: skip


def _read_blacklist(conn: Conn, job: Job, words: _Words) -> Iterator[Piece]:
    top = 0
    for rows in compliance.export_listed(conn, job.account_id):
        top = top or rows[0].id
        lines: list[list[Cell]] = [
            [row.value, words.say("origins", row.origin) or row.origin, words.time(row.at)] for row in rows
        ]
        yield Piece(lines, 1 - rows[-1].id / max(top, 1))


_SOURCES = {
    Kind.MESSAGES: _read_messages,
    Kind.REPLIES: _read_replies,
    Kind.LEDGER: _read_ledger,
    Kind.BLACKLIST: _read_blacklist,
}
