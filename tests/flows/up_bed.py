"""`tocsin up` as a process of its own, for the tests that meet it as an operator does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.poll import PATIENCE_S, until_sync

started: list[Up] = []
"""By this test; its home stops what a failed one left running."""


class Up:
    """One run of `tocsin up` in a home; its output goes to a file."""

    python = sys.executable
    terminal: int | None = None
    """Where stderr goes instead."""

    def __init__(
        self,
        home: Path,
        port: int,
        *options: str,
        **environ: str,
    ) -> None:
        self.home = home
        self.out = home.parent / f"{home.name}.out"
        self.started_s = time.monotonic()
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [self.python, "-m", "tocsin", "up", *options],
                env={
                    **os.environ,
                    "TOCSIN_HOME": str(home),
                    "TOCSIN_PORT": str(port),
                    "TOCSIN_CONSOLE_PORT": "0",
                    **environ,
                },
                stdout=out,
                stderr=subprocess.STDOUT if self.terminal is None else self.terminal,
                stdin=subprocess.DEVNULL,
            )
        started.append(self)

    def text(self) -> str:
        return self.out.read_text(encoding="utf-8")

    def wait_ready(self, timeout_s: float = 60.0) -> float:
        """Seconds from start to panel."""
        until_sync(lambda: "Ctrl-C stops it." in self.text() or self.process.poll() is not None, timeout_s)
        assert self.process.poll() is None, self.text()
        return time.monotonic() - self.started_s

    def children(self) -> dict[str, psutil.Process]:
        """By verb; `postgres` for the database."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            try:
                words = child.cmdline()
            except psutil.Error:  # it ended while we looked
                continue
            if words:
                found[words[-1] if "tocsin" in words else Path(words[0]).name] = child
        return found

    def stop(self) -> float:
        """SIGTERM; seconds until it ended: 7 for the processes and 30 for the database, at most."""
        begun_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(max(60.0, PATIENCE_S))
        return time.monotonic() - begun_s
