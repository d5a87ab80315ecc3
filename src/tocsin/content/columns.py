"""What each row of an upload says: the text that was written for all, with {names} of columns filled from the row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from tocsin.content.parts import measure, text_fault, units16

MOST_UNITS: Final = 1024
_find_names = re.compile(r"\{([^{}\n]{1,100})\}")


class Filled(NamedTuple):
    """The text of a row, "" where it is that of all; fault: why there is none."""

    content: str
    parts: int
    fault: str


def name_columns(head: Sequence[str], width: int) -> dict[str, int]:
    """What columns are called in a text: by the letters of a spreadsheet, and by the head in any case."""
    names = {_letters(at).lower(): at for at in range(width)}
    names |= {cell.strip().lower(): at for at, cell in reversed(list(enumerate(head))) if cell.strip()}
    return names


def _letters(at: int) -> str:
    text = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        text = chr(65 + rest) + text
    return text


def find_unknown(content: str, names: dict[str, int]) -> list[str]:
    """Names in braces that no column has."""
    return [name for name in _find_names.findall(content) if name.strip().lower() not in names]


class ColumnText:
    """A text that may name columns."""

    def __init__(self, content: str, names: dict[str, int]) -> None:
        self._content = content
        self._names = names
        self._is_same = not _find_names.search(content)
        self._parts = measure(content).parts

    def fill(self, cells: Sequence[str]) -> Filled:
        """For a row. What stands in a cell is text: braces in it name nothing."""
        if self._is_same:
            return Filled("", self._parts, "")
        empty = False

        def put(found: re.Match[str]) -> str:
            nonlocal empty
            at = self._names[found[1].strip().lower()]
            value = cells[at] if at < len(cells) else ""
            empty = empty or not value
            return value

        content = _find_names.sub(put, self._content)
        if empty:
            return Filled("", 0, "no-value")
        if text_fault(content) or not content.strip():
            return Filled("", 0, "bad-text")
        if units16(content) > MOST_UNITS:
            return Filled("", 0, "too-long")
        return Filled(content, measure(content).parts, "")
