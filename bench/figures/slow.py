"""A receiver that takes 100 ms an answer, and another account's single pushes meanwhile."""

from __future__ import annotations

import socket
import time

from bench.children import BrokenError, Receiver, run_receiver
from bench.figure import ONE_EACH, Figure, Own, Say, quantile_ms
from bench.load import ask, connect
from bench.product import Product, run_product, wait_until
from bench.receiver import SINGLE
from bench.wire import Caller, build_send, make_numbers

_ROWS, _WAIT_MS, _POST = 50_000, 100, 10_000
_PROBES, _FEWEST, _EVERY_S = 60, 20, 0.1
_MUST_ROWS = 3000
_TIMES, _MORE_MS = 1.5, 10.0
_LIMIT_S = 60.0
_OPEN = "SELECT (SELECT count(*) FROM message) - (SELECT count(*) FROM report WHERE status <> 0)"


def measure(say: Say) -> list[Figure]:
    """One figure."""
    with run_product() as product, run_receiver() as receiver:
        quick = product.make_account("quick")
        product.tocsin("webhook", "set", "quick", "sms", receiver.url(SINGLE))
        product.tocsin("webhook", "set", "bench", "sms", receiver.url("slow", _WAIT_MS))
        _pause(product)
        product.post([_POST] * (_ROWS // _POST))
        # From here on nothing but the pusher has work with the first account's messages.
        wait_until(lambda: product.count(_OPEN) == 0, _LIMIT_S, "not every message has its report", step_s=0.5)
        alone = _probe(product, receiver, quick, _PROBES)
        product.tocsin("webhook", "resume", "bench", "sms")
        wait_until(lambda: receiver.counted("slow").rows > 0, _LIMIT_S, "nothing comes to the slow receiver")
        beside = _probe(product, receiver, quick, _PROBES, while_slow=True)
        wait_until(lambda: receiver.counted("slow").rows >= _ROWS, _LIMIT_S, "rows are missing at the slow receiver")
        counted = receiver.counted("slow")
        rate = counted.rows / (counted.last_at + _WAIT_MS / 1000 - counted.first_at)
        say(
            f"slow: {rate:.0f} rows/s; quick account p50 {quantile_ms(alone, 0.5)} ms alone, "
            f"{quantile_ms(beside, 0.5)} ms beside it"
        )
    return [
        _describe(
            rate, alone, beside, {"rows": counted.rows, "pushes": counted.pushes, "single messages beside": len(beside)}
        )
    ]


def _pause(product: Product) -> None:
    """As 72 h without an answer would: the rows wait, so that the slow endpoint has work from its start to its end."""
    time.sleep(1.5)  # the pusher knows the endpoint
    with product.connect() as conn:
        conn.execute("UPDATE endpoint SET paused_at = now(), paused_reason = 'bench' WHERE url LIKE '%wait_ms%'")


def _probe(
    product: Product, receiver: Receiver, caller: Caller, count: int, *, while_slow: bool = False
) -> list[float]:
    """Seconds from the start of a POST to its report's arrival, one message at a time."""
    numbers = make_numbers(product.take_numbers(count), count)
    requests = [build_send(caller, [number]) for number in numbers]
    sock = connect(product.port)
    sent: dict[str, float] = {}
    for request in requests:
        if while_slow and receiver.counted("slow").rows >= _ROWS - 1000:
            break
        began = time.time()
        sent[_read_id(sock, request)] = began
        time.sleep(max(0.0, began + _EVERY_S - time.time()))
    sock.close()
    if len(sent) < min(count, _FEWEST):
        raise BrokenError("the slow receiver was served before the other account could be looked at")
    wait_until(lambda: sent.keys() <= receiver.counted(SINGLE).ids.keys(), _LIMIT_S, "single reports are missing")
    arrived = receiver.counted(SINGLE).ids
    return [arrived[message_id] - began for message_id, began in sent.items()]


def _read_id(sock: socket.socket, request: bytes) -> str:
    answer = ask(sock, request)
    at = answer.find(b'"messageId":"')
    if at < 0:
        raise BrokenError(f"a message was not accepted: {answer[-200:].decode('utf-8', 'replace')}")
    return answer[at + 13 : at + 45].decode()


def _describe(rate: float, alone: list[float], beside: list[float], details: dict[str, object]) -> Figure:
    before, after = quantile_ms(alone, 0.5), quantile_ms(beside, 0.5)
    as_quick = after <= max(before * _TIMES, before + _MORE_MS)
    return Figure(
        "slow receiver", "a receiver that takes 100 ms an answer, and another account's pushes",
        f">= {_MUST_ROWS:,} rows/s; the other as quick", f"{rate:,.0f} rows/s; p50 {before} ms alone, {after} ms beside it",
        rate >= _MUST_ROWS and as_quick, f"{ONE_EACH}; 1 receiver",
        {**details, "other account p50/p90 ms alone": f"{before}/{quantile_ms(alone, 0.9)}",
         "other account p50/p90 ms beside": f"{after}/{quantile_ms(beside, 0.9)}"},
        Own(rate, "rows/s"),
    )  # fmt: skip
