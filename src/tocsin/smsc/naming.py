"""Message ids: as the answer to a submit says them, and as its receipt does."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import NamedTuple

from tocsin.kit.ids import Ids
from tocsin.smsc.options import IdForm


class Name(NamedTuple):
    """One id in both its forms."""

    answered: bytes
    in_receipt: bytes


def make_namer(form: IdForm, now_ms: int) -> Callable[[], Name]:
    """A maker of names; numbers begin at a place that no earlier run has reached at less than 100,000 a second."""
    count = now_ms * 100
    ids = Ids()

    def next_number() -> int:
        nonlocal count
        count += 1
        return count

    def decimal() -> Name:
        written = b"%d" % next_number()
        return Name(written, written)

    def hexadecimal() -> Name:
        written = b"%x" % next_number()
        return Name(written, written)

    def both() -> Name:
        number = next_number()
        return Name(b"%x" % number, b"%d" % number)

    def of_uuid() -> Name:
        written = str(uuid.UUID(bytes=ids.one())).encode()
        return Name(written, written)

    return {
        IdForm.DECIMAL: decimal,
        IdForm.HEX: hexadecimal,
        IdForm.HEX_DECIMAL: both,
        IdForm.UUID: of_uuid,
    }[form]
