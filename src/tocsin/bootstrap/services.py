"""services.json of the home: what `tocsin up` knows of its children, for the doctor.

A child writes why it ended into a file that its parent named (kit/last_words.py); exit codes and signals tell the rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tocsin.bootstrap.facts import read_facts, write_facts

SERVICES = "services.json"
HOUR_S = 3600.0


class Service(msgspec.Struct, frozen=True):
    """One child. Times are epoch seconds."""

    pid: int  # 0: it waits for its next start
    started_at: float
    restarts: list[float] = []  # of the last hour
    reason: str = ""
    """Why it ended the last time."""
    log: str = ""


def read_services(home: Path) -> dict[str, Service]:
    """By name; empty where no `tocsin up` runs in this home."""
    facts = read_facts(home, SERVICES) or {}
    try:
        found = msgspec.convert(facts["services"], dict[str, Service])
        if not _lives(int(facts["pid"])):
            return {}
    except (KeyError, ValueError, msgspec.ValidationError):
        return {}
    return {name: msgspec.structs.replace(each, restarts=keep_recent(each.restarts)) for name, each in found.items()}


def keep_recent(restarts: Sequence[float]) -> list[float]:
    """Those of the last hour."""
    return [at for at in restarts if at > time.time() - HOUR_S]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's
        return True
    except ProcessLookupError:
        return False
    return True


def write_services(home: Path, services: Mapping[str, Service]) -> None:
    """Replace the file."""
    write_facts(home, SERVICES, {"pid": os.getpid(), "services": msgspec.to_builtins(dict(services))})


def forget_services(home: Path) -> None:
    """`tocsin up` ends in order."""
    (home / SERVICES).unlink(missing_ok=True)
