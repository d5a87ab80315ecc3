"""Accept rate with 5 million messages in the table (in the partition that is written to) against an empty one."""

from __future__ import annotations

import time

from bench.figure import ONE_EACH, Figure, Say, median
from bench.figures.accept import flood_product
from bench.product import Product, run_product

_ROWS, _SLICE = 5_000_000, 1_000_000
_ROUNDS = 3
_MUST = 0.9
_FILL = b"""
INSERT INTO message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status, reason)
SELECT (lpad(to_hex(w.first_ms + n * (w.last_ms - w.first_ms) / %(rows)s), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
        || substr(md5(n::text), 4, 15))::uuid,
       w.account_id, (w.first_ms + n * (w.last_ms - w.first_ms) / %(rows)s) * 10000 + n / 50 %% 10000, 1,
       '62813' || lpad((n * 7919 %% 100000000)::text, 8, '0'), 10007, 1, 1, 100000, 0, 0
FROM generate_series(%(from)s::bigint, %(upto)s::bigint) AS n,
     (SELECT floor(extract(epoch FROM date_trunc('day', now())) * 1000)::bigint AS first_ms,
             floor(extract(epoch FROM now()) * 1000)::bigint AS last_ms,
             (SELECT id FROM account WHERE name = 'bench') AS account_id) AS w
"""


def measure(say: Say) -> list[Figure]:
    """One figure."""
    with run_product() as product:
        product.tocsin("channel", "pause", "sandbox")
        empty = [_flood(product) for _ in range(_ROUNDS)]
        began = time.monotonic()
        _fill(product)
        filled_s = time.monotonic() - began
        full = [_flood(product) for _ in range(_ROUNDS)]
        count = product.count("SELECT count(*) FROM message")
    ratio = median(full) / median(empty)
    say(
        f"crowd: {median(empty):.0f}/s empty, {median(full):.0f}/s with {count:,} messages; filling took {filled_s:.0f} s"
    )
    return [Figure(
        "crowd", "accept rate with 5 million messages in the table, against an empty one", f">= {_MUST}", f"{ratio:.2f}",
        ratio >= _MUST, f"{ONE_EACH}; 1 load generator",
        {"empty/s": [round(each) for each in empty], "full/s": [round(each) for each in full], "messages": count,
         "filled in s": round(filled_s)},
    )]  # fmt: skip


def _flood(product: Product) -> float:
    result, _ = flood_product(product, 3.0)
    return result.answered / result.seconds


def _fill(product: Product) -> None:
    with product.connect() as conn:
        conn.execute("SET synchronous_commit = off")
        for first in range(1, _ROWS + 1, _SLICE):
            conn.execute(_FILL, {"rows": _ROWS, "from": first, "upto": first + _SLICE - 1})
        conn.execute("VACUUM ANALYZE message")
