"""Starts the process that reads a table, and takes its rows. See child.py for the limits."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from tocsin.kit import clock
from tocsin.tables.read import Fault, TableError

Rows = list[tuple[int, list[str]]]

LENGTH: Final = 4
END: Final = "end"
MOST_CPU_S: Final = 60
MOST_SILENT_S: Final = 2.0 * MOST_CPU_S
"""The longest wait for the next rows. The processor time has a limit of its own."""
_CHECK_EVERY_S: Final = 1.0
_BLOCK: Final = 64 * 1024
_decode = msgspec.msgpack.Decoder(Rows | str).decode


class ReaderError(Exception):
    """The process has a fault of its own."""


def read_rows(file: Path, check: Callable[[], None]) -> Generator[Rows, None, None]:
    """(line from 1 on, cells) of each row that is not empty, some at a time. `check` is called at least once a second, and
    may raise. Raises TableError, ReaderError."""
    with _start(file) as process:
        assert process.stdout is not None
        frames = _Frames(process.stdout.fileno(), check)
        while isinstance(frame := frames.read(), list):
            yield frame
        if frame is None:
            # A limit ended it, or the system did for lack of memory.
            if process.wait() < 0:
                raise TableError(Fault.TOO_LARGE)
            raise ReaderError(f"the reader of tables ended with {process.returncode}")
        if frame == END:
            return
        if frame in list(Fault):
            raise TableError(Fault(frame))
        raise ReaderError(frame)


@contextmanager
def _start(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which is gone afterwards. It gets none of our environment: our secrets are there."""
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "tocsin.tables.child", str(file)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


class _Frames:
    """Frames from a pipe."""

    def __init__(self, pipe: int, check: Callable[[], None]) -> None:
        self._pipe = pipe
        self._check = check
        self._held = bytearray()
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)

    def read(self) -> Rows | str | None:
        """The next one; None: the pipe has ended before it."""
        head = self._take(LENGTH)
        body = None if head is None else self._take(int.from_bytes(head, "big"))
        return None if body is None else _decode(body)

    def _take(self, size: int) -> bytes | None:
        end_s = clock.monotonic_s() + MOST_SILENT_S
        while len(self._held) < size:
            self._check()
            if clock.monotonic_s() > end_s:
                raise TableError(Fault.TOO_LARGE)
            if not self._poll.poll(_CHECK_EVERY_S * 1000):
                continue
            block = os.read(self._pipe, _BLOCK)
            if not block:
                return None
            self._held += block
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken
