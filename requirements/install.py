"""Install the locked dependencies and Tocsin itself into this virtual environment, and show how far it is.

Called by make: `.venv/bin/python requirements/install.py run`, or `dev`. On a terminal one line is redrawn. Elsewhere, in the
log of a build for example, each stage prints a line at its end, and one now and then while it lasts. It is pip that installs:
pip knows the index, certificates and constraints that this machine is set up with.
"""

from __future__ import annotations

import contextlib
import queue
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = Path(sysconfig.get_path("purelib"))
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color"]
TRIES = 3
TICK_S = 0.2
LINE_EVERY_S = 15.0
TAIL_LINES = 15
NOT_COMPILED = r"phonenumbers/(geodata|carrierdata)/|/pip/"
"""Half of the compiling time, and nothing imports them (pip is compiled already)."""


class Progress:
    """The stage of the installation as a line of text, from what pip prints."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.found = 0
        self.current = ""
        self.is_installing = False

    def read(self, line: str) -> None:
        """Take a line of pip's output."""
        words = line.split()
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            self.found += 1
            self.current = words[1] if words[0] == "Collecting" else ""
        elif line.startswith("Ignoring "):  # it is for other systems
            self.total -= 1
        elif words[:1] == ["Downloading"]:
            name = words[1].rpartition("/")[2]
            self.current = " ".join([*name.split("-")[:2], *words[2:4]])
        elif "Retrying (" in line:
            self.current = "the package index does not answer, trying again"
        elif line.startswith("Installing collected packages"):
            self.is_installing = True

    def describe(self, installed: int) -> str:
        """The stage in words; `installed`: packages that are unpacked since it began."""
        if self.is_installing:
            return f"unpacking {min(installed, self.total)} of {self.total}"
        return f"fetching {min(self.found, self.total)} of {self.total}  {self.current}".rstrip()


class Display:
    """Shows the stage: redrawn in place on a terminal, else a line at most each 15 s."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._began_s = self._said_s = time.monotonic()

    def elapsed_s(self) -> float:
        return time.monotonic() - self._began_s

    def show(self, text: str) -> None:
        """Replace what is shown."""
        line = f"  {text}  ({self.elapsed_s():.0f} s)"
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{line[:width]}", end="", flush=True)
        elif time.monotonic() - self._said_s > LINE_EVERY_S:
            self.keep(text)

    def keep(self, text: str) -> None:
        """Print a line that stays."""
        self._said_s = time.monotonic()
        print(
            f"{chr(13) + chr(27) + '[K' if self._is_terminal else ''}  {text}  ({self.elapsed_s():.0f} s)", flush=True
        )


def main(kind: str) -> int:
    """Install what requirements/KIND.txt names. 0, or 1 after the last failed try."""
    files = [ROOT / "requirements" / f"{kind}.txt", ROOT / "requirements" / "assets.txt"]
    total = sum(len(re.findall(r"^[\w.-]+==", file.read_text(encoding="utf-8"), re.MULTILINE)) for file in files)
    print(
        f"Installing {total} packages into {Path(sys.prefix).name}; the first time takes a minute or two.", flush=True
    )
    display = Display()
    for number in range(1, TRIES + 1):
        tail = _install(files, Progress(total), display)
        if tail is None:
            display.keep("installed")
            return 0
        display.keep("pip failed:")
        print("\n".join(f"    {line}" for line in tail), flush=True)
        if number < TRIES:  # networks fail now and then
            display.keep(f"again in {number * 5} s")
            time.sleep(number * 5)
    return 1


def _install(files: Sequence[Path], progress: Progress, display: Display) -> list[str] | None:
    """None, or the last lines of a pip that failed."""
    # A locked file is complete, so that pip need not look for dependencies; of assets.txt only the files are used.
    named = [word for file in files for word in ("-r", str(file))]
    locked = ["install", "--no-deps", "--no-compile", "--progress-bar", "off", "--retries", "5", *named]
    before = 0

    def describe() -> str:
        nonlocal before
        installed = _count_installed()
        if not progress.is_installing:
            before = installed
        return progress.describe(installed - before)

    tail = _watch([*PIP, *locked], display, describe, progress.read)
    if tail is not None:
        return tail
    display.keep(f"{progress.total} packages are there")
    # On all processors, which pip does not; and a process that may not write here would compile at each of its starts.
    compiling = ["-m", "compileall", "-q", "-j", "0", "-x", NOT_COMPILED, str(SITE), str(ROOT / "src")]
    _watch([sys.executable, *compiling], display, lambda: "compiling")
    own = [*PIP, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    return _watch(own, display, lambda: "installing Tocsin")


def _watch(
    words: Sequence[str], display: Display, describe: Callable[[], str], read: Callable[[str], None] | None = None
) -> list[str] | None:
    """Run a program to its end and show how far it is. None, or the last lines of one that failed."""
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    with _run(words) as program:
        for line in _follow(program):
            if line is not None:
                tail.append(line)
                if read is not None:
                    read(line)
            display.show(describe())
        return None if program.wait() == 0 else list(tail)


@contextlib.contextmanager
def _run(words: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A program that ends with the block."""
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def _follow(program: subprocess.Popen[str]) -> Iterator[str | None]:
    """The lines of a program as they come; None where a tick passes without one."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        assert program.stdout is not None
        for line in program.stdout:
            lines.put(line.rstrip())
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=TICK_S)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line


def _count_installed() -> int:
    return sum(1 for _ in SITE.glob("*.dist-info"))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        print("\nstopped; the next `make` installs the rest", flush=True)
        sys.exit(130)
