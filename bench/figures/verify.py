"""A VERIFY message from the start of its POST, and from its reply, to its submit: idle, behind a campaign, beside large POSTs.

The submit is the time of the submission row: when the carrier's answer was there. So every wait here holds the sandbox's own
write, and nothing flatters.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from bench.children import BrokenError
from bench.figure import ONE_EACH, Figure, Own, Say, quantile_ms
from bench.load import Task, ask, connect
from bench.product import Product, run_product, wait_until
from bench.wire import build_send, make_numbers

_IDLE_PROBES, _EVERY_S = 300, 0.03
_WAITING, _RATE, _SLOW_RATE, _SLOW_PROBES = 100_000, 1000, 100, 60
_POSTS, _POST, _POST_EVERY_S, _POST_PROBE_S = 10, 50_000, 5.0, 0.1
_MUST_P50_MS, _MUST_P99_MS = 20.0, 100.0
Waits = tuple[list[float], list[float], list[float], list[float]]  # from start, from reply, start to reply; when


def measure(say: Say) -> list[Figure]:
    """Three figures."""
    figures = []
    with run_product() as product:
        _probe(product, 50, _EVERY_S)
        figures.append(_describe("idle", _probe(product, _IDLE_PROBES, _EVERY_S), {}, say))
        load = product.start_load(
            Task(
                port=0,
                account="",
                api_key="",
                kind="posts",
                counts=[_POST] * _POSTS,
                every_s=_POST_EVERY_S,
                action="MARKETING",
            )
        )
        try:
            waits = _probe(product, 100_000, _POST_PROBE_S, load.is_done)
            took = load.result().took_s
        finally:
            load.end()
        details: dict[str, object] = {"POST of 50,000 took ms": [round(each * 1000) for each in took]}
        figures.append(_describe("beside POSTs of 50,000", waits, details, say))
        product.wait_drained(60)
        figures.append(_measure_behind(product, say))
    return [figures[0], figures[2], figures[1]]


def _measure_behind(product: Product, say: Say) -> Figure:
    """A rate on the channel makes the campaign wait; the figure is at 1,000 parts a second, a slower channel in the details."""
    _set_rate(product, _RATE)
    product.post([_POST] * (_WAITING // _POST), "MARKETING")
    waits = _probe(product, _IDLE_PROBES, _EVERY_S)
    left = product.count("SELECT coalesce(sum(cardinality(ids)), 0) FROM lane_item")
    _set_rate(product, _SLOW_RATE)
    slow, _, _, _ = _probe(product, _SLOW_PROBES, 1.5 / _SLOW_RATE * 5)
    details: dict[str, object] = {
        "channel rate": _RATE, "still waiting after": left,
        f"at a rate of {_SLOW_RATE} p50/p99 ms": f"{quantile_ms(slow, 0.5)}/{quantile_ms(slow, 0.99)}",
    }  # fmt: skip
    return _describe("behind 100,000 MARKETING", waits, details, say)


def _set_rate(product: Product, rate: int) -> None:
    product.tocsin("channel", "set", "sandbox", "--rate", str(rate))
    time.sleep(2.0)  # it holds within a second, and the worker opens the channel anew


def _probe(product: Product, most: int, every_s: float, is_done: Callable[[], bool] = lambda: False) -> Waits:
    """Single VERIFY messages, one at a time, at a beat with some jitter; the waits of each in seconds."""
    first = product.take_numbers(min(most, 2000))
    requests = [build_send(product.caller, [n], "VERIFY") for n in make_numbers(first, min(most, 2000))]
    chance = random.Random(7)
    sock = connect(product.port)
    sent: dict[str, tuple[float, float]] = {}
    for number in range(most):
        if is_done():
            break
        began = time.time()
        answer = ask(sock, requests[number % len(requests)])
        replied = time.time()
        at = answer.find(b'"messageId":"')
        if at < 0:
            raise BrokenError(f"a message was not accepted: {answer[-200:].decode('utf-8', 'replace')}")
        sent[answer[at + 13 : at + 45].decode()] = began, replied
        time.sleep(max(0.0, began + every_s * chance.uniform(0.8, 1.2) - time.time()))
    sock.close()
    handed = _read_submits(product, list(sent))
    return (
        [handed[each] - began for each, (began, _) in sent.items()],
        [handed[each] - replied for each, (_, replied) in sent.items()],
        [replied - began for began, replied in sent.values()],
        [began for began, _ in sent.values()],
    )


def _read_submits(product: Product, ids: list[str]) -> dict[str, float]:
    """Epoch seconds of each message's submission."""
    query = (
        b"SELECT replace(message_id::text, '-', ''), extract(epoch FROM min(at))::double precision FROM submission "
        b"WHERE message_id = ANY(%s::uuid[]) GROUP BY 1"
    )
    found: dict[str, float] = {}

    def complete() -> bool:
        with product.connect() as conn:
            found.update(conn.execute(query, (ids,)).fetchall())
        return len(found) == len(ids)

    wait_until(complete, 30, "submissions are missing", step_s=0.2)
    return found


def _find_slow(sent: list[float], waits: list[float]) -> list[str]:
    slow = [(at - sent[0], wait) for at, wait in zip(sent, waits, strict=True) if wait * 1000 >= _MUST_P99_MS]
    return [f"{at:.1f}: {wait * 1000:.0f}" for at, wait in slow[:20]]


def _describe(case: str, waits: Waits, details: dict[str, object], say: Say) -> Figure:
    whole, after, accept, sent = waits
    p50, p99 = quantile_ms(whole, 0.5), quantile_ms(whole, 0.99)
    after50, after99 = quantile_ms(after, 0.5), quantile_ms(after, 0.99)
    say(f"verify, {case}: from POST {p50}/{p99} ms, from reply {after50}/{after99} ms ({len(whole)} messages)")
    good = max(p50, after50) < _MUST_P50_MS and max(p99, after99) < _MUST_P99_MS
    shown = {
        **details,
        "messages": len(whole),
        "POST to reply p50/p99 ms": f"{quantile_ms(accept, 0.5)}/{quantile_ms(accept, 0.99)}",
        "over 100 ms (second of the run: ms)": _find_slow(sent, whole),
    }
    return Figure(
        f"verify/{case}", f"a VERIFY message to its submit, {case}", "p50 < 20 ms, p99 < 100 ms",
        f"from POST {p50}/{p99} ms, from reply {after50}/{after99} ms", good, f"{ONE_EACH}; 1 prober", shown,
        Own(p50, "ms", more_is_better=False),
    )  # fmt: skip
