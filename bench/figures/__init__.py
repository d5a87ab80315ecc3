"""The figures by name, in the order of the table."""

from __future__ import annotations

from bench.figure import Measure
from bench.figures import accept, crowd, flow, kannel, large, long, match, slow, verify

SHORT: dict[str, Measure] = {
    "accept": accept.measure,
    "large": large.measure,
    "flow": flow.measure,
    "slow": slow.measure,
    "verify": verify.measure,
    "crowd": crowd.measure,
    "match": match.measure,
    "kannel": kannel.measure,
}
LONG: dict[str, Measure] = {"long": long.measure}
