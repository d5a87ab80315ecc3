"""node-smpp's peers: an SMSC with faults on demand, a customer, and a client that sends as quick as it can.

What may be set is at the head of `node/smsc.js`, `node/customer.js` and `node/load.js`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.peers.program import Program, start_node

USER = "tester"
PASSWORD = "secret"


class Smsc:
    """The SMSC's door for tests. Events: bind, submit, taken, answered (a delivery was), nack, closed, error."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.port = int(program.wait("listening")[0]["port"])

    def set(self, **options: Any) -> None:
        """Change options; they hold when this returns."""
        self.program.ask("set", "set", **options)

    def counts(self) -> dict[str, Any]:
        """submits (last_at_ms: the last one, epoch), taken, refused, receipts, acked; waiting: undelivered; bound: each session."""
        return self.program.ask("count", "counts")

    def submits(self) -> list[dict[str, Any]]:
        """Every submit_sm that came, as `describe` in `node/wire.js` puts it, with the status it was answered (None: not)."""
        return self.program.heard("submit")

    def deliver(self, **fields: Any) -> None:
        """A deliver_sm to a customer who can receive: fields of the PDU, with `text` (and `udh`) or `hex`, and `tlvs`."""
        self.program.tell("deliver", **fields)

    def deliver_parts(self, texts: list[str], reference: int = 7, **fields: Any) -> None:
        """A reply of several parts, last part first; data_coding among the fields says how node-smpp encodes them."""
        for place in range(len(texts), 0, -1):
            udh = bytes((5, 0, 3, reference, len(texts), place)).hex()
            self.deliver(text=texts[place - 1], udh=udh, esm_class=0x40, **fields)

    def drop(self) -> None:
        """Close every connection without a word."""
        self.program.tell("drop")


@contextlib.contextmanager
def run_smsc(directory: Path, **options: Any) -> Iterator[Smsc]:
    """An SMSC for the time of the block."""
    program = start_node("smsc.js", options, directory / "node-smsc.log")
    try:
        yield Smsc(program)
    finally:
        program.end()


@contextlib.contextmanager
def run_customer(directory: Path, port: int, **options: Any) -> Iterator[Program]:
    """A bound customer for the time of the block. Commands: submit, ask, set, unbind, drop; events: answer, delivered ..."""
    program = start_node("customer.js", {"port": port, **options}, directory / "node-customer.log")
    try:
        program.wait("bound")
        yield program
    finally:
        program.end()


def measure_client(directory: Path, port: int, count: int, window: int, **options: Any) -> dict[str, Any]:
    """Submit so many: rate, took_s, cpu_s, statuses, ids (asked for with `with_ids`)."""
    settings = {"port": port, "count": count, "window": window, **options}
    program = start_node("load.js", settings, directory / "node-load.log")
    try:
        return program.wait("done", timeout_s=120)[0]
    finally:
        program.end()
