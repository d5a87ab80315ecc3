"""The codeId table as shipped: `countries.csv`, one row for each country and territory with a numbering plan.

The page shows no table; its examples fix 10001 (China) and 10007 (Indonesia). The other ids were given in the order of
the English names and are final: clients store them. New rows are appended with the next free id; none is renumbered or
used again. Names: Unicode CLDR's, long forms shortened; Chinese simplified.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple


class CountryRow(NamedTuple):
    """A row of the table. `calling_code` is shared by some countries; `iso` is unique."""

    code_id: int
    iso: str
    calling_code: int
    name: str
    name_zh: str
    template_required: bool


def load_countries() -> list[CountryRow]:
    """All rows, ordered by code_id, read from the file at each call."""
    with Path(__file__).with_name("countries.csv").open(encoding="utf-8", newline="") as file:
        return [
            CountryRow(
                code_id=int(row["code_id"]),
                iso=row["iso"],
                calling_code=int(row["calling_code"]),
                name=row["name"],
                name_zh=row["name_zh"],
                template_required=row["template_required"] == "true",
            )
            for row in csv.DictReader(file)
        ]
