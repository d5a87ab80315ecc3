"""Accept rate with 5 million messages in the table (in the partition that is written to) against an empty one."""

from __future__ import annotations

import time

from bench.figure import ONE_EACH, Figure, Own, Say, median
from bench.figures.accept import flood_product
from bench.product import Product, run_product

_ROWS = 5_000_000
_ROUNDS = 3
_MUST = 0.9
_WORK = b"""
CREATE TABLE crowd (LIKE message INCLUDING DEFAULTS)
"""
_FILL = b"""
INSERT INTO crowd (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status, reason)
SELECT uuidv7(-w.span * (1 - n / %(rows)s::double precision)), w.account_id, w.last_ms * 10000 + n / 50, 1,
       '62813' || (10000000 + n * 7919 %% 90000000)::text, 10007, 1, 1, 100000, 0, 0
FROM generate_series(1::bigint, %(rows)s::bigint) AS n,
     (SELECT now() - date_trunc('day', now(), 'UTC') AS span, floor(extract(epoch FROM now()) * 1000)::bigint AS last_ms,
             (SELECT id FROM account WHERE name = 'bench') AS account_id) AS w
"""
# The partition of today is taken off, filled, given its indexes anew and put back: three times as quick as row by row.
_SWAP = b"""
DO $$
DECLARE
    v_day  timestamptz := date_trunc('day', now(), 'UTC');
    v_name text := 'message_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD');
BEGIN
    EXECUTE format('ALTER TABLE message DETACH PARTITION %I', v_name);
    EXECUTE format('INSERT INTO crowd SELECT * FROM %I', v_name);
    EXECUTE format('DROP TABLE %I', v_name);
    EXECUTE format('ALTER TABLE crowd RENAME TO %I', v_name);
    EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (id)', v_name);
    EXECUTE format('CREATE INDEX ON %I (account_id, id)', v_name);
    EXECUTE format('CREATE INDEX ON %I (phone, id)', v_name);
    EXECUTE format('ALTER TABLE message ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', v_name,
                   uuid7_floor(v_day), uuid7_floor(v_day + interval '1 day'));
END $$
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
    before, after = median([rate for rate, _ in empty]), median([rate for rate, _ in full])
    say(f"crowd: {before:.0f}/s empty, {after:.0f}/s with {count:,} messages; filling took {filled_s:.0f} s")
    details = {
        "empty/s": [round(rate) for rate, _ in empty], "full/s": [round(rate) for rate, _ in full],
        "CPU us/message of api and postgres, empty": [cpu for _, cpu in empty],
        "CPU us/message of api and postgres, full": [cpu for _, cpu in full],
        "messages": count, "filled in s": round(filled_s),
    }  # fmt: skip
    what = "accept rate with 5 million messages in the table, against an empty one"
    ratio = after / before
    processes = f"{ONE_EACH}; 1 load generator"
    return [
        Figure(
            "crowd", what, f">= {_MUST}", f"{ratio:.2f}", ratio >= _MUST, processes, details, Own(after, "messages/s")
        )
    ]


def _flood(product: Product) -> tuple[float, float]:
    """Messages a second, and CPU microseconds a message of API and PostgreSQL."""
    result, cpu = flood_product(product, 3.0)
    return result.answered / result.seconds, round(cpu["api"] + cpu["postgres"], 1)


def _fill(product: Product) -> None:
    with product.connect() as conn:
        conn.execute("SET maintenance_work_mem = '256MB'")
        conn.execute("SET wal_compression = off")
        conn.execute(_WORK)
        conn.execute(_FILL, {"rows": _ROWS})
        conn.execute(_SWAP)
        conn.execute("VACUUM ANALYZE message")
