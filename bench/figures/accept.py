"""Single sends at 64 connections: the product against a bare RSGI server and the same on Starlette, in turns.

The product's channel is paused while it is compared, so that what is measured is accepting: rows, charge, lane items,
one commit. Its rate with worker and pusher at work on the same cores is printed beside it.
"""

from __future__ import annotations

from bench import side
from bench.children import Load, run_bare
from bench.figure import ONE_EACH, Figure, Own, Say, median
from bench.load import Result, Task
from bench.processes import Meter, Seen
from bench.product import Product, run_product
from bench.table import make_bare_table

_ROUNDS = 5
_SECONDS, _WARM_S = 2.5, 0.7
Rates = dict[str, list[float]]


def measure(say: Say) -> list[Figure]:
    """Two figures; one where two trees are compared."""
    if side.is_alone():
        return [_measure_alone(say)]
    with run_product() as product:
        make_bare_table(product.dsn)
        rates: Rates = {"product": [], "rsgi": [], "starlette": []}
        details: dict[str, object] = {"seconds": _SECONDS, "rounds": _ROUNDS}
        product.tocsin("channel", "pause", "sandbox")
        for number in range(_ROUNDS):
            result, cpu = flood_product(product)
            _note(details, "product", result, cpu)
            rates["product"].append(result.answered / result.seconds)
            for kind in ("rsgi", "starlette"):
                result, cpu = _flood_bare(product, kind)
                _note(details, kind, result, cpu)
                rates[kind].append(result.answered / result.seconds)
            say(f"accept, round {number + 1}: " + ", ".join(f"{k} {v[-1]:.0f}/s" for k, v in rates.items()))
        product.tocsin("channel", "resume", "sandbox")
        product.wait_drained(60)
        result, cpu = flood_product(product)
        details["product with worker at work"] = f"{result.answered / result.seconds:.0f}/s"
    return [_compare(rates, "rsgi", 0.65, details), _compare(rates, "starlette", 1.1, details)]


def _measure_alone(say: Say) -> Figure:
    """The product without the bare servers."""
    with run_product() as product:
        product.tocsin("channel", "pause", "sandbox")
        flood_product(product, 1.0)
        found = [flood_product(product) for _ in range(_ROUNDS)]
    rates = [result.answered / result.seconds for result, _ in found]
    say("accept: " + ", ".join(f"{rate:.0f}/s" for rate in rates))
    details: dict[str, object] = {"product/s": [round(rate) for rate in rates]}
    _note(details, "product", *found[-1])
    return Figure(
        "accept", "single-SMS POSTs, 64 connections", "for comparison", f"{median(rates):,.0f}/s", True,
        f"{ONE_EACH}; 1 load generator", details, Own(median(rates), "messages/s"),
    )  # fmt: skip


def flood_product(product: Product, seconds: float = _SECONDS) -> tuple[Result, dict[str, float]]:
    """Single sends for a while; the result and CPU microseconds a message."""
    product.settle()
    task = Task(port=0, account="", api_key="", seconds=seconds, warm_s=_WARM_S)
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
