"""Submissions for tests."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tests.conformance.sink import Key
from tocsin.kit.ids import Ids
from tocsin.traffic import Priority, Product, Submission

_IDS = Ids()
SENDER = "10690000"


def submission(phone: str, *, attempt: int = 1, part: int = 1, parts: int = 1, message_id: bytes = b"") -> Submission:
    return Submission(
        message_id or _IDS.one(),
        attempt,
        part,
        parts,
        Product.SMS,
        Priority.NOTIFICATION,
        phone,
        SENDER,
        "a text",
        False,  # ucs2
        time.time() + 3600,
    )


def parts_of(phone: str, count: int) -> list[Submission]:
    """One message of `count` parts."""
    message_id = _IDS.one()
    return [submission(phone, part=part, parts=count, message_id=message_id) for part in range(1, count + 1)]


def keys(submissions: Iterable[Submission]) -> set[Key]:
    return {Key(s.message_id, s.attempt, s.part) for s in submissions}
