"""The data directory of the embedded PostgreSQL: made by initdb, complete or not at all, never of a wrong version."""

from __future__ import annotations

import os
import secrets
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from tocsin.bootstrap.place import USER, Place, PostgresError

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""What our PostgreSQL programs see: nothing of the caller's PG* variables or locale."""

# pg_control begins with the system identifier (8 octets), two version numbers (4 each) and the state.
_STATE_OFFSET = 16
_SHUT_DOWN = 1
QUIET = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""Statements, details and contexts of errors quote rows, and texts of messages in them."""


def make(place: Place, password: str, *, fsync: bool) -> None:
    """Run initdb beside the final place and move the result there. Raises PostgresError."""
    for left in place.directory.glob("new-*"):  # a killed start's; we hold the lock of the place
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="new-", dir=place.directory))
    words = work / "password"
    words.write_text(password, encoding="utf-8")
    _give(place, work, words)
    try:
        _run_initdb(place, work / "data", words, [] if fsync else ["--no-sync"])
        if place.data.exists():
            place.data.rename(place.directory / f"broken-{secrets.token_hex(4)}")  # it never was a cluster
        (work / "data").rename(place.data)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_version(place: Place) -> None:
    """Raise PostgresError where the data was made by another major version."""
    made_by = (place.data / "PG_VERSION").read_text(encoding="ascii").strip()
    shown = subprocess.run(  # noqa: S603  our own binaries
        [str(place.binaries / "postgres"), "--version"], capture_output=True, text=True, check=True, env=ENVIRONMENT
    ).stdout.strip()
    if f" {made_by}." not in shown:
        raise PostgresError(
            f"the data in {place.data} is of PostgreSQL {made_by}, this is {shown}: dump and restore it"
        )


def was_shut_down(place: Place) -> bool:
    """Whether its server ended in order, so that the next start has nothing to recover."""
    control = (place.data / "global" / "pg_control").read_bytes()
    (state,) = struct.unpack_from("=i", control, _STATE_OFFSET)
    return bool(state == _SHUT_DOWN)


def _run_initdb(place: Place, data: Path, words: Path, more: list[str]) -> None:
    arguments = [
        f"--pgdata={data}",
        f"--username={USER}",
        f"--pwfile={words}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *[f"--set={name}={value}" for name, value in _choose_settings().items()],
        *more,
    ]
    done = subprocess.run(  # noqa: S603  our own binaries
        [str(place.binaries / "initdb"), *arguments],
        cwd="/",
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        **place.owner.as_arguments(),  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        raise PostgresError(f"initdb failed: {' '.join(done.stderr.split())[-500:]}")


def _give(place: Place, *paths: Path) -> None:
    if place.owner.name is not None:
        for path in paths:
            os.chown(path, place.owner.uid, place.owner.gid)


def _choose_settings() -> dict[str, str]:
    """Written into postgresql.conf, where an operator may edit them."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    shared_mb = max(32, min(256, memory // 8 // 2**20))
    return {
        "shared_buffers": f"{shared_mb}MB",
        "max_connections": "500",
        "synchronous_commit": "on",
        "wal_compression": "off",  # the only method that the wheel has is pglz: dearer than the bytes that it saves
        "max_wal_size": "2GB",
        "checkpoint_completion_target": "0.9",
        "autovacuum_naptime": "10s",  # lanes and outbox live by their vacuum
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] %a ",
    }
