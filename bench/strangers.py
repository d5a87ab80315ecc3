"""Strangers at the API's door, in a process of their own: `python -m bench.strangers PORT KIND`, a line when they are there.

`slow`: 3,000 connections of one address that send a byte of a head each second and come again when they are cut, and 500 of
another address that say nothing. `large`: 40 that declare 29 MB under a wrong sign and send them. Until stdin ends.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import threading
import time

from bench.wire import PATH
from tocsin.kit.files import raise_file_limit

SLOW, IDLE, LARGE = 3000, 500, 40
BODY_BYTES = 29 * 1024 * 1024
_SLOW_FROM, _IDLE_FROM = "127.0.0.2", "127.0.0.3"
_BYTE_S = 1.0
_PIECE = b"x" * (1 << 20)


class Strangers:
    """Connections that are kept up."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ready = selectors.DefaultSelector()
        self._slow: list[socket.socket] = []

    def open(self, source: str) -> socket.socket | None:
        """One more, watched for its end."""
        sock = socket.socket()
        sock.bind((source, 0))
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(("127.0.0.1", self._port))
        self._ready.register(sock, selectors.EVENT_READ, source)
        return sock

    def run(self, told: threading.Event) -> None:
        """Until told to end."""
        self._slow = [sock for _ in range(SLOW) if (sock := self.open(_SLOW_FROM))]
        for _ in range(IDLE):
            self.open(_IDLE_FROM)
        time.sleep(1.0)
        print("there", flush=True)
        while not told.is_set():
            began = time.monotonic()
            for sock in self._slow:
                with contextlib.suppress(OSError):
                    sock.send(b"P")
            while (left_s := began + _BYTE_S - time.monotonic()) > 0 and not told.is_set():
                self._replace(left_s)

    def _replace(self, wait_s: float) -> None:
        """Who was cut comes again, a hundred in a tenth of a second at most."""
        for key, _ in self._ready.select(wait_s)[:100]:
            sock: socket.socket = key.fileobj  # type: ignore[assignment]
            with contextlib.suppress(OSError):
                if sock.recv(4096):
                    continue
            self._ready.unregister(sock)
            sock.close()
            another = self.open(key.data)
            if another is not None and sock in self._slow:
                self._slow[self._slow.index(sock)] = another
        time.sleep(0.1)


def send_large(port: int) -> None:
    """All at once, each to the end of what it declared or of the connection."""

    def one() -> None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 60) as sock:
            target = f"{PATH.replace('sms/sendbatchsms', 'email/sendEmail')}?account=bench&sign={'0' * 32}&datetime=1"
            sock.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_BYTES}\r\n\r\n".encode())
            for _ in range(BODY_BYTES // len(_PIECE)):
                sock.sendall(_PIECE)

    threads = [threading.Thread(target=one) for _ in range(LARGE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("there", flush=True)


def main() -> None:
    """As the arguments say."""
    port, kind = int(sys.argv[1]), sys.argv[2]
    if kind == "large":
        send_large(port)
        return
    told = threading.Event()
    threading.Thread(target=_wait_for_end, args=(told,), daemon=True).start()
    raise_file_limit()
    Strangers(port).run(told)


def _wait_for_end(told: threading.Event) -> None:
    sys.stdin.read()
    told.set()


if __name__ == "__main__":
    main()
