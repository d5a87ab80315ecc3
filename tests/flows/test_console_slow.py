"""Who sends or reads slowly: more of them than the console has threads, and a person's page comes all the same."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.console_bed import Console, with_limits
from tests.poll import PATIENCE_S

MANY = 60  # of each kind; the console has 8 threads
LOGIN = "/user/login/"
HEAD = f"POST {LOGIN} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
BODY = b"login=nobody%40example.com&password=wrong"
STALLED_HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nA: "
STALLED_BODY = f"{HEAD}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:-1]
QUICK = with_limits("head_s=0.5, body_s=0.5, idle_s=0.7, write_s=1.0, drain_s=0.5, sweep_s=0.05")
PATIENT = with_limits("head_s=600, body_s=600, write_s=600")
STATIC = "/static/tabler/css/tabler.min.css"


@contextlib.contextmanager
def running(directory: Path, dsn: str, code: str) -> Iterator[Console]:
    console = Console(directory, dsn, code)
    try:
        yield console
    finally:
        console.process.kill()
        console.process.wait(PATIENCE_S)


def read_all(line: socket.socket) -> bytes:
    """Until the other end closes, or resets."""
    came = b""
    with contextlib.suppress(ConnectionError):
        while piece := line.recv(1 << 16):
            came += piece
    return came


def test_slow_senders_and_readers_hold_no_thread(tmp_path: Path, database: str) -> None:
    with running(tmp_path, database, PATIENT) as console, contextlib.ExitStack() as open_ones:

        def connect(sent: bytes) -> socket.socket:
            return open_ones.enter_context(contextlib.closing(console.connect(sent)))

        heads = [connect(STALLED_HEAD) for _ in range(MANY)]
        bodies = [connect(STALLED_BODY) for _ in range(MANY)]
        for _ in range(20):
            connect(f"GET {STATIC} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * 20)
        status, text = console.get(LOGIN)
        assert status == 200
        assert "csrfmiddlewaretoken" in text
        heads[-1].sendall(b"b\r\nConnection: close\r\n\r\n")
        assert read_all(heads[-1]).startswith(b"HTTP/1.1 200 ")
        bodies[-1].sendall(BODY[-1:])
        assert re.match(rb"HTTP/1.1 403 ", bodies[-1].recv(1 << 16)), "a form without its token, read to its end"


def test_what_stalls_is_ended_within_its_deadline(tmp_path: Path, database: str) -> None:
    with running(tmp_path, database, QUICK) as console:
        head, body, idle = console.connect(STALLED_HEAD), console.connect(STALLED_BODY), console.connect(b"")
        reader = console.connect(f"GET {STATIC} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * 100)
        for line in (head, body):
            came = read_all(line).decode()
            assert came.startswith("HTTP/1.1 408 ")
            assert "came too slowly" in came
            assert "太慢" in came
        assert read_all(idle) == b""
        # It has read nothing: a connection that is cut can be written to no more.
        with pytest.raises(ConnectionError):
            _write_until_cut(reader)
        assert console.get(LOGIN)[0] == 200
        assert '"level":"error"' not in console.log.read_text()


def _write_until_cut(line: socket.socket) -> None:
    deadline = time.monotonic() + PATIENCE_S
    line.settimeout(0.05)
    while time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError):
            line.sendall(b"GET ")
