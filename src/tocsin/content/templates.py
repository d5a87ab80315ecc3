"""Templates of SMS, MMS and voice: text with variables {1}, {2}, ...; and the values that a request gives for them.

Variables count from 1 without a gap, in any order, and may come more than once. Braces around anything else are refused
(`{name}`, `{{1}}`, `{}`): they would reach the terminal user as they are. A brace without its partner is plain text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tocsin.content.parts import text_fault, units16
from tocsin.content.values import decode_json, read_text

TEMPLATE_UNITS: Final = 1024  # UTF-16 units, the most that a content may have
VARIABLES: Final = 50
_FIELD: Final = "templateParams"
# A value that is longer makes a content that is too long; cut here, one that comes often cannot fill the memory.
_VALUE_CHARS: Final = TEMPLATE_UNITS + 1
_BRACES: Final = re.compile(r"\{++[^{}]*+\}+")
_VARIABLE: Final = re.compile(r"\{([0-9]{1,4})\}").fullmatch


@dataclass(frozen=True, slots=True)
class Template:
    """A text cut at its variables. `pieces`: literals as str, never empty, and numbers of variables as int, from 1."""

    pieces: tuple[str | int, ...]
    count: int

    def fill(self, params: Sequence[str]) -> str:
        """The text with `params[0]` for {1} and so on; what looks like a variable in a value stays.

        Raises ValueError unless there are `count` params. A value is cut after 1,025 characters: whoever checks the
        length of the content refuses it either way.
        """
        if len(params) != self.count:
            raise ValueError(f"the template has {self.count} variables, {_FIELD} has {len(params)} values")
        values = [value[:_VALUE_CHARS] for value in params]
        return "".join([piece if isinstance(piece, str) else values[piece - 1] for piece in self.pieces])


def parse_template(text: str) -> Template:
    """Raises ValueError with a sentence for people: what is wrong with the text."""
    if fault := text_fault(text):
        raise ValueError(f"a template cannot hold a {fault}")
    if units16(text) > TEMPLATE_UNITS:
        raise ValueError(f"a template has at most {TEMPLATE_UNITS} characters")
    pieces = _cut(text)
    if not any(isinstance(piece, str) and not piece.isspace() for piece in pieces):
        raise ValueError("a template needs text of its own beside its variables")
    numbers = {piece for piece in pieces if isinstance(piece, int)}
    _check_numbers(numbers)
    return Template(tuple(pieces), len(numbers))


def _cut(text: str) -> list[str | int]:
    pieces, end = list[str | int](), 0
    for found in _BRACES.finditer(text):
        variable = _VARIABLE(found[0])
        if variable is None or (len(variable[1]) > 1 and variable[1][0] == "0"):
            raise ValueError(f"{found[0]} is no variable: write {{1}}, {{2}} and so on")
        if found.start() > end:
            pieces.append(text[end : found.start()])
        pieces.append(int(variable[1]))
        end = found.end()
    if end < len(text):
        pieces.append(text[end:])
    return pieces


def _check_numbers(numbers: set[int]) -> None:
    if 0 in numbers:
        raise ValueError("variables count from {1}: {0} is none")
    if numbers and max(numbers) > VARIABLES:
        raise ValueError(f"a template has at most {VARIABLES} variables: {{{max(numbers)}}} is too high")
    for number in range(1, len(numbers) + 1):
        if number not in numbers:
            raise ValueError(f"variables count without a gap: {{{number}}} is missing")


def read_params(value: object) -> list[str]:
    """The values of `templateParams`: an array, or JSON text of one. None, "", null and [] are none.

    Values are strings or numbers. Raises ValueError with a sentence that names the field.
    """
    if isinstance(value, str):
        value = decode_json(value, _FIELD) if value and not value.isspace() else None
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise ValueError(f"{_FIELD} must be an array of strings")  # noqa: TRY004  every fault of a field is one
    return [read_text(each, f"{_FIELD}[{place}]") for place, each in enumerate(value)]
