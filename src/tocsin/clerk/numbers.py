"""Which number a row means, and the country that its request must name."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from tocsin.content import CountryRow, NumberFault, clean_number, load_countries, numbering


class Found(NamedTuple):
    """Digits with country code and the codeId to ask with; fault: why there is none."""

    phone: str
    asked_id: int
    fault: str


@cache
def _countries() -> dict[str, CountryRow]:
    """By every name that people write, in lower case; names win over calling codes, which several share."""
    found: dict[str, CountryRow] = {}
    for row in load_countries():
        main = numbering(row.iso).main_iso if _is_read(row.iso) else ""
        if row.iso == main:
            found[str(row.calling_code)] = found[f"+{row.calling_code}"] = row
    for row in load_countries():
        found |= {str(row.code_id): row, row.iso.lower(): row, row.name.lower(): row, row.name_zh.lower(): row}
    return found


def _is_read(iso: str) -> bool:
    try:
        numbering(iso)
    except ValueError:
        return False
    return True


@cache
def _codes() -> dict[str, CountryRow]:
    return {code[1:]: row for code, row in _countries().items() if code.startswith("+")}


def find_number(text: str, country: str, usual: int) -> Found:
    """Of a cell; `country`: what its own column says, `usual`: codeId of the numbers that do not say, 0: all carry their code."""
    cleaned = clean_number(text)
    if not cleaned:
        return Found("", 0, "number" if text else "no-number")
    named = _countries().get(country.strip().lower()) if country.strip() else _countries().get(str(usual))
    if country.strip() and named is None:
        return Found("", 0, "country")
    digits = cleaned.removeprefix("+") if cleaned.startswith("+") else cleaned.removeprefix("00")
    if len(digits) != len(cleaned) or named is None:
        named = _find_by_code(digits)
        cleaned = f"+{digits}"
    if named is None or not _is_read(named.iso):
        return Found("", 0, "country")
    verdict = numbering(named.iso).normalise(cleaned)
    if verdict.reason is not None:
        return Found("", 0, "country" if verdict.reason is NumberFault.COUNTRY else "number")
    return Found(verdict.digits, named.code_id, "")


def _find_by_code(digits: str) -> CountryRow | None:
    return next((row for size in (1, 2, 3) if (row := _codes().get(digits[:size])) is not None), None)
