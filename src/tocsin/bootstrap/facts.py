"""The small files of TOCSIN_HOME by which others find what runs: written whole, readable by their owner alone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from tocsin.kit.log import open_log

POSTGRES = "postgres.json"
DEMO = "demo.json"


def read_facts(home: Path, name: str) -> dict[str, Any] | None:
    """The facts in a file of the home; None where there is none or it is spoilt."""
    with contextlib.suppress(OSError, ValueError):
        facts = json.loads((home / name).read_text(encoding="utf-8"))
        if isinstance(facts, dict):
            return facts
    return None


def write_facts(home: Path, name: str, facts: dict[str, Any]) -> None:
    """Replace a file of the home, mode 600; on disk when this returns."""
    target = home / name
    work = target.with_suffix(".new")
    work.unlink(missing_ok=True)
    with os.fdopen(os.open(work, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    work.replace(target)


def read_dsn(home: Path) -> str | None:
    """The dsn of the embedded database of `home`, whether or not it runs; None where there is none."""
    facts = read_facts(home, POSTGRES)
    return str(facts["dsn"]) if facts and "dsn" in facts else None


def keep_short(log: Path, max_bytes: int = 10_000_000) -> None:
    """Bound a log that others append to: the present part and one before it, `max_bytes` each or a little more."""
    if log.exists() and log.stat().st_size > max_bytes:
        work = log.with_name(f"{log.name}.new")
        work.unlink(missing_ok=True)
        with open_log(work) as copy, log.open("rb") as whole:
            shutil.copyfileobj(whole, copy)
        work.replace(log.with_name(f"{log.name}.1"))
        with open_log(log) as present:
            present.truncate(0)  # the writers hold it open for appending: they go on at its new end
