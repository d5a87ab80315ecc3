"""Typed functions over queries.sql: accepting, submitting, receiving."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg

from tocsin.kit import pgbin
from tocsin.kit.db import Queries, Session, Statement
from tocsin.media import load_files, read_attached
from tocsin.messaging.columns import build_columns
from tocsin.messaging.model import Draft, Text
from tocsin.traffic import Attachment, Outcome, OutcomeKind

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

REFUSED, WON = "TC001", "TC002"
"""SQLSTATEs of accept_group (schema/sql/0002_functions.sql)."""

ClaimedRow = tuple[bytes, int, int, int, str, int, int, int, int, int, str, bool]


class Handed(NamedTuple):
    """A part that a carrier took (ACCEPTED, with its id) or may have taken (UNKNOWN)."""

    message_id: bytes
    part: int
    attempt: int
    outcome: int
    at: float
    carrier_id: str | None


def accept(drafts: Sequence[Draft], *, again: bool = False) -> Statement:
    """One statement that stores and charges all drafts, or none (SQLSTATE TC001 says which; TC002: an earlier try won)."""
    return Statement(QUERIES["accept"], build_columns(drafts, again=again))


def read_refusals(error: Exception) -> list[dict[str, Any]]:
    """Whom accept_group refused (SQLSTATE TC001): place `i` among the drafts, and `why`; empty for any other error."""
    if not isinstance(error, psycopg.Error) or error.sqlstate != REFUSED:
        return []
    found: list[dict[str, Any]] = msgspec.json.decode(error.diag.message_primary or "[]")
    return found


async def load_claimed(session: Session, ids: Sequence[bytes]) -> list[ClaimedRow]:
    """(id, account, batch, product, phone, country, parts, price, channel, reserved minutes, own placeholders,
    whether the batch is stopped) of the messages.
    """
    return await session.rows(QUERIES["claimed_messages"], (pgbin.uuids(ids),))


async def load_texts(session: Session, batch_nos: Sequence[int]) -> dict[int, Text]:
    """What the messages of each batch share."""
    rows = await session.rows(QUERIES["batch_texts"], (list(batch_nos),))
    attached = {row[0]: read_attached(row[7]) for row in rows if row[7]}
    hashes = {file.hash for files in attached.values() for file in files}
    data = await load_files(session, hashes) if hashes else {}
    files = {
        batch_no: tuple(Attachment(file.name, file.mime, data[file.hash]) for file in named if file.hash in data)
        for batch_no, named in attached.items()
    }
    return {r[0]: Text(r[1], r[2], r[3], r[4], r[5], r[6], files.get(r[0], ()), r[8], r[9]) for r in rows}


async def load_handed_parts(session: Session, ids: Sequence[bytes]) -> list[Handed]:
    """What carriers took or may have taken."""
    return [Handed(*row) for row in await session.rows(QUERIES["handed_parts"], (pgbin.uuids(ids),))]


async def load_senders(session: Session, batch_nos: Iterable[int]) -> dict[int, str]:
    """Senders of the batches that did not name their channel themselves."""
    return dict(await session.rows(QUERIES["senders"], (list(batch_nos),)))


async def load_ended(session: Session, ids: Sequence[bytes]) -> set[bytes]:
    """Which of the messages have a final state."""
    return {row[0] for row in await session.rows(QUERIES["ended_messages"], (pgbin.uuids(ids),))}


def add_submissions(channel_id: int, outcomes: Sequence[Outcome], phones: dict[bytes, str]) -> Statement:
    """One row per answer; the number stands only where the answer is unknown."""
    return Statement(
        QUERIES["add_submissions"],
        (
            pgbin.uuids([o.message_id for o in outcomes]),
            pgbin.times([o.at for o in outcomes]),
            pgbin.int4s([channel_id] * len(outcomes)),
            pgbin.texts([o.carrier_id for o in outcomes]),
            pgbin.int4s([o.part for o in outcomes]),
            pgbin.int4s([o.attempt for o in outcomes]),
            pgbin.int4s([int(o.kind) for o in outcomes]),
            pgbin.int4s([int(o.reason) for o in outcomes]),
            pgbin.texts([phones[o.message_id] if o.kind is OutcomeKind.UNKNOWN else None for o in outcomes]),
        ),
    )


def add_watch(ids: Sequence[bytes], timeout_s: float) -> Statement:
    """These want a receipt within `timeout_s`."""
    return Statement(QUERIES["add_watch"], (timeout_s, pgbin.uuids(ids)))
