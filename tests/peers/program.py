"""A third-party program as a child process: its ports, its log, and an end by its pid.

`Program` speaks the line protocol of `node/wire.js`: commands on stdin, events on stdout, one JSON object a line.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.poll import until_sync

NODE = Path(__file__).with_name("node")
HOST = "127.0.0.1"
_END_S = 15.0


class Program:
    """Started by its words; what it says is kept in `events`, what it complains of in the log."""

    def __init__(self, words: Sequence[str], log: Path) -> None:
        self.log = log
        self.events: list[dict[str, Any]] = []
        with log.open("ab") as file:
            self.popen = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.popen.pid

    def tell(self, name: str, **facts: Any) -> None:
        """Give a command."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps({"do": name, **facts}).encode() + b"\n")
        self.popen.stdin.flush()

    def heard(self, event: str) -> list[dict[str, Any]]:
        """All events of that name so far, in order."""
        return [each for each in list(self.events) if each["event"] == event]

    def wait(self, event: str, count: int = 1, timeout_s: float = 10.0) -> list[dict[str, Any]]:
        """The events of that name, once there are so many. AssertionError with the log where the program ended."""

        def arrived() -> list[dict[str, Any]] | None:
            alive = self._reader.is_alive()  # before the look: its last words count
            found = self.heard(event)
            if len(found) >= count:
                return found
            assert alive, self.explain()
            return None

        return until_sync(arrived, timeout_s) or []

    def ask(self, name: str, event: str, **facts: Any) -> dict[str, Any]:
        """Give a command and wait for the event that answers it."""
        before = len(self.heard(event))
        self.tell(name, **facts)
        return self.wait(event, before + 1)[before]

    def explain(self) -> str:
        """What a failed test needs to know."""
        return f"{self.popen.args!r} ended with {self.popen.poll()}\n{read_end(self.log)}\n{self.events[-5:]}"

    def end(self) -> None:
        """It ends with its stdin; killed where it does not."""
        assert self.popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.close()
        end(self.popen)
        self._reader.join(_END_S)
        assert self.popen.stdout is not None
        self.popen.stdout.close()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.events.append(json.loads(line))


def start_node(script: str, options: dict[str, Any], log: Path) -> Program:
    """A script of `node/`."""
    assert (NODE / "node_modules").is_dir(), "node-smpp is missing: run `make peers`"
    return Program([find_program("node"), str(NODE / script), json.dumps(options)], log)


def find_program(name: str) -> str:
    """Its path. A missing peer fails the test, it does not skip it."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    assert path, f"{name} is missing: run `make peers`"
    return path


def find_ports(count: int) -> list[int]:
    """Different ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def listens(port: int) -> bool:
    """Whether someone takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def end(popen: subprocess.Popen[bytes], limit_s: float = _END_S) -> None:
    """SIGTERM, and SIGKILL where that does not help."""
    if popen.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(0.2)  # stdin is closed: most end by that
    if popen.poll() is None:
        popen.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(limit_s)
    if popen.poll() is None:
        popen.kill()
        popen.wait()


def read_end(log: Path, size: int = 4000) -> str:
    """The last of a log."""
    return log.read_text(encoding="utf-8", errors="replace")[-size:] if log.exists() else ""
