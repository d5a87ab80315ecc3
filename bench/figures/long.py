"""2 million messages at full speed: time of a claim, and sizes of lane and outbox, must be flat. Only in --long.

What waits is kept between bounds by sending only as fast as reports arrive, so that sizes show bloat and not backlog.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from bench.children import BrokenError, Receiver, run_receiver
from bench.figure import ONE_EACH, Figure, Own, Say, median
from bench.load import ask, connect
from bench.product import Product, run_product
from bench.table import Conn
from bench.wire import build_send, make_numbers

MESSAGES, POST = 2_000_000, 10_000
_AHEAD = 60_000
_LIMIT_S = 900.0
_LOOK_S = 0.5
_FLAT_TIME, _FLAT_SIZE = 1.5, 1.5
_NAME = "long"


class _Sample(NamedTuple):
    rows: int
    claim_ms: float
    lane_mb: float
    outbox_mb: float


def measure(say: Say) -> list[Figure]:
    """One figure."""
    with run_product() as product, run_receiver() as receiver:
        product.tocsin("webhook", "set", "bench", "sms", receiver.url(_NAME))
        began = time.monotonic()
        samples = _run(product, receiver, say)
        took_s = time.monotonic() - began
        memory = product.memory_mb()
    return [_describe(samples, MESSAGES / took_s, memory)]


def _run(product: Product, receiver: Receiver, say: Say) -> list[_Sample]:
    sock = connect(product.port)
    samples: list[_Sample] = []
    sent, said, look_at = 0, 0, 0.0
    deadline = time.monotonic() + _LIMIT_S
    with product.connect() as conn:
        while (seen := receiver.counted(_NAME).rows) < MESSAGES:
            if time.monotonic() > deadline:
                raise BrokenError(f"{seen:,} of {MESSAGES:,} messages in {_LIMIT_S:g} s")
            if sent < MESSAGES and sent - seen < _AHEAD:
                numbers = make_numbers(product.take_numbers(POST), POST)
                answer = ask(sock, build_send(product.caller, numbers))
                if b'"status":0,' not in answer:
                    raise BrokenError(answer[-200:].decode("utf-8", "replace"))
                sent += POST
            else:
                time.sleep(0.1)
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + _LOOK_S
                samples.append(_look(conn, seen))
            if seen - said >= MESSAGES // 10 and samples:
                said = seen
                last = samples[-1]
                say(
                    f"long: {seen:,} pushed, claim {last.claim_ms:.1f} ms, "
                    f"lane {last.lane_mb:.1f} MB, outbox {last.outbox_mb:.1f} MB"
                )
    sock.close()
    return samples


def _look(conn: Conn, seen: int) -> _Sample:
    """Time a claim (rolled back: nothing is taken from the worker for longer than that) and read the sizes."""
    channel = conn.execute("SELECT id FROM channel WHERE name = 'sandbox'").fetchone()
    with conn.transaction(force_rollback=True):
        began = time.perf_counter()
        conn.execute(
            "SELECT count(*) FROM claim_lane(%s::integer, -1, interval '15 seconds', 250, '{-1,-1,-1}', '{0,0,0}')",
            (channel[0] if channel else 0,),
        )
        claim_ms = (time.perf_counter() - began) * 1000
    row = conn.execute("SELECT pg_total_relation_size('lane_item'), pg_total_relation_size('outbox')").fetchone()
    assert row is not None
    return _Sample(seen, claim_ms, row[0] / 2**20, row[1] / 2**20)


def _describe(samples: list[_Sample], rate: float, memory: dict[str, float]) -> Figure:
    quarters = [[s for s in samples if part * MESSAGES / 4 <= s.rows < (part + 1) * MESSAGES / 4] for part in range(4)]
    claims = [median([s.claim_ms for s in quarter] or [0.0]) for quarter in quarters]
    lanes = [max((s.lane_mb for s in quarter), default=0.0) for quarter in quarters]
    outboxes = [max((s.outbox_mb for s in quarter), default=0.0) for quarter in quarters]
    claim, lane, outbox = claims[3] / claims[1], lanes[3] / lanes[1], outboxes[3] / outboxes[1]
    return Figure(
        "long", "lane and outbox after 2 million messages at full speed", "claim time and sizes flat",
        f"last quarter against second: claim {claim:.2f}, lane {lane:.2f}, outbox {outbox:.2f}",
        claim <= _FLAT_TIME and max(lane, outbox) <= _FLAT_SIZE, f"{ONE_EACH}; 1 client, 1 receiver",
        {"messages/s": round(rate), "claim ms by quarter": [round(c, 2) for c in claims],
         "lane MB by quarter": [round(s, 1) for s in lanes], "outbox MB by quarter": [round(s, 1) for s in outboxes],
         "PSS MB": memory},
        Own(rate, "messages/s"),
    )  # fmt: skip
