"""Numbering plans, compiled from libphonenumber's metadata (the package `phonenumbers`).

Two things, both made when first used and kept: a `Trunk` for each region (which leading digits are dropped), and a
`Plan` for each calling code (which lengths are possible; kind and region of a number). A plan has one expression for
each length, and the number of its group that matches says region and kind: libphonenumber's dozen of tests, in its
order, in one match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from functools import cache
from typing import Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

Matcher = Callable[[str], re.Match[str] | None]

LONGEST_INPUT: Final = 250  # libphonenumber's bound
_NEVER: Final = "(?!)"


class Kind(IntEnum):
    """What a range is used for. PAID: premium, toll-free, shared cost. MOBILE: and all but PAID and FIXED."""

    UNKNOWN = 0
    PAID = 1
    MOBILE = 2
    FIXED = 3


def _load(iso: str) -> PhoneMetadata:
    data = PhoneMetadata.metadata_for_region(iso)
    if data is None or data.general_desc is None or not data.general_desc.possible_length:
        raise ValueError(f"no numbering plan for region {iso!r}")
    return data


class Trunk:
    """A region's national prefix, and when it is dropped; some regions have a carrier code in it, or rewrite."""

    def __init__(self, iso: str) -> None:
        data = _load(iso)
        general = data.general_desc
        assert general is not None
        self.calling_code = str(data.country_code)
        beyond = range(max(general.possible_length) + 1, LONGEST_INPUT + 16)
        # Lengths of a rest that libphonenumber accepts: possible ones, and what is too long in any case.
        self._kept = frozenset(general.possible_length).union(beyond).difference(general.possible_length_local_only)
        self._is_viable: Matcher = re.compile(general.national_number_pattern or _NEVER).fullmatch
        # "Not nothing": Argentina's pattern matches every number with zero digits, which changes none.
        self._prefix = re.compile(rf"(?:{data.national_prefix_for_parsing or _NEVER})(?<=.)")
        self._rewrite: str = data.national_prefix_transform_rule or ""
        self.find: Matcher = self._prefix.match

    def drop(self, number: str) -> str:
        """The number without trunk prefix, where libphonenumber would drop it."""
        match = self.find(number)
        if match is None or not number:
            return number
        if self._rewrite and match.groups()[-1] is not None:
            rest = self._prefix.sub(self._rewrite, number, count=1)
        else:
            rest = number[match.end() :]
        if len(rest) not in self._kept or (self._is_viable(number) and not self._is_viable(rest)):
            return number
        return rest


class Plan:
    """The numbers of one calling code, which may have several regions.

    sorters: for each possible length an expression to match a number without trunk prefix with.
    places: (region, kind) by the number of the group that matched; [0] is for no match, its region "" where it is open.
    """

    def __init__(self, calling_code: str) -> None:
        isos: tuple[str, ...] = COUNTRY_CODE_TO_REGION_CODE[int(calling_code)]
        regions = [_load(iso) for iso in isos]
        self.main = isos[0]
        self.places: list[tuple[str, Kind]] = [("" if len(isos) > 1 else isos[0], Kind.UNKNOWN)]
        for iso in isos:
            self.places += [(iso, Kind.PAID), (iso, Kind.MOBILE), (iso, Kind.FIXED), (iso, Kind.UNKNOWN)]
        self.sorters: dict[int, Matcher] = {}
        made: dict[str, Matcher] = {}
        general = regions[0].general_desc
        assert general is not None
        for length in general.possible_length:
            text = "|".join(_describe(region, length) for region in regions)
            if text not in made:
                made[text] = self._compile(text)
            self.sorters[length] = made[text]

    def _compile(self, text: str) -> Matcher:
        pattern = re.compile(text)
        if pattern.groups != len(self.places) - 1:
            raise ValueError(f"unexpected group in the metadata of {self.main}")
        return pattern.match


def _describe(region: PhoneMetadata, length: int) -> str:
    """Four groups: PAID, MOBILE, FIXED, and "this region, kind unknown" where leading digits alone tell the region."""
    paid = (region.premium_rate, region.toll_free, region.shared_cost)
    # libphonenumber tells mobile from fixed by its own pattern only where the two differ.
    mobile = region.fixed_line if region.same_mobile_and_fixed_line_pattern else region.mobile
    other = (region.voip, region.personal_number, region.pager, region.uan, region.voicemail, mobile)
    kinds = "|".join(rf"((?:{_join(descs, length)})\Z)" for descs in (paid, other, (region.fixed_line,)))
    typed = rf"(?=(?:{_join([region.general_desc], length)})\Z)(?:{kinds})"
    if region.leading_digits is None:
        return f"{typed}|({_NEVER})"
    return f"(?={region.leading_digits})(?:{typed}|())"


def _join(descs: Iterable[PhoneNumberDesc | None], length: int) -> str:
    return "|".join(_pick(descs, length)) or _NEVER


def _pick(descs: Iterable[PhoneNumberDesc | None], length: int) -> Iterator[str]:
    """The patterns that a number of this length may match."""
    for desc in descs:
        if desc is None or not desc.national_number_pattern:
            continue
        if not desc.possible_length or length in desc.possible_length:
            yield desc.national_number_pattern


trunk_of = cache(Trunk)
plan_of = cache(Plan)
