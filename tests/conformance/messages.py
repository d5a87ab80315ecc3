"""Submissions for tests."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tests.conformance.sink import Key
from tocsin.kit.ids import Ids
from tocsin.traffic import Priority, Product, Submission

_IDS = Ids()
SENDER = "10690000"


INDONESIA, CHINA = 10007, 10001


def submission(phone: str, *, attempt: int = 1, part: int = 1, parts: int = 1, message_id: bytes = b"") -> Submission:
    """Its text says which it is: a carrier that knows nothing else of ours has at least that."""
    message_id = message_id or _IDS.one()
    return Submission(
        message_id,
        attempt,
        part,
        parts,
        Product.SMS,
        Priority.NOTIFICATION,
        phone,
        SENDER,
        f"text {message_id.hex()} {part}",
        False,  # ucs2
        time.time() + 3600,
        country_id=INDONESIA if phone.startswith("62") else CHINA,
    )


def parts_of(phone: str, count: int) -> list[Submission]:
    """One message of `count` parts."""
    message_id = _IDS.one()
    return [submission(phone, part=part, parts=count, message_id=message_id) for part in range(1, count + 1)]


def keys(submissions: Iterable[Submission]) -> set[Key]:
    return {Key(s.message_id, s.attempt, s.part) for s in submissions}
