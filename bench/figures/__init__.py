"""The figures by name, in the order of the table."""

from __future__ import annotations

from bench.figure import Measure
from bench.figures import (
    accept,
    beside,
    crowd,
    flow,
    kannel,
    large,
    long,
    match,
    pages,
    path,
    slow,
    smpp,
    strangers,
    verify,
)

SHORT: dict[str, Measure] = {
    "accept": accept.measure,
    "large": large.measure,
    "flow": flow.measure,
    "slow": slow.measure,
    "verify": verify.measure,
    "crowd": crowd.measure,
    "match": match.measure,
    "smpp": smpp.measure,
}
LONG: dict[str, Measure] = {"long": long.measure}
BY_NAME: dict[str, Measure] = {
    "kannel": kannel.measure,
    "pages": pages.measure,
    "path": path.measure,
    "beside": beside.measure,
    "strangers": strangers.measure,
}
"""Only where they are asked for: part of another one, or of the console."""
