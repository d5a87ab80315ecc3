"""The load generator: a process of its own, `python -m bench.load`; a Task on stdin, a Result on stdout, both JSON.

One loop over epoll and plain sockets, requests built before the clock runs: the cheapest client that Python gives, and
the same one for every server that is compared. Kinds of task: `flood` keeps `connections` busy with single sends for
`seconds`; `posts` sends POSTs of the `counts` given, one after the other or every `every_s`.
"""

from __future__ import annotations

import select
import socket
import sys
import time

import msgspec

from bench.wire import Caller, build_send, make_numbers

_READY_REQUESTS = 4096
_ANSWER_S = 120.0
_GOOD = b'"status":0,'


class Task(msgspec.Struct, kw_only=True):
    """What to do."""

    port: int
    account: str
    api_key: str
    kind: str = "flood"
    connections: int = 64
    warm_s: float = 1.0
    seconds: float = 4.0
    counts: list[int] = msgspec.field(default_factory=list)
    every_s: float = 0.0
    first_number: int = 0
    action: str = "NOTIFICATION"


class Result(msgspec.Struct, kw_only=True):
    """What came of it."""

    answered: int = 0  # in the measured time
    answered_in_all: int = 0
    bad: int = 0  # answers that are no acceptance
    sample: str = ""  # the first of them
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    began: list[float] = msgspec.field(default_factory=list)  # epoch seconds of each POST
    took_s: list[float] = msgspec.field(default_factory=list)
    cpu_s: float = 0.0  # of the generator itself, building the requests left out


def connect(port: int) -> socket.socket:
    """A connection to this machine's server."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def ask(sock: socket.socket, request: bytes) -> bytes:
    """One request on a kept connection; head and body of the answer. Raises OSError where the server hangs up."""
    sock.sendall(request)
    data = bytearray(sock.recv(1 << 18))
    while (want := _whole_length(data)) is None or len(data) < want:
        piece = sock.recv(1 << 18)
        if not piece:
            raise ConnectionError("the server closed the connection")
        data += piece
    return bytes(data)


def _whole_length(data: bytes | bytearray) -> int | None:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    at = data[:end].lower().find(b"content-length:")
    if at < 0:
        return end + 4
    return end + 4 + int(data[at + 15 : data.find(b"\r\n", at)])


class _Flood:
    """64 connections that are never idle."""

    def __init__(self, task: Task) -> None:
        caller = Caller(task.port, task.account, task.api_key)
        numbers = make_numbers(task.first_number, _READY_REQUESTS)
        self._requests = [build_send(caller, [number], task.action) for number in numbers]
        self._task = task
        self._result = Result()
        self._sent: dict[int, float] = {}
        self._waits: list[float] = []

    def run(self) -> Result:
        task, result = self._task, self._result
        socks = {sock.fileno(): sock for sock in (connect(task.port) for _ in range(task.connections))}
        poll = select.epoll()
        cpu_s, began = time.process_time(), time.perf_counter()
        starts, ends = began + task.warm_s, began + task.warm_s + task.seconds
        for place, (number, sock) in enumerate(socks.items()):
            poll.register(number, select.EPOLLIN)
            self._sent[number] = time.perf_counter()
            sock.sendall(self._requests[place])
        self._turn(poll, socks, (starts, ends))
        waits = sorted(self._waits) or [0.0]
        result.answered, result.seconds = len(self._waits), task.seconds
        result.p50_ms, result.p99_ms = (round(waits[int(len(waits) * q)] * 1000, 2) for q in (0.5, 0.99))
        result.cpu_s = time.process_time() - cpu_s
        for sock in socks.values():
            sock.close()
        return result

    def _turn(self, poll: select.epoll, socks: dict[int, socket.socket], span: tuple[float, float]) -> None:
        starts, ends = span
        requests, sent, waits, at = self._requests, self._sent, self._waits, len(socks)
        now = 0.0
        while now < ends:
            for number, _ in poll.poll(1.0):
                data = socks[number].recv(65536)
                self._check(data, socks[number])
                now = time.perf_counter()
                if starts <= now < ends:
                    waits.append(now - sent[number])
                at += 1
                sent[number] = now
                socks[number].send(requests[at % _READY_REQUESTS])
            now = time.perf_counter()

    def _check(self, data: bytes, sock: socket.socket) -> None:
        if not data:
            raise ConnectionError("the server closed a connection")
        while (want := _whole_length(data)) is None or len(data) < want:
            data += sock.recv(65536)
        self._result.answered_in_all += 1
        if _GOOD not in data:
            self._result.bad += 1
            self._result.sample = self._result.sample or data[-300:].decode("utf-8", "replace")


def _send_posts(task: Task) -> Result:
    caller = Caller(task.port, task.account, task.api_key)
    requests, first = [], task.first_number
    for count in task.counts:
        requests.append(build_send(caller, make_numbers(first, count), task.action))
        first += count
    result = Result()
    sock = connect(task.port)
    cpu_s, start = time.process_time(), time.monotonic()
    for place, request in enumerate(requests):
        time.sleep(max(0.0, start + place * task.every_s - time.monotonic()))
        result.began.append(time.time())
        began = time.perf_counter()
        answer = ask(sock, request)
        result.took_s.append(time.perf_counter() - began)
        result.answered_in_all += 1
        if _GOOD not in answer:
            result.bad += 1
            result.sample = result.sample or answer[-300:].decode("utf-8", "replace")
    sock.close()
    result.cpu_s = time.process_time() - cpu_s
    return result


def main() -> None:
    """Read a Task, do it, print the Result."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    result = _Flood(task).run() if task.kind == "flood" else _send_posts(task)
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
