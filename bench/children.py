"""Our own helpers as child processes: load generator, receiver, bare servers. Ended by their handle, never by name."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from bench.load import Result, Task
from bench.receiver import Counted

_END_S = 10.0


class BrokenError(Exception):
    """A figure could not be measured; the text says why."""


class Load:
    """A load generator at work."""

    def __init__(self, task: Task) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(task))
        self._process.stdin.close()
        self._process.stdin = None
        self.pid = self._process.pid

    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def result(self, limit_s: float = 300.0) -> Result:
        """Wait for it. Raises BrokenError where anything was not accepted."""
        out, _ = self._process.communicate(timeout=limit_s)
        if self._process.returncode != 0:
            raise BrokenError(f"the load generator ended with code {self._process.returncode}")
        result = msgspec.json.decode(out, type=Result)
        if result.bad:
            raise BrokenError(f"{result.bad} of {result.answered_in_all} requests were not accepted: {result.sample}")
        return result

    def end(self) -> None:
        """Stop it if it still runs."""
        _end(self._process)


class Receiver(NamedTuple):
    """The receiver's door."""

    port: int
    pid: int

    def url(self, name: str, wait_ms: int = 0) -> str:
        return f"http://127.0.0.1:{self.port}/{name}" + (f"?wait_ms={wait_ms}" if wait_ms else "")

    def counted(self, name: str) -> Counted:
        """What came under a name so far."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", f"/{name}")
            return msgspec.json.decode(connection.getresponse().read(), type=Counted)
        finally:
            connection.close()


@contextlib.contextmanager
def run_receiver() -> Iterator[Receiver]:
    """A receiver for the time of the block."""
    with _run("bench.receiver") as (process, port):
        yield Receiver(port, process.pid)


@contextlib.contextmanager
def run_answerer() -> Iterator[int]:
    """An SMPP peer that answers at once; its port."""
    with _run("bench.answerer") as (_, port):
        yield port


@contextlib.contextmanager
def run_bare(kind: str, dsn: str) -> Iterator[tuple[int, int]]:
    """A bare server, `front`, `rsgi` or `starlette`; its port and pid."""
    with _run("bench.bare", kind, dsn) as (process, port):
        yield port, process.pid


@contextlib.contextmanager
def run_strangers(port: int, kind: str, *, wait: bool = True) -> Iterator[Callable[[], bool]]:
    """Strangers at the door, see bench/strangers.py; whether they have ended. `wait`: until they are there."""
    words = [sys.executable, "-m", "bench.strangers", str(port), kind]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if wait and (process.stdout is None or not process.stdout.readline()):
            raise BrokenError("the strangers did not come")
        yield lambda: process.poll() is not None
    finally:
        if process.stdin is not None:
            process.stdin.close()
        _end(process)


@contextlib.contextmanager
def _run(module: str, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    process = subprocess.Popen([sys.executable, "-m", module, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line:
            raise BrokenError(f"{module} did not start")
        yield process, int(line)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
