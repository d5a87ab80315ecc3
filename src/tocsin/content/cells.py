"""Cells of the tables that people take out. A spreadsheet runs what begins like a formula, whoever wrote it: it is made text."""

from __future__ import annotations

from typing import Final

# What spreadsheets take for a formula, in any of their languages and ways of import.
_RISKY: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would calculate it. Not for numbers of our own making."""
    return f"'{text}" if text[:1] in _RISKY and text else text
