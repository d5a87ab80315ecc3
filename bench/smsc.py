"""The shipped simulator as a child process: the SMSC that both the product and Kannel submit to."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from bench.children import BrokenError

USER, PASSWORD = "bench", "secret"


class Smsc:
    """Its door."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid
        self.port = int(self._read()["listening"]["port"])

    def counts(self) -> dict[str, Any]:
        """What it counted so far: `taken`, `last_at` (epoch seconds), `acknowledged` ..."""
        assert self._process.stdin is not None
        self._process.stdin.write(b'{"stats": true}\n')
        self._process.stdin.flush()
        found: dict[str, Any] = self._read()["stats"]
        return found

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BrokenError("the simulator ended")
        found: dict[str, Any] = json.loads(line)
        return found


@contextlib.contextmanager
def run_smsc(*options: str) -> Iterator[Smsc]:
    """A simulator for the time of the block."""
    words = [
        "smsc",
        "--port",
        "0",
        "--json",
        "--control",
        "--quiet",
        "--system-id",
        USER,
        "--password",
        PASSWORD,
        *options,
    ]
    process = subprocess.Popen([sys.executable, "-m", "tocsin", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Smsc(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
