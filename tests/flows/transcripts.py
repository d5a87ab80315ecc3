"""What documents show of the product, compared with what it prints; `make transcripts` writes it anew.

A block belongs here where the line before it is `<!-- transcript: NAME -->`. A line that begins with `$ ` in it is a command.
What differs from run to run (ids, times, ports) does not count.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

RENEW = "RENEW_TRANSCRIPTS"
_BLOCK = re.compile(r"(<!-- transcript: ([\w-]+) -->\n```\w*\n)(.*?\n)(```)", re.DOTALL)
_VARIES = [
    (re.compile(r"\b[0-9a-z]{32}\b"), "<id>"),  # also a key, and a sign
    (re.compile(r"\b\d{17}\b"), "<batch>"),
    (re.compile(r"datetime=\d{10}"), "datetime=<time>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\+08:00)?"), "<time>"),
    (re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE), "<time> "),
    (re.compile(r"\bpid \d+ for \d+ (s|min)"), "pid <pid> for <time>"),
    (re.compile(r"\bpid \d+"), "pid <pid>"),
    (re.compile(r"\b\d+ days ahead"), "<days> ahead"),
    (re.compile(r"\b\d+\.\d s (behind|ahead of)"), "<seconds> behind"),
    (re.compile(r"\b\d+ (migrations|(rows )?waiting)"), r"<count> \1"),
]


class Document:
    """A document with transcripts; `differences` are the names of those that aged."""

    def __init__(self, path: Path, ports: dict[str, str]) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.differences: list[str] = []
        self._ports = ports

    def block(self, name: str) -> str:
        """What is shown."""
        return next(found[3] for found in _BLOCK.finditer(self.text) if found[2] == name)

    def compare(self, name: str, printed: str, *, in_order: bool = True) -> None:
        """Note a block that shows something else. Where they are renewed, show this: all blocks are of one run."""
        printed = "\n".join(line.rstrip() for line in self._as_shown(printed).strip("\n").splitlines()) + "\n"
        if RENEW in os.environ:
            renewed = _BLOCK.sub(lambda at: at[1] + (printed if at[2] == name else at[3]) + at[4], self.text)
            self.write(renewed)
            return
        old = self.block(name)
        if _list_lines(printed, in_order=in_order) != _list_lines(old, in_order=in_order):
            self.differences.append(f"{self.path.name}, {name}, prints:\n{printed}\nand not:\n{old}")

    def write(self, text: str) -> None:
        """Renew the document."""
        self.text = text
        self.path.write_text(text, encoding="utf-8")

    def replay(self, name: str, run: Callable[[str], str]) -> str:
        """Run the commands of a block and compare what they print; what they print."""
        commands = [line for line in self.block(name).splitlines() if line.startswith("$ ")]
        printed = "".join(f"{line}\n{run(line.removeprefix('$ '))}" for line in commands)
        self.compare(name, printed)
        return printed

    def _as_shown(self, printed: str) -> str:
        for shown, real in self._ports.items():
            printed = re.sub(rf"(?<!\d){real}(?!\d)", shown, printed)
        return printed.replace(socket.gethostname(), "vm")


def _list_lines(text: str, *, in_order: bool) -> list[str]:
    for pattern, name in _VARIES:
        text = pattern.sub(name, text)
    return text.splitlines() if in_order else sorted(text.splitlines())
