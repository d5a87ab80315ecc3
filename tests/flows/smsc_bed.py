"""The simulator on the test's own loop or as a process, and customers of it on our own core."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

from tests.poll import PATIENCE_S, until
from tocsin.kit import clock
from tocsin.smpp import (
    Answered,
    Asked,
    Bind,
    Bound,
    Command,
    Ended,
    Event,
    Expired,
    Message,
    Role,
    State,
    Status,
    Stream,
    Tag,
    Terms,
    connect,
)
from tocsin.smsc import Faults, Options, Smsc, Step

USUAL = b"491701234567"
BIND = Bind(b"acme")


class Answer(NamedTuple):
    """Of a submit; status -1: it never came."""

    token: object
    status: int
    message_id: bytes


class Customer:
    """Binds, submits, and acknowledges what it gets by `statuses` (then by OK); all in `heard`, in order."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.answers: list[Answer] = []
        self.received: list[Message] = []
        self.heard: list[str] = []
        self.refuse_with: list[int] = []
        self.mute = False
        self.ended: Ended | None = None
        self.stream: Stream

    async def bind(
        self, address: tuple[str, int], command: Command, bind: Bind, tls: ssl.SSLContext | None = None
    ) -> None:
        self.stream = await connect(*address, tls, lambda: Stream(Role.ESME, self.terms, self._on_events), 5)
        self.stream.session.bind(command, bind, clock.monotonic_s())
        self.stream.flush()
        await until(lambda: self.ended is not None or self.stream.session.state is not State.OPEN)

    def _on_events(self, stream: Stream, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Answered):
                self.answers.append(Answer(event.token, event.status, event.message_id))
                self.heard.append("answer")
            elif isinstance(event, Expired):
                self.answers.append(Answer(event.token, -1, b""))
            elif isinstance(event, Asked):
                assert isinstance(event.body, Message)
                self.received.append(event.body)
                self.heard.append("receipt" if event.body.esm_class else "reply")
                if not self.mute:
                    stream.session.answer(event, self.refuse_with.pop(0) if self.refuse_with else Status.OK)
            elif isinstance(event, Ended):
                self.ended = event
            else:
                assert isinstance(event, Bound)

    def submit(self, *messages: Message, command: Command = Command.SUBMIT_SM) -> None:
        for message in messages:
            self.stream.session.request(command, message, message.destination, clock.monotonic_s())
        self.stream.flush()

    async def ask(self, message: Message, command: Command = Command.SUBMIT_SM) -> Answer:
        """Submit, and wait for the answer."""
        count = len(self.answers)
        self.submit(message, command=command)
        await until(lambda: len(self.answers) > count)
        return self.answers[-1]

    async def receive(self, count: int) -> list[Message]:
        await until(lambda: len(self.received) >= count)
        return self.received

    def ids(self) -> list[bytes]:
        return [message.tlvs[Tag.RECEIPTED_MESSAGE_ID].rstrip(b"\0") for message in self.received if message.tlvs]


def text_to(number: bytes, text: bytes = b"hello", registered: int = 1, **more: object) -> Message:
    return Message(number, b"ACME", text, registered=registered, **more)  # type: ignore[arg-type]


def numbered(fate: str) -> bytes:
    return b"8120" + b"00099" + fate.encode()


class Bed:
    """The simulator and what is to be closed."""

    def __init__(self, smsc: Smsc, address: tuple[str, int]) -> None:
        self.smsc = smsc
        self.address = address
        self.customers: list[Customer] = []

    async def customer(
        self,
        command: Command = Command.BIND_TRANSCEIVER,
        terms: Terms | None = None,
        *,
        mute: bool = False,
        bind: Bind = BIND,
    ) -> Customer:
        customer = Customer(terms or Terms(window=1_000, response_s=0.6))
        customer.mute = mute
        await customer.bind(self.address, command, bind)
        self.customers.append(customer)
        return customer


@contextlib.asynccontextmanager
async def running(options: Options | None = None, *steps: Step, faults: Faults | None = None) -> AsyncIterator[Bed]:
    smsc = Smsc(options or Options(), steps)
    bed = Bed(smsc, await smsc.start("127.0.0.1", 0))
    if faults is not None:
        smsc.script.set(faults)
    try:
        yield bed
    finally:
        for customer in bed.customers:
            customer.stream.close()
        await smsc.close()
        for customer in bed.customers:
            await customer.stream.closed.wait()


class Process:
    """A simulator that is driven by its standard input."""

    def __init__(self, *options: str) -> None:
        words = [sys.executable, "-m", "tocsin", "smsc", "--port", "0", "--json", "--control", *options]
        self.popen = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        address = self.read()["listening"]
        self.address = (str(address["host"]), int(address["port"]))

    def read(self) -> Any:
        assert self.popen.stdout is not None
        return json.loads(self.popen.stdout.readline())

    def obey(self, order: object) -> Any:
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(order).encode() + b"\n")
        self.popen.stdin.flush()
        return self.read()


@contextlib.contextmanager
def started(*options: str) -> Iterator[Process]:
    process = Process(*options)
    try:
        yield process
        assert process.popen.stdin is not None
        process.popen.stdin.close()
        assert process.popen.wait(PATIENCE_S) == 0
    finally:
        process.popen.kill()
        process.popen.wait()
        assert process.popen.stdout is not None
        process.popen.stdout.close()
