"""How long the console's pages take with 3 million messages in one account: every page that links lead to, as its owner."""

from __future__ import annotations

import time
from typing import Final

from bench.crawl import Visitor, crawl
from bench.figure import ONE_EACH, Figure, Own, Say, median, quantile_ms
from bench.product import run_product
from tocsin.bootstrap.login import LOGIN, PASSWORD

_MESSAGES: Final = 3_000_000
_TURNS: Final = 20
_MUST_MS: Final = 200
_FILTERS: Final = (
    "/messages/?number=62812", "/messages/?number=999999", "/messages/?state=failed", "/messages/?state=under-way",
    "/messages/?number=62812345678&state=failed", "/messages/?country=10002", "/messages/?product=mms&state=failed",
    "/messages/?product=otp&state=under-way", "/replies/?number=999",
)  # fmt: skip
"""What people ask of the log, and what is rare or not there at all."""


def measure(say: Say) -> list[Figure]:
    """One figure."""
    with run_product(console=True) as product:
        began = time.monotonic()
        made = product.tocsin("demo", "seed", "--messages", str(_MESSAGES))["messages"]
        product.settle()
        say(f"pages: {made:,} messages after {time.monotonic() - began:.0f} s")
        visitor = Visitor(product.console_port)
        visitor.log_in(LOGIN, PASSWORD)
        found = dict.fromkeys([*crawl(visitor, "/?stay"), *_FILTERS])
        waits = {path: [visitor.time(path) for _ in range(_TURNS)] for path in found}
    p50 = {path: quantile_ms(each, 0.5) for path, each in waits.items()}
    p95 = {path: quantile_ms(each, 0.95) for path, each in waits.items()}
    slow = sorted(p95, key=lambda path: p95[path], reverse=True)
    for path in slow[:12]:
        say(f"pages: {path}: {p50[path]:.0f} ms, p95 {p95[path]:.0f} ms")
    reached = f"{p95[slow[0]]:.0f} ms at the slowest of {len(found)}, {slow[0]}"
    details = {"messages": made, "p50 ms": p50, "p95 ms": p95}
    return [
        Figure(
            "pages", f"p95 of each of the console's pages with {made:,} messages", f"at most {_MUST_MS} ms", reached,
            p95[slow[0]] <= _MUST_MS, f"1 console, {ONE_EACH}", details,
            Own(median(list(p50.values())), "ms", more_is_better=False),
        )
    ]  # fmt: skip
