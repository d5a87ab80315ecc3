"""What processes cost, read from /proc: CPU seconds and memory. Linux only; looks, never signals."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

_TICKS = os.sysconf("SC_CLK_TCK")
_KINDS = (
    ("tocsin.bootstrap.bulk", "api helper"),
    ("tocsin api", "api"),
    ("tocsin worker", "worker"),
    ("tocsin push", "push"),
    ("bench.bare", "bare"),
    ("bench.load", "load"),
    ("bench.receiver", "receiver"),
)


@dataclass(frozen=True)
class Seen:
    """A process by what it does."""

    kind: str
    pid: int


def find_family(root: int) -> list[Seen]:
    """The process `root` and all below it, by kind; a server of PostgreSQL is one, with all its backends."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(root)
        for process in [top, *top.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                kind = _name(process)
                if kind:
                    found.append(Seen(kind, process.pid))
    return found


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    if words and Path(words[0]).name == "postgres" and "-D" in words:
        return "postgres"
    line = " ".join(words)
    return next((kind for mark, kind in _KINDS if mark in line), "")


def read_cpu_s(seen: Seen) -> float:
    """CPU seconds so far; of PostgreSQL with its backends, those that ended too."""
    if seen.kind != "postgres":
        return _read_stat(seen.pid, 2)
    total = _read_stat(seen.pid, 4)  # a backend that ended is in its parent's account of children
    with contextlib.suppress(psutil.NoSuchProcess):
        total += sum(_read_stat(child.pid, 2) for child in psutil.Process(seen.pid).children(recursive=True))
    return total


def _read_stat(pid: int, fields: int) -> float:
    """utime and stime; with 4 fields cutime and cstime too."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    numbers = text.rpartition(")")[2].split()[11 : 11 + fields]
    return sum(map(int, numbers)) / _TICKS


def read_pss_mb(pid: int) -> float:
    """Memory in MB, shared pages divided among those who share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


class Meter:
    """CPU of some processes between two moments."""

    def __init__(self, seen: list[Seen]) -> None:
        self._before = [(each, read_cpu_s(each)) for each in seen]

    def per_message_us(self, messages: int) -> dict[str, float]:
        """CPU microseconds a message since the meter was made, by kind."""
        spent: dict[str, float] = {}
        for each, before in self._before:
            spent[each.kind] = spent.get(each.kind, 0.0) + read_cpu_s(each) - before
        return {kind: round(cpu_s * 1e6 / max(messages, 1), 1) for kind, cpu_s in spent.items()}
