"""What a kill leaves of a PostgreSQL: a postmaster without a supervisor, or backends without a postmaster.

Nothing is signalled unless it is proven to be a postgres of this very data directory: process ids are used again.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from tocsin.bootstrap.place import PostgresError

_LOG = logging.getLogger(__name__)
_PROC = Path("/proc")


def end_orphans(data: Path, limit_s: float) -> None:
    """End every postgres that still runs on `data`: the postmaster fast, within `limit_s`, then what remains at once.

    The caller holds the lock of the place, so that what runs here has no supervisor. Raises PostgresError.
    """
    postmaster = find_postmaster(data)
    if postmaster is not None:
        _LOG.warning("stopping a PostgreSQL (process %d) whose supervisor was killed", postmaster)
        _end([postmaster], signal.SIGINT, data, limit_s)
    for sign in (signal.SIGQUIT, signal.SIGKILL):
        left = _find_all(data)
        if not left or _end(left, sign, data, 5.0):
            return
    raise PostgresError(f"a PostgreSQL on {data} cannot be stopped: processes {_find_all(data)}")


def drop_lock_files(data: Path, sockets: Path) -> None:
    """After end_orphans: the lock files of a server that is gone, before PostgreSQL looks at the process id in them.

    It takes any process of that id for a living server: a zombie that nobody has reaped yet, one that has the id anew.
    """
    if _PROC.is_dir():  # elsewhere it cannot be proven that nothing runs
        for file in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*.lock")):
            file.unlink(missing_ok=True)


def find_postmaster(data: Path) -> int | None:
    """The process in postmaster.pid if it lives and is a postgres of this data directory; a stale file gives None."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if pid > 0 and _is_ours(pid, data) else None


def _end(pids: Iterable[int], sign: signal.Signals, data: Path, limit_s: float) -> bool:
    waiting = list(pids)
    for pid in waiting:
        _send(pid, sign)
    deadline = time.monotonic() + limit_s
    while waiting and time.monotonic() < deadline:
        time.sleep(0.02)
        waiting = [pid for pid in waiting if _is_ours(pid, data)]
    return not waiting


def _send(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return
    except PermissionError:
        raise PostgresError(f"a PostgreSQL of another user (process {pid}) runs on this data: stop it first") from None


def _find_all(data: Path) -> list[int]:
    if not _PROC.is_dir():
        found = find_postmaster(data)
        return [found] if found is not None else []
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit() and _is_ours(int(entry.name), data)]


def _is_ours(pid: int, data: Path) -> bool:
    """Every process of a server has the data directory as its working directory and is called postgres."""
    if not _PROC.is_dir():
        words = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        shown = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
        return "postgres" in shown.stdout and str(data) in shown.stdout
    entry = _PROC / str(pid)
    try:
        return (entry / "comm").read_text(encoding="utf-8").strip() == "postgres" and (entry / "cwd").samefile(data)
    except OSError:  # it ended while we looked, or it is another user's
        return False
