"""A newcomer with a fresh clone and a terminal: `make run` in it, commands beside it, a browser's worth of the console."""

from __future__ import annotations

import contextlib
import fcntl
import http.cookiejar
import os
import pty
import re
import shutil
import signal
import subprocess
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from tests.poll import until_sync

ROOT = Path(__file__).parents[2]
_NOT_FOR_NEWCOMERS = re.compile(r"TOCSIN_|MAKE|MFLAGS|PYTHON|PYTEST|VIRTUAL_ENV|DATABASE_URL|DSN_OF")
LONGEST_S = 900.0
"""An installation from an empty cache on a slow machine."""


def clone(to: Path) -> None:
    """The tracked files as they are now: a clean clone of HEAD, and what is changed but not committed yet."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # else it is deleted
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


class Terminal:
    """A program in a terminal of its own; `text` is all that was printed, without the carriage returns."""

    def __init__(self, words: list[str], folder: Path, environ: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._octets = bytearray()
        self.process = subprocess.Popen(
            words, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  one system call, no lock
        )  # fmt: skip
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # it is how a terminal ends
            while piece := os.read(self._ours, 65536):
                self._octets += piece

    @property
    def text(self) -> str:
        return self._octets.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, words: str, timeout_s: float = 120.0) -> None:
        """Until it printed them."""
        until_sync(lambda: words in self.text or self.process.poll() is not None, timeout_s)
        assert words in self.text, self.text

    def press_ctrl_c(self, timeout_s: float = 120.0) -> None:
        """And wait until it ended."""
        os.write(self._ours, b"\x03")
        self.process.wait(timeout_s)

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(60)
        self._reader.join(10)
        os.close(self._ours)


class Newcomer:
    """Who works in `folder`, with the two ports of the product."""

    def __init__(self, folder: Path, port: int, console_port: int) -> None:
        self.folder = folder
        self.ports = {"8080": str(port), "8081": str(console_port)}
        known = {name: value for name, value in os.environ.items() if not _NOT_FOR_NEWCOMERS.match(name)}
        of_ports = {"TOCSIN_PORT": str(port), "TOCSIN_CONSOLE_PORT": str(console_port)}
        self._environ = {**known, **of_ports, "TERM": "xterm", "COLUMNS": "120"}

    def open(self, command: str) -> Terminal:
        """Type a command that goes on."""
        return Terminal(["bash", "-c", f"exec {command}"], self.folder, self._environ)

    def run(self, command: str, timeout_s: float = 120.0) -> str:
        """Type a command; what it prints. Ports of the documents are those of this product."""
        for shown, real in self.ports.items():
            command = command.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{real}")
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self._environ, capture_output=True, text=True, check=False,
            timeout=timeout_s,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def read_page(self, path: str, login: str, password: str) -> str:
        """A page of the console, after a log-in by its form."""
        home = f"http://127.0.0.1:{self.ports['8081']}"
        browser = build_opener(HTTPCookieProcessor(http.cookiejar.CookieJar()))

        def get(url: str, data: bytes | None = None) -> str:
            with browser.open(url, data, timeout=120) as answer:
                text: str = answer.read().decode()
                return text

        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', get(f"{home}/user/login/"))
        assert token is not None
        form = {"csrfmiddlewaretoken": token[1], "login": login, "password": password}
        get(f"{home}/user/login/", urlencode(form).encode())
        return get(f"{home}{path}")


@contextlib.contextmanager
def opened(terminal: Terminal) -> Iterator[Terminal]:
    """The terminal, closed with the block."""
    try:
        yield terminal
    finally:
        terminal.close()
