"""Single sends at 64 connections: the product against bare servers on its own front, on raw RSGI and on Starlette, in turns.

And on one connection: how long an answer takes, against a commit of one row on the same database. The product's channel is
paused while it is compared, so that what is measured is accepting: rows, charge, lane items, one commit. Its rate with
worker and pusher at work on the same cores is printed beside it.
"""

from __future__ import annotations

import time
import uuid

import psycopg

from bench import side
from bench.children import Load, run_bare
from bench.figure import ONE_EACH, Figure, Own, Say, median, quantile_ms
from bench.load import Result, Task
from bench.processes import Meter, Seen
from bench.product import Product, run_product
from bench.table import make_bare_table

_ROUNDS = 5
_SECONDS, _WARM_S = 2.5, 0.7
_BARE = {"front": 0.5, "rsgi": 0.8, "starlette": 1.1}  # and what must be reached of it
_FEW = 4
_COMMITS = 400
Rates = dict[str, list[float]]


def measure(say: Say) -> list[Figure]:
    """One of each bare server and one of the lone request; where two trees are compared, three of the product alone."""
    if side.is_alone():
        return _measure_alone(say)
    with run_product() as product:
        make_bare_table(product.dsn)
        rates: Rates = {name: [] for name in ("product", *_BARE)}
        details: dict[str, object] = {"seconds": _SECONDS, "rounds": _ROUNDS}
        product.tocsin("channel", "pause", "sandbox")
        for number in range(_ROUNDS):
            result, cpu = flood_product(product)
            _note(details, "product", result, cpu)
            rates["product"].append(result.answered / result.seconds)
            for kind in _BARE:
                result, cpu = _flood_bare(product, kind)
                _note(details, kind, result, cpu)
                rates[kind].append(result.answered / result.seconds)
            say(f"accept, round {number + 1}: " + ", ".join(f"{k} {v[-1]:.0f}/s" for k, v in rates.items()))
        lone = _measure_lone(product, say)
        product.tocsin("channel", "resume", "sandbox")
        product.wait_drained(60)
        result, cpu = flood_product(product)
        details["product with worker at work"] = f"{result.answered / result.seconds:.0f}/s"
    return [*(_compare(rates, kind, must, details) for kind, must in _BARE.items()), lone]


def _measure_alone(say: Say) -> list[Figure]:
    """The product without the bare servers, at 64, 4 and 1 connections."""
    with run_product() as product:
        product.tocsin("channel", "pause", "sandbox")
        flood_product(product, 1.0)
        return [_measure_own(product, say, connections) for connections in (64, _FEW, 1)]


def _measure_own(product: Product, say: Say, connections: int) -> Figure:
    found = [flood_product(product, connections=connections) for _ in range(_ROUNDS)]
    rates = [result.answered / result.seconds for result, _ in found]
    name = "accept" if connections == 64 else f"accept/{connections}"
    say(f"{name}: " + ", ".join(f"{rate:.0f}/s" for rate in rates))
    details: dict[str, object] = {"product/s": [round(rate) for rate in rates]}
    _note(details, "product", *found[-1])
    return Figure(
        name, f"single-SMS POSTs, {connections} connections", "for comparison", f"{median(rates):,.0f}/s", True,
        f"{ONE_EACH}; 1 load generator", details, Own(median(rates), "messages/s"),
    )  # fmt: skip


def _measure_lone(product: Product, say: Say) -> Figure:
    """The time of an answer on one connection against that of a commit of one row, in turns."""
    ratios = []
    for _ in range(_ROUNDS):
        result, _cpu = flood_product(product, connections=1)
        ratios.append(result.p50_ms / _time_commit_ms(product.dsn))
        say(f"accept/lone: {result.p50_ms} ms, {ratios[-1]:.2f} times a commit")
    ratio = median(ratios)
    return Figure(
        "accept/lone", "p50 of single-SMS POSTs on 1 connection, against a commit of one row", "<= 2.5 times", f"{ratio:.2f}",
        ratio <= 2.5, f"{ONE_EACH}; 1 load generator", {"ratios": [round(each, 2) for each in ratios]},
    )  # fmt: skip


def _time_commit_ms(dsn: str) -> float:
    """The median of a one-row INSERT, prepared, with its commit."""
    times = []
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=0) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS bench_one_row (id uuid PRIMARY KEY, at timestamptz, text text)")
        for _ in range(_COMMITS):
            began_s = time.perf_counter()
            conn.execute("INSERT INTO bench_one_row VALUES (%s, now(), 'x')", (uuid.uuid4(),))
            times.append(time.perf_counter() - began_s)
    return quantile_ms(times, 0.5)


def flood_product(
    product: Product, seconds: float = _SECONDS, *, connections: int = 64
) -> tuple[Result, dict[str, float]]:
    """Single sends for a while; the result and CPU microseconds a message."""
    product.settle()
    task = Task(port=0, account="", api_key="", seconds=seconds, warm_s=_WARM_S, connections=connections)
    meter = product.meter()
    result = product.start_load(task).result()
    return result, _list_cpu(meter, result)


def _list_cpu(meter: Meter, result: Result) -> dict[str, float]:
    load = round(result.cpu_s * 1e6 / result.answered_in_all, 1)
    return {**meter.per_message_us(result.answered_in_all), "load generator": load}


def _flood_bare(product: Product, kind: str) -> tuple[Result, dict[str, float]]:
    with run_bare(kind, product.dsn) as (port, pid):
        product.settle()
        meter = Meter([Seen("bare", pid), *(each for each in product.family() if each.kind == "postgres")])
        result = Load(Task(port=port, account="a", api_key="k", seconds=_SECONDS, warm_s=_WARM_S)).result()
        return result, _list_cpu(meter, result)


def _note(details: dict[str, object], kind: str, result: Result, cpu: dict[str, float]) -> None:
    details[f"{kind} p50/p99 ms, last round"] = f"{result.p50_ms}/{result.p99_ms}"
    details[f"{kind} CPU us/message, last round"] = {name: each for name, each in cpu.items() if each >= 1}


def _compare(rates: Rates, kind: str, must: float, details: dict[str, object]) -> Figure:
    ratio = median([own / bare for own, bare in zip(rates["product"], rates[kind], strict=True)])
    shown = {f"{name}/s": [round(rate) for rate in each] for name, each in rates.items()}
    return Figure(
        f"accept/{kind}", f"single-SMS POSTs, 64 connections, against a bare server on {kind}", f">= {must}",
        f"{ratio:.2f}", ratio >= must, f"{ONE_EACH}; 1 bare server; 1 load generator", {**shown, **details},
    )  # fmt: skip
