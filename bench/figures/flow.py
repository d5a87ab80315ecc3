"""The whole way: accepted, submitted, receipt, pushed to a receiver on this machine; the sandbox takes no time.

First as it is, three times 100,000 messages; then with a transaction held open on the database all the while; then the
memory of the processes that did it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg

from bench.children import BrokenError, Receiver, run_receiver
from bench.figure import ONE_EACH, Figure, Own, Say, median
from bench.load import Task
from bench.processes import Seen
from bench.product import Product, run_product
from bench.table import copy_rows, make_bare_table, make_rows
from bench.wire import make_numbers

MESSAGES, POST = 100_000, 10_000
_ROUNDS, _OLD_ROUNDS = 3, 4
_LIMIT_S = 120.0
_MUST_RATE, _MUST_OLD, _STILL, _MUST_MB = 15_000, 0.5, 0.85, 350
NAME = "flow"


@dataclass
class Rounds:
    rates: list[float] = field(default_factory=list)
    accepts: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    quarters: list[str] = field(default_factory=list)
    doubled: int = 0


def measure(say: Say) -> list[Figure]:
    """Three figures: as it is, with an old snapshot, memory."""
    with run_product() as product, run_receiver() as receiver:
        product.tocsin("webhook", "set", "bench", "sms", receiver.url(NAME))
        make_bare_table(product.dsn)
        copy_rate = measure_copy(product)
        product.post([2000])
        wait_rows(receiver, 2000)
        product.wait_drained(30)
        free = _run_rounds(product, receiver, _ROUNDS, lambda text: say(f"flow, {text}"))
        copy_rate = median([copy_rate, measure_copy(product)])
        with hold_snapshot(product):
            old = _run_rounds(product, receiver, _OLD_ROUNDS, lambda text: say(f"flow with an old snapshot, {text}"))
        memory = product.memory_mb()
    return [_describe_free(free, copy_rate), _describe_old(free, old), _describe_memory(memory)]


def measure_copy(product: Product) -> float:
    """The bare COPY of this run: rows/s at 10,000 a commit, the median of five."""
    rows_at_once = 10_000
    with product.connect() as conn:
        return median([
            rows_at_once / copy_rows(conn, make_rows(make_numbers(0, rows_at_once))) for _ in range(5)
        ])  # fmt: skip


@contextlib.contextmanager
def hold_snapshot(product: Product) -> Iterator[None]:
    """A transaction that has read and stays open, as an export's."""
    with psycopg.connect(product.dsn, application_name="bench export") as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        conn.execute("SELECT count(*) FROM account")
        yield
        conn.rollback()


def _run_rounds(product: Product, receiver: Receiver, rounds: int, say: Say) -> Rounds:
    found = Rounds()
    product.settle()
    meter = product.meter(Seen("receiver", receiver.pid))
    for number in range(rounds):
        rate, accepted = run_once(product, receiver, found)
        found.rates.append(rate)
        found.accepts.append(accepted)
        say(f"round {number + 1}: {rate:.0f} messages/s, accepted at {accepted:.0f}/s")
    found.cpu = meter.per_message_us(rounds * MESSAGES)
    return found


def run_once(product: Product, receiver: Receiver, found: Rounds) -> tuple[float, float]:
    before = receiver.counted(NAME).rows
    task = Task(port=0, account="", api_key="", kind="posts", counts=[POST] * (MESSAGES // POST))
    load = product.start_load(task)
    try:
        wait_rows(receiver, before + MESSAGES)
        result = load.result()
    finally:
        load.end()
    counted = receiver.counted(NAME)
    product.wait_drained(30)
    began = result.began[0]
    ended_accept = result.began[-1] + result.took_s[-1]
    marks = [(at, rows - before) for at, rows in counted.marks if rows > before]
    found.quarters.append(_quarters(began, marks))
    found.doubled += receiver.counted(NAME).rows - before - MESSAGES
    return MESSAGES / (counted.last_at - began), MESSAGES / (ended_accept - began)


def _quarters(began: float, marks: list[tuple[float, int]]) -> str:
    """Rows/s at the receiver by quarter of the rows."""
    ends = [next((at for at, rows in marks if rows >= MESSAGES * part / 4), marks[-1][0]) for part in (1, 2, 3, 4)]
    starts = [began, *ends[:-1]]
    return "/".join(f"{MESSAGES / 4 / max(end - start, 0.001):.0f}" for start, end in zip(starts, ends, strict=True))


def wait_rows(receiver: Receiver, rows: int) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while (seen := receiver.counted(NAME).rows) < rows:
        if time.monotonic() > deadline:
            raise BrokenError(f"{rows - seen} of {rows} reports did not reach the receiver within {_LIMIT_S:g} s")
        time.sleep(0.1)


def _describe_free(free: Rounds, copy_rate: float) -> Figure:
    rate = median(free.rates)
    return Figure(
        "flow", f"accepted, submitted, receipt, pushed: {MESSAGES:,} messages", f">= {_MUST_RATE:,} messages/s",
        f"{rate:,.0f} messages/s", rate >= _MUST_RATE, f"{ONE_EACH}; 1 client, 1 receiver; {os.cpu_count()} cores",
        {**_details(free), "bare COPY rows/s": round(copy_rate), "messages/s by bare COPY rows/s": round(rate / copy_rate, 3)},
        Own(rate, "messages/s"),
    )  # fmt: skip


def _details(found: Rounds) -> dict[str, object]:
    return {
        "messages/s": [round(each) for each in found.rates], "accepted/s": [round(each) for each in found.accepts],
        "pushed rows/s by quarter": found.quarters, "rows pushed twice": found.doubled,
        "CPU us/message": {**found.cpu, "all": round(sum(found.cpu.values()), 1)},
    }  # fmt: skip


def _describe_old(free: Rounds, old: Rounds) -> Figure:
    ratio = median(old.rates) / median(free.rates)
    last = old.rates[-1] / old.rates[0]
    return Figure(
        "flow/old snapshot", "the same with a transaction held open all the while", f">= {_MUST_OLD}, not falling",
        f"{ratio:.2f}, last round at {last:.2f} of the first", ratio >= _MUST_OLD and last >= _STILL,
        f"{ONE_EACH}; 1 client, 1 receiver", _details(old), Own(median(old.rates), "messages/s"),
    )  # fmt: skip


def _describe_memory(memory: dict[str, float]) -> Figure:
    total = sum(memory.values())
    return Figure(
        "memory", "PSS of API with its helper, worker and pusher after these runs", f"<= {_MUST_MB} MB",
        f"{total:.0f} MB", total <= _MUST_MB, "1 api + its helper, 1 worker, 1 push", {"PSS MB": memory},
        Own(total, "MB", more_is_better=False),
    )  # fmt: skip
