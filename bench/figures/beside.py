"""The whole way of a message while people use the console on the same two cores, against the same with the console idle."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

from bench.children import run_receiver
from bench.crawl import Visitor
from bench.figure import ONE_EACH, Figure, Own, Say, median
from bench.figures.flow import NAME, Rounds, run_once, wait_rows
from bench.product import Product, run_product
from tocsin.bootstrap.login import LOGIN, PASSWORD

_ROUNDS: Final = 4
_EVERY_S: Final = 0.2
_MUST: Final = 0.9
_PAGES: Final = ("/?stay", "/messages/", "/quick-start/", "/keys/", "/messages/?number=62813")


def measure(say: Say) -> list[Figure]:
    """One figure."""
    idle, used = Rounds(), Rounds()
    loads: list[float] = []
    with run_product(console=True) as product, run_receiver() as receiver:
        product.tocsin("webhook", "set", "bench", "sms", receiver.url(NAME))
        product.tocsin("demo", "seed", "--messages", "20000")
        product.post([2000])
        wait_rows(receiver, 2000)
        product.wait_drained(30)
        for number in range(_ROUNDS):
            idle.rates.append(run_once(product, receiver, idle)[0])
            with _visit(product, loads):
                used.rates.append(run_once(product, receiver, used)[0])
            say(f"beside, round {number + 1}: {idle.rates[-1]:.0f} messages/s, with visitors {used.rates[-1]:.0f}")
    ratio = median([one / other for one, other in zip(used.rates, idle.rates, strict=True)])
    details = {
        "messages/s, console idle": [round(rate) for rate in idle.rates],
        "messages/s, console in use": [round(rate) for rate in used.rates],
        "pages loaded": len(loads), "median of a page meanwhile, ms": round(1000 * median(loads)),
    }  # fmt: skip
    return [
        Figure(
            "beside", f"the flow while {1 / _EVERY_S:.0f} pages a second are read in the console, against it idle",
            f">= {_MUST}", f"{ratio:.2f}", ratio >= _MUST, f"1 console, {ONE_EACH}; 1 client, 1 receiver", details,
            Own(median(used.rates), "messages/s"),
        )
    ]  # fmt: skip


@contextlib.contextmanager
def _visit(product: Product, loads: list[float]) -> Iterator[None]:
    """Somebody who reads page after page for the time of the block; how long each took goes to `loads`."""
    over = threading.Event()

    def read() -> None:
        visitor = Visitor(product.console_port)
        visitor.log_in(LOGIN, PASSWORD)
        turn = 0
        while not over.wait(max(0.0, _EVERY_S - (loads[-1] if turn else 0))):
            loads.append(visitor.time(_PAGES[turn % len(_PAGES)]))
            turn += 1

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()
