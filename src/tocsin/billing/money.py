"""Decimal text to micro-units and back; never a float on the way."""

from __future__ import annotations

import re

MICROS = 1_000_000
_LIMIT = 10**12  # units: sums of many stay within a bigint of micro-units
_TEXT = re.compile(r"([+-]?)([0-9]{1,15})(?:\.([0-9]{1,6}))?")


class MoneyError(ValueError):
    """A text is no amount; the message says why, for whoever typed it."""


def to_micros(text: str) -> int:
    """Micro-units of a decimal text: "0.1" is 100000. At most 6 decimals. Raises MoneyError."""
    stripped = text.strip()
    matched = _TEXT.fullmatch(stripped)
    if matched is None:
        raise MoneyError(f"{text!r} is no amount: write digits with at most 6 decimals, like 12.5")
    sign, whole, decimals = matched.groups()
    micros = int(whole) * MICROS + int((decimals or "").ljust(6, "0"))
    if micros >= _LIMIT * MICROS:
        raise MoneyError(f"{text!r} is too much: amounts stay below {_LIMIT:,}")
    return -micros if sign == "-" else micros


def text_of(micros: int) -> str:
    """Decimal text without trailing zeros: 100000 is "0.1", 0 is "0"."""
    whole, rest = divmod(abs(micros), MICROS)
    text = f"{whole}.{rest:06d}".rstrip("0").rstrip(".") if rest else str(whole)
    return "-" + text if micros < 0 else text
