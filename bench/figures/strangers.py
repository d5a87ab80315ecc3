"""What strangers cost a good client: 3,000 slow senders and 500 idle connections; and what 40 bodies of 29 MB cost in memory."""

from __future__ import annotations

import psutil

from bench.children import run_strangers
from bench.figure import ONE_EACH, Figure, Own, Say, median
from bench.figures.accept import flood_product
from bench.product import Product, run_product
from bench.strangers import IDLE, LARGE, SLOW

_ROUNDS = 5
_CONNECTIONS = 4
_MUST, _MUST_MB = 1.5, 60.0
_MB = 1024 * 1024


def measure(say: Say) -> list[Figure]:
    """Two figures."""
    with run_product() as product:
        product.tocsin("channel", "pause", "sandbox")
        flood_product(product, 1.0, connections=_CONNECTIONS)
        pairs = [_measure_pair(product, say) for _ in range(_ROUNDS)]
        grown_mb = _measure_growth(product, say)
    ratio = median([beside / alone for alone, beside in pairs])
    shown = {"p99 ms alone": [pair[0] for pair in pairs], "p99 ms beside them": [pair[1] for pair in pairs]}
    return [
        Figure(
            "strangers", f"p99 of single sends beside {SLOW:,} slow senders and {IDLE} idle connections, against without them",
            f"<= {_MUST} times", f"{ratio:.2f}", ratio <= _MUST, f"{ONE_EACH}; 1 load generator", dict(shown),
            Own(median([beside for _, beside in pairs]), "ms", more_is_better=False),
        ),
        Figure(
            "strangers/memory", f"growth of the API by {LARGE} strangers with 29 MB each", f"<= {_MUST_MB:.0f} MB",
            f"{grown_mb:.1f} MB", grown_mb <= _MUST_MB, ONE_EACH, {},
            Own(grown_mb, "MB", more_is_better=False),
        ),
    ]  # fmt: skip


def _measure_pair(product: Product, say: Say) -> tuple[float, float]:
    alone, _ = flood_product(product, connections=_CONNECTIONS)
    with run_strangers(product.port, "slow"):
        beside, _ = flood_product(product, connections=_CONNECTIONS)
    say(f"strangers: p99 {alone.p99_ms} ms alone, {beside.p99_ms} ms beside them")
    return alone.p99_ms, beside.p99_ms


def _measure_growth(product: Product, say: Say) -> float:
    """The most that the API had while they sent, above what it had before."""
    process = psutil.Process(next(each.pid for each in product.family() if each.kind == "api"))
    before = process.memory_info().rss
    most = before
    with run_strangers(product.port, "large", wait=False) as is_done:
        while not is_done():
            most = max(most, process.memory_info().rss)
    say(f"strangers: {(most - before) / _MB:.1f} MB more")
    return (most - before) / _MB
