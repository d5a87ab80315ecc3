"""Reads the numbers of a request: from what a client wrote to digits with country code, or a fault.

The rules are libphonenumber's, the choices the contract's (section 3). The library's own `parse` and `number_type` take
some 40 microseconds a number, too long for 50,000 of them; with the compiled plans of `plans.py` it is a few, and
tests/pure/test_phone.py proves that the verdicts are the library's.

It must not know accounts, lists of blocked numbers or duplicates: one number in, one verdict out.
"""

from __future__ import annotations

import unicodedata
from enum import Enum
from functools import cache
from typing import Final, NamedTuple

from tocsin.content.plans import LONGEST_INPUT, Kind, plan_of, trunk_of


class NumberFault(Enum):
    """Why a number is refused. NUMBER: -9, none, or none that the product reaches. COUNTRY: 4, another calling code."""

    NUMBER = "number"
    COUNTRY = "country"


class Verdict(NamedTuple):
    """What a written number means.

    digits: with country code, no plus; of what is no number: what was sent (trimmed, at most 64 characters).
    region_iso: the number's own region, the asked country's where the number does not tell; "" if there is no number.
    """

    digits: str
    region_iso: str
    reason: NumberFault | None


# Rank of a reading: a type that is reached > range unknown > a type that is refused > impossible.
_IMPOSSIBLE, _REFUSED, _POSSIBLE, _REACHED = range(4)
_SMS_RANKS: Final = {Kind.UNKNOWN: _POSSIBLE, Kind.PAID: _REFUSED, Kind.MOBILE: _REACHED, Kind.FIXED: _REFUSED}
_FAULTS: Final = (NumberFault.NUMBER, NumberFault.NUMBER, None, None)
_VOICE_RANKS: Final = {**_SMS_RANKS, Kind.FIXED: _REACHED}
# ITU-T E.164 has at most 15 digits, and no country numbers that are below 7 with their code.
E164_DIGITS: Final = range(7, 16)
_SHOWN_CHARS: Final = 64

_PLUSES = "+\uff0b"
_DROPPED = ".\uff0e()[]{}\uff08\uff09\uff3b\uff3d\uff5b\uff5d\u2212"  # dots, brackets, the mathematical minus
_DROPPED_CATEGORIES = {"Pd", "Cf"}  # dashes; the invisible direction marks that address books put around numbers


def _sift(char: str) -> str | None:
    """What a character of a number stands for: a digit, a plus, nothing; None: it has no place in a number."""
    if (digit := unicodedata.decimal(char, -1)) >= 0:
        return str(digit)
    if char in _PLUSES:
        return "+"
    if char.isspace() or char in _DROPPED or unicodedata.category(char) in _DROPPED_CATEGORIES:
        return ""
    return None


_ASCII: Final = {code: "" for code in range(128) if _sift(chr(code)) == ""}


def clean_number(raw: str) -> str:
    """Digits with an optional leading plus; "" where the text is no number."""
    if raw.isascii():
        text = raw.translate(_ASCII)
    else:
        sifted = [_sift(char) for char in raw[: 4 * LONGEST_INPUT]]
        text = "" if None in sifted else "".join(filter(None, sifted))
    bare = text[1:] if text[:1] == "+" else text
    return text if bare.isdigit() and len(bare) <= LONGEST_INPUT else ""


def show_mention(raw: str) -> str:
    """What was sent (trimmed, at most 64 characters), as far as a database and a JSON reply can carry it."""
    text = raw.strip()[:_SHOWN_CHARS].replace("\0", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Numbering:
    """Reads the numbers of one country's requests. Use `numbering` to get one."""

    def __init__(self, iso: str, *, voice: bool) -> None:
        self.iso = iso
        self._home = trunk_of(iso)
        self.calling_code = self._home.calling_code
        self._code_digits = len(self.calling_code)
        plan = plan_of(self.calling_code)
        self.main_iso = plan.main  # of the countries with this calling code
        self._main = trunk_of(plan.main)
        self._sorters = plan.sorters
        ranks = _VOICE_RANKS if voice else _SMS_RANKS
        self._places = [(ranks[kind], region or iso) for region, kind in plan.places]

    def normalise(self, raw: str) -> Verdict:
        """The verdict on one number as the client wrote it."""
        if raw.isdigit() and raw.isascii() and raw[0] != "0":
            # Short cut for nearly all: plain digits, no trunk prefix, and one reading or a best one.
            carried = raw.startswith(self.calling_code)
            number = raw[self._code_digits :] if carried else raw
            sorter = self._sorters.get(len(number))
            if sorter is not None and (self._main if carried else self._home).find(number) is None:
                match = sorter(number)
                rank, iso = self._places[match.lastindex or 0 if match else 0]
                if rank == _REACHED or not carried:
                    return Verdict(self.calling_code + number, iso, _FAULTS[rank])
        return self._judge(raw)

    def is_possible(self, raw: str) -> bool:
        """Whether the text can be one number: of a possible length, or of another country."""
        _, iso, reason = self.normalise(raw)
        return iso != "" or reason is NumberFault.COUNTRY

    def _judge(self, raw: str) -> Verdict:
        text = clean_number(raw)
        digits = text.removeprefix("+") if text[:1] == "+" else text.removeprefix("00")
        international = len(digits) != len(text)
        carried = digits.startswith(self.calling_code)
        if international and not carried:
            if len(digits) in E164_DIGITS:
                return Verdict(digits, "", NumberFault.COUNTRY)
            return Verdict(show_mention(raw), "", NumberFault.NUMBER)
        rank, number, iso = self._read(digits, carried)
        if carried and not international and rank != _REACHED:
            # Those digits may be the number's own. A tie goes to stripped: max keeps the first.
            rank, number, iso = max((rank, number, iso), self._read(digits, False), key=lambda reading: reading[0])
        if rank == _IMPOSSIBLE:
            return Verdict(show_mention(raw), "", NumberFault.NUMBER)
        return Verdict(self.calling_code + number, iso, _FAULTS[rank])

    def _read(self, digits: str, carried: bool) -> tuple[int, str, str]:
        """(rank, number without prefixes, its region) of one reading; `carried`: with the calling code in front."""
        number = self._main.drop(digits[self._code_digits :]) if carried else self._home.drop(digits)
        sorter = self._sorters.get(len(number))
        if sorter is None:
            return _IMPOSSIBLE, number, ""
        match = sorter(number)
        rank, iso = self._places[match.lastindex or 0 if match else 0]
        return rank, number, iso


@cache
def numbering(iso: str, voice: bool = False) -> Numbering:
    """The reader for a country (ISO 3166 letters, as in `countries.csv`); voice reaches fixed lines too.

    Raises ValueError for a region without a numbering plan.
    """
    return Numbering(iso, voice=voice)
