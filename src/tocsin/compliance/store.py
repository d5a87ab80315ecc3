"""Statements over lists, words, caps and quiet rules; private to this context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.compliance.model import (
    Barred,
    Cap,
    CapRow,
    ListRow,
    OptAnswer,
    OptOutRow,
    QuietRow,
    QuietRule,
    Sending,
    WordRow,
)
from tocsin.kit import pgbin
from tocsin.kit.db import Queries, Session, Statement
from tocsin.traffic import Priority

QUERIES = Queries(Path(__file__).with_name("queries.sql"))
_CLAIM_S = 60  # a process that died in a send holds it no longer

Conn = Connection[TupleRow]
_Kind = TypeVar("_Kind", Cap, QuietRule, OptAnswer)


class ListStatements(NamedTuple):
    """How a list with ids in the order of commits is read."""

    counts: bytes
    page: bytes
    of_account: bytes
    left: bytes


BLACKLIST = ListStatements(
    QUERIES["blacklist_counts"], QUERIES["blacklist_page"], QUERIES["blacklist_of"], QUERIES["blacklist_left"]
)
OPT_OUTS = ListStatements(
    QUERIES["opt_out_counts"], QUERIES["opt_out_page"], QUERIES["opt_out_of"], QUERIES["opt_out_left"]
)


def _build(kind: type[_Kind], row: Sequence[Any]) -> _Kind:
    return kind(**dict(zip(kind.__struct_fields__, row, strict=True)))


async def count_list(session: Session, statements: ListStatements) -> list[tuple[int, int]]:
    """Account and number of rows."""
    return [(row[0], row[1]) for row in await session.rows(statements.counts)]


async def read_list(
    session: Session, statements: ListStatements, after_id: int, limit: int
) -> list[tuple[int, int, list[str]]]:
    """Account, last id, values of the next `limit` rows. One text for each account, split here: a row each costs ten times that."""
    return [(row[0], row[1], row[2].split(" ")) for row in await session.rows(statements.page, (after_id, limit))]


async def read_list_of(
    session: Session, statements: ListStatements, bounds: tuple[int, int, int, int]
) -> tuple[int, list[str]] | None:
    """Last id and values of an account's next rows; bounds: account, after this id, up to that, limit. None: no more."""
    last_id, values = (await session.rows(statements.of_account, bounds))[0]
    return None if last_id is None else (last_id, values.split(" "))


async def find_listed(session: Session, statements: ListStatements, account_ids: Sequence[int]) -> set[int]:
    """Those of the accounts that have rows."""
    return {row[0] for row in await session.rows(statements.left, (list(account_ids),))}


async def read_words(session: Session) -> list[tuple[str, str]]:
    """All words, as shown and as compared."""
    return [(row[0], row[1]) for row in await session.rows(QUERIES["words"])]


async def read_caps(session: Session) -> list[Cap]:
    """All caps."""
    return [_build(Cap, row) for row in await session.rows(QUERIES["caps"])]


async def read_quiet_rules(session: Session) -> list[QuietRule]:
    """All quiet rules."""
    return [_build(QuietRule, row) for row in await session.rows(QUERIES["quiet_rules"])]


async def read_answers(session: Session) -> list[OptAnswer]:
    """All answers."""
    return [_build(OptAnswer, row) for row in await session.rows(QUERIES["answers"])]


async def find_barred(session: Session, sending: Sending, places: Sequence[int]) -> list[int]:
    """Those of the places whose number is on a list that bars it."""
    params = {
        "values": pgbin.texts([sending.values[at] for at in places]),
        "places": pgbin.int4s(places),
        "account": sending.account_id,
        "marketing": sending.action == Priority.MARKETING,
        "senders": pgbin.texts([sending.senders[at] if sending.senders else sending.sender for at in places]),
    }
    return [row[0] for row in await session.rows(QUERIES["barred"], params)]


async def find_opted_out(session: Session, columns: Sequence[pgbin.Column]) -> set[int]:
    """Places (from 0) of the accounts, numbers and senders that have opted out."""
    return {row[0] - 1 for row in await session.rows(QUERIES["opted_out"], columns)}


async def take_caps(session: Session, columns: Sequence[object]) -> list[int]:
    """Ordinals (from 1) of the numbers that found no room; 0: the request is over the spend."""
    return [row[0] for row in await session.rows(QUERIES["cap_take"], columns)]


def return_caps(columns: Sequence[object]) -> Statement:
    """Give back what take_caps took."""
    return Statement(QUERIES["cap_return"], columns)


async def claim_send(session: Session, account_id: int, key: str, now_s: float, token: int) -> bool:
    """Whether it is claimed now, for a minute: no other process has it. Raises LOST."""
    now = int(now_s)
    return bool(await session.rows(QUERIES["claim_send"], (account_id, key, now + _CLAIM_S, token, now)))


async def release_send(session: Session, account_id: int, key: str, token: int) -> None:
    """It is nobody's, if it was claimed with this token. Raises LOST."""
    await session.run(QUERIES["release_send"], (account_id, key, token))


async def forget_windows(session: Session, before_s: float) -> int:
    """Drop what was counted in windows that ended before; how many rows."""
    return (await session.run(QUERIES["cap_forget"], (int(before_s),))).rowcount


def keep_opt_outs(columns: Sequence[pgbin.Column]) -> Statement:
    """Account, number, sender of each."""
    return Statement(QUERIES["opt_out_keep"], columns)


def undo_opt_outs(columns: Sequence[pgbin.Column]) -> Statement:
    """The same."""
    return Statement(QUERIES["opt_out_undo"], columns)


def insert_listed(conn: Conn, account_id: int, value: str) -> bool:
    """False where it was there."""
    return conn.execute(QUERIES["list_add"], (account_id, value)).fetchone() is not None


def delete_listed(conn: Conn, account_id: int, value: str) -> bool:
    """False where it was not there."""
    return conn.execute(QUERIES["list_remove"], (account_id, value)).fetchone() is not None


def bar(origin: str, accounts: pgbin.Column, values: pgbin.Column) -> Statement:
    """Rows for the blacklist; those that are there stay as they are."""
    return Statement(QUERIES["list_add_all"], (origin, accounts, values))


def list_rows(conn: Conn, account_id: int | None, value: str | None, limit: int) -> list[ListRow]:
    """The newest rows, newest first; None: of every account, of every value."""
    params = {"account": account_id, "value": value, "limit": limit}
    return [ListRow(*row) for row in conn.execute(QUERIES["list_rows"], params)]


def import_listed(conn: Conn, account_id: int, values: Iterable[str]) -> int:
    """Add those that are not there; how many."""
    conn.execute(QUERIES["list_stage"])
    with conn.cursor() as cursor:
        with cursor.copy(QUERIES["list_copy"]) as copy:
            for value in values:
                copy.write_row((value,))
        return cursor.execute(QUERIES["list_merge"], (account_id,)).rowcount


def read_page(conn: Conn, which: str, params: Mapping[str, Any]) -> list[Barred]:
    """A page of a list: list_page or opt_page."""
    return [Barred(*row) for row in conn.execute(QUERIES[which], params)]


def insert_listed_many(conn: Conn, account_id: int, values: Sequence[str], origin: str) -> int:
    """Add those that are not there; how many."""
    return conn.execute(QUERIES["list_add_many"], (account_id, origin, list(values))).rowcount


def insert_opt_outs(conn: Conn, account_id: int, values: Sequence[str], sender: str, origin: str) -> int:
    """The same for opt-outs from a sender."""
    return conn.execute(QUERIES["opt_add_many"], (account_id, sender, origin, list(values))).rowcount


def delete_row(conn: Conn, which: str, account_id: int, row_id: int) -> TupleRow | None:
    """Take a row of the account away by list_remove_row or opt_remove_row; what it was."""
    return conn.execute(QUERIES[which], (account_id, row_id)).fetchone()


def insert_opt_out(conn: Conn, account_id: int, value: str, sender: str) -> bool:
    """False where it was there."""
    return conn.execute(QUERIES["opt_add"], (account_id, value, sender)).fetchone() is not None


def delete_opt_outs(conn: Conn, account_id: int, value: str, sender: str | None) -> list[str]:
    """The senders of the rows that were removed; None: of all senders."""
    return [row[0] for row in conn.execute(QUERIES["opt_remove"], (account_id, value, sender, sender))]


def opt_out_rows(conn: Conn, account_id: int | None, value: str | None, limit: int) -> list[OptOutRow]:
    """The newest rows, newest first."""
    params = {"account": account_id, "value": value, "limit": limit}
    return [OptOutRow(*row) for row in conn.execute(QUERIES["opt_rows"], params)]


def list_answers(conn: Conn) -> list[OptAnswer]:
    """All answers."""
    return [_build(OptAnswer, row) for row in conn.execute(QUERIES["answers"])]


def upsert_answer(conn: Conn, answer: OptAnswer) -> None:
    """Set an answer."""
    conn.execute(QUERIES["answer_set"], msgspec.structs.asdict(answer))


def delete_answer(conn: Conn, account_id: int, kind: str, language: str) -> bool:
    """False where there was none."""
    return conn.execute(QUERIES["answer_remove"], (account_id, kind, language)).fetchone() is not None


def insert_word(conn: Conn, word: str, normal: str) -> bool:
    """False where one of the same form is there."""
    return conn.execute(QUERIES["word_add"], (word, normal)).fetchone() is not None


def delete_word(conn: Conn, normal: str) -> str | None:
    """The word that was there, as it was written."""
    row = conn.execute(QUERIES["word_remove"], (normal,)).fetchone()
    return None if row is None else str(row[0])


def list_words(conn: Conn) -> list[WordRow]:
    """All words."""
    return [WordRow(*row) for row in conn.execute(QUERIES["words"])]


def find_cap(conn: Conn, cap: Cap) -> Cap | None:
    """The cap of the same account, kind, action and country, locked."""
    row = conn.execute(QUERIES["cap_find"], msgspec.structs.asdict(cap)).fetchone()
    return None if row is None else _build(Cap, row)


def upsert_cap(conn: Conn, cap: Cap) -> int:
    """Set a cap; its id."""
    row = conn.execute(QUERIES["cap_set"], msgspec.structs.asdict(cap)).fetchone()
    assert row is not None
    return int(row[0])


def list_caps(conn: Conn, cap_id: int | None) -> list[CapRow]:
    """One cap or all."""
    return [CapRow(_build(Cap, row[:-2]), *row[-2:]) for row in conn.execute(QUERIES["cap_rows"], {"id": cap_id})]


def read_caps_of(conn: Conn, account_id: int) -> list[Cap]:
    """Those of all accounts first, then the account's own."""
    return [_build(Cap, row) for row in conn.execute(QUERIES["caps_of"], (account_id,))]


def delete_cap(conn: Conn, cap_id: int) -> None:
    """Take a cap away."""
    conn.execute(QUERIES["cap_remove"], (cap_id,))


def upsert_quiet_rule(conn: Conn, rule: QuietRule) -> None:
    """Set a quiet rule."""
    conn.execute(QUERIES["quiet_set"], msgspec.structs.asdict(rule))


def list_quiet_rules(conn: Conn) -> list[QuietRow]:
    """All quiet rules."""
    return [QuietRow(_build(QuietRule, row[:-2]), *row[-2:]) for row in conn.execute(QUERIES["quiet_rows"])]


def delete_quiet_rule(conn: Conn, account_id: int, country_id: int) -> None:
    """Take a quiet rule away."""
    conn.execute(QUERIES["quiet_remove"], (account_id, country_id))
