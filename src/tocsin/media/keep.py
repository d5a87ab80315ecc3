"""Keeps files by the SHA-256 of their bytes: ten thousand messages with one picture, and ten sends of it, keep it once.

A batch names its files as JSON (`word_attached`): [name, mime, hash in hex] of each. A file is kept as long as messages
are, counted from the last send that used it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tocsin.kit import pgbin
from tocsin.kit.db import Queries, Session
from tocsin.traffic import Attachment

_QUERIES = Queries(Path(__file__).with_name("queries.sql"))


class Attached(NamedTuple):
    """A file as a batch names it."""

    name: str
    mime: str
    hash: bytes


def _hash(file: Attachment) -> bytes:
    return hashlib.sha256(file.data).digest()


def word_attached(files: Sequence[Attachment]) -> str:
    """What a batch says of its files; "" of none."""
    return msgspec.json.encode([[f.name, f.mime, _hash(f).hex()] for f in files]).decode() if files else ""


def read_attached(text: str) -> list[Attached]:
    """The files that a batch names."""
    if not text:
        return []
    rows = msgspec.json.decode(text, type=list[tuple[str, str, str]])
    return [Attached(name, mime, bytes.fromhex(digest)) for name, mime, digest in rows]


async def keep_files(session: Session, files: Sequence[Attachment]) -> None:
    """Store what is not there yet. Committed when it returns. Raises kit.db.LOST."""
    by_hash = {_hash(file): file.data for file in files}
    await session.run(_QUERIES["keep"], (pgbin.byteas(list(by_hash)), pgbin.byteas(list(by_hash.values()))))


async def load_files(session: Session, hashes: Iterable[bytes]) -> dict[bytes, bytes]:
    """The bytes of files by hash."""
    wanted = pgbin.byteas(sorted(set(hashes)))
    return {bytes(row[0]): bytes(row[1]) for row in await session.rows(_QUERIES["load"], (wanted,))}


async def forget_files(session: Session, days: int) -> None:
    """Drop some that no send has used for so long."""
    await session.run(_QUERIES["forget"], (days,))
