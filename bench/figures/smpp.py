"""SMPP: the link alone beside the node-smpp client, then a POST of 50,000 on its whole way beside Kannel.

The clients' peer answers at once and reads next to nothing (answerer.py); that of the product and of Kannel is the shipped
simulator in a process of its own. Kannel is set up as in kannel.py, which says how.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.peers.node_smpp import measure_client

from bench import side
from bench.children import BrokenError, Receiver, run_answerer, run_receiver
from bench.figure import ONE_EACH, Figure, Own, Say, median
from bench.figures import kannel
from bench.processes import Seen
from bench.product import Product, run_product, wait_until
from bench.smsc import PASSWORD, USER, Smsc, run_smsc

_ALONE, _WINDOW = 50_000, 100
_FIRST = 6281231000000  # no number that misbehaves
_COUNT, _ROUNDS = 50_000, 3
_LIMIT_S = 120.0
_NAME = "smpp"
_MUST_ALONE, _MUST_KANNEL = 3.0, 1.2


class _Rounds(NamedTuple):
    """Seconds from the POST to the last submit, and to the last row at the receiver; CPU by process."""

    submitted: list[float]
    pushed: list[float]
    cpu: dict[str, float]


def measure(say: Say) -> list[Figure]:
    """Three figures: the link alone, all submitted against Kannel, all receipts matched and pushed."""
    return [_measure_alone(say), *_measure_way(say)]


def _measure_alone(say: Say) -> Figure:
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    with run_answerer() as port, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name:
        for _ in range(_ROUNDS):
            ours.append(_run_link(port))
            if side.is_alone():
                continue
            theirs.append(
                measure_client(Path(name), port, _ALONE, _WINDOW, system_id=USER, password=PASSWORD, first=_FIRST)
            )
            say(f"smpp link alone: {ours[-1]['rate']:,.0f}/s; node-smpp {theirs[-1]['rate']:,.0f}/s")
    own = Own(median([each["rate"] for each in ours]), "submits/s")
    if side.is_alone():
        what = "submit_sm/s of the link alone"
        return Figure("smpp/link", what, "for comparison", f"{own.value:,.0f}/s", True, "1 answerer", {}, own)
    ratio = own.value / median([each["rate"] for each in theirs])
    return Figure(
        "smpp/link", "submit_sm/s of the link alone, against the node-smpp client on the same peer", f">= {_MUST_ALONE:g}",
        f"{ratio:.2f}", ratio >= _MUST_ALONE, "1 answerer, 1 client",
        {"ours/s": _rates(ours), "node-smpp/s": _rates(theirs),
         "ours, CPU us a submit": [round(each["cpu_s"] / _ALONE * 1e6, 1) for each in ours],
         "node-smpp, CPU us a submit": [round(each["cpu_s"] / _ALONE * 1e6, 1) for each in theirs],
         "window": _WINDOW, "submits": _ALONE},
        own,
    )  # fmt: skip


def _rates(runs: list[dict[str, Any]]) -> list[int]:
    return [round(each["rate"]) for each in runs]


def _run_link(port: int) -> dict[str, Any]:
    words = [side.find_python(), "-m", "bench.link", str(port), str(_ALONE), str(_WINDOW)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_LIMIT_S)
    if done.returncode != 0:
        raise BrokenError(f"the link alone: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    if found["kinds"] != {"ACCEPTED": _ALONE}:
        raise BrokenError(f"the link alone: {found['kinds']}")
    return found


def _measure_way(say: Say) -> list[Figure]:
    plain = _run_rounds(say, "no receipts asked for, as of Kannel", receipts=False)
    whole_way = _run_rounds(say, "with receipts", receipts=True)
    rate, whole = _COUNT / median(plain.submitted), _COUNT / median(whole_way.pushed)
    pushed = Figure(
        "smpp/pushed", "the same to all receipts matched and pushed", "for comparison", f"{whole:,.0f}/s", True,
        f"{ONE_EACH}; 1 simulator, 1 receiver",
        {"seconds": _round(whole_way.pushed), "submitted in s": _round(whole_way.submitted), "CPU us/message": whole_way.cpu},
        Own(whole, "messages/s"),
    )  # fmt: skip
    return [_describe_submitted(plain, rate, say), pushed]


def _describe_submitted(plain: _Rounds, rate: float, say: Say) -> Figure:
    name, what = "smpp/submitted", "POST of 50,000 to all submitted over SMPP"
    own, details = Own(rate, "messages/s"), {"seconds": _round(plain.submitted), "CPU us/message": plain.cpu}
    if side.is_alone():
        processes = f"{ONE_EACH}; 1 simulator, 1 client"
        return Figure(name, what, "for comparison", f"{rate:,.0f}/s", True, processes, details, own)
    theirs = kannel.measure_rate(say)
    ratio = rate / theirs.rate
    return Figure(
        name, f"{what}, against Kannel on the same peer", f">= {_MUST_KANNEL:g}",
        f"{ratio:.2f} ({rate:,.0f}/s to {theirs.rate:,.0f}/s)", ratio >= _MUST_KANNEL,
        f"{ONE_EACH}; 1 simulator, 1 client", {**details, **theirs.details}, own,
    )  # fmt: skip


def _run_rounds(say: Say, what: str, *, receipts: bool) -> _Rounds:
    found = _Rounds([], [], {})
    with run_smsc("--window", "1000") as smsc, run_product() as product, run_receiver() as receiver:
        _prepare(product, receiver, smsc, receipts=receipts)
        product.settle()
        meter = product.meter(Seen("simulator", smsc.pid), Seen("receiver", receiver.pid))
        for _ in range(_ROUNDS):
            submitted, pushed = _run_once(product, receiver if receipts else None, smsc)
            found.submitted.append(submitted)
            found.pushed.append(pushed)
            say(
                f"smpp, {what}: {_COUNT:,} submitted in {submitted:.2f} s"
                + (f", pushed in {pushed:.2f} s" if receipts else "")
            )
        found.cpu.update(meter.per_message_us(_ROUNDS * _COUNT))
    return found


def _round(values: list[float]) -> list[float]:
    return [round(each, 2) for each in values]


def _prepare(product: Product, receiver: Receiver, smsc: Smsc, *, receipts: bool) -> None:
    config = {
        "host": "127.0.0.1", "port": smsc.port, "system_id": USER, "password": PASSWORD, "window": 1000, "reconnect_s": 0.1,
        "receipts": receipts,
    }  # fmt: skip
    product.tocsin("webhook", "set", "bench", "sms", receiver.url(_NAME))
    product.tocsin("channel", "add", "smpp", "smpp", "--config", json.dumps(config))
    product.tocsin("route", "add", "sms", "smpp", "--account", "bench")
    wait_until(lambda: smsc.counts()["sessions"] == 1, 30, "the channel does not bind")
    # Until the API knows the route, messages go to the sandbox.
    wait_until(
        lambda: product.send_one("81234567801") == 0 and smsc.counts()["taken"] > 0, 30, "nothing goes by SMPP", 0.5
    )
    product.post([2000])
    product.wait_drained(60)


def _run_once(product: Product, receiver: Receiver | None, smsc: Smsc) -> tuple[float, float]:
    """Seconds from the POST to the last submit, and to the last row at the receiver (0: nothing is pushed)."""
    rows, taken = receiver.counted(_NAME).rows if receiver else 0, smsc.counts()["taken"]
    result = product.post([_COUNT])
    wait_until(lambda: smsc.counts()["taken"] - taken >= _COUNT, _LIMIT_S, "not all was submitted")
    last_at = smsc.counts()["last_at"]
    if receiver is not None:
        wait_until(lambda: receiver.counted(_NAME).rows - rows >= _COUNT, _LIMIT_S, "not all was pushed")
    product.wait_drained(60)
    if smsc.counts()["taken"] - taken != _COUNT:
        raise BrokenError(f"{smsc.counts()['taken'] - taken} submits of {_COUNT}")
    time.sleep(0.5)
    return last_at - result.began[0], receiver.counted(_NAME).last_at - result.began[0] if receiver else 0.0
