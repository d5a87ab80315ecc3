"""Values of a request's JSON as text: strings, and numbers as their digits. Every fault is a ValueError naming the field."""

from __future__ import annotations

from typing import Final

import msgspec

from tocsin.content.parts import text_fault

_WHOLE_BELOW: Final = 2.0**53  # above it a float is no exact whole number
_decode: Final = msgspec.json.Decoder().decode


def decode_json(text: str, field: str) -> object:
    """What a field of JSON text holds. Raises ValueError with a sentence."""
    try:
        return _decode(text)
    except RecursionError:
        raise ValueError(f"{field} is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeError):
        raise ValueError(f"{field} cannot be read as JSON") from None


def read_text(value: object, field: str) -> str:
    """A string as it is, a number as its digits (3.0 is 3: many languages write whole numbers so). Raises ValueError."""
    if isinstance(value, str):
        if fault := text_fault(value):
            raise ValueError(f"{field} has a {fault}")
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_BELOW:
        return str(int(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # Python does not print whole numbers of thousands of digits
            raise ValueError(f"{field} has too many digits") from None
    raise ValueError(f"{field} must be a string or a number")
