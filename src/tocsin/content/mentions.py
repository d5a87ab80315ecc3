"""Splits the `numbers` of a request into the numbers that it mentions (contract, section 3)."""

from __future__ import annotations

import re
from typing import Final

from tocsin.content.phone import E164_DIGITS, Numbering, clean_number

# Comma, semicolon, tab, line ends; full-width comma and semicolon.
_SEPARATORS: Final = re.compile("[,;\t\r\n\uff0c\uff1b]+")


def split_numbers(text: str, numbering: Numbering | None = None) -> list[str]:
    """The mentions, trimmed, in order, without empty ones.

    A blank separates only where the whole is no possible number and all its pieces are. With `numbering` "possible" is
    that country's rule; without, any 7 to 15 digits, so that mentions can be counted before the country is known.
    """
    if text.isascii() and text.replace(",", "").isdigit():
        return list(filter(None, text.split(",")))
    mentions: list[str] = []
    for rough in _SEPARATORS.split(text):
        piece = rough.strip()
        if piece.isalnum():
            mentions.append(piece)
        elif piece:
            mentions += _split_blanks(piece, numbering)
    return mentions


def _split_blanks(piece: str, numbering: Numbering | None) -> list[str]:
    words = piece.split()
    if len(words) > 1 and not _is_possible(piece, numbering) and all(_is_possible(word, numbering) for word in words):
        return words
    return [piece]


def _is_possible(text: str, numbering: Numbering | None) -> bool:
    if numbering is not None:
        return numbering.is_possible(text)
    return len(clean_number(text).lstrip("+").removeprefix("00")) in E164_DIGITS
