"""`tocsin up`: the whole product on one machine, as children of this process.

Starts PostgreSQL (unless DATABASE_URL names one), prepares the database in a child, starts API, worker, pusher, console and
clerk, and starts again what dies. Everything ends with it: in order on a signal (the processes within 7 s, then PostgreSQL
within 30 s); by the kernel's hand when it is killed. It must stay small and single-threaded, do no work of the product, and
load neither Django nor an event loop.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tocsin.bootstrap.children import Child, find_log, stop_together
from tocsin.bootstrap.door import PortError, check_port, find_base_url, is_listening, is_ready
from tocsin.bootstrap.facts import keep_short
from tocsin.bootstrap.panel import print_panel, write_demo_facts
from tocsin.bootstrap.postgres import EmbeddedPostgres, PostgresError
from tocsin.bootstrap.preparation import PreparationError, Prepared, prepare_in_child
from tocsin.kit import metrics
from tocsin.kit.leash import END_WITHIN_S
from tocsin.kit.settings import Settings

_LOG = logging.getLogger(__name__)
_STEP_S = 0.1
_DEMO_PUSH_ALLOW = "127.0.0.0/8,::1"
_DEMO_MAIL_DOMAIN = "demo.tocsin.invalid"
_MAX_EARLY_DEATHS = 5
_WAIT_FOR_CONSOLE_S = 10.0
_SIGNS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class UpError(Exception):
    """Why `tocsin up` cannot run, as one sentence."""


CANNOT_RUN = (UpError, PortError, PostgresError, PreparationError)
"""What `run_up` raises: each says why in one sentence."""


class _Stop(BaseException):
    """SIGTERM or SIGINT came; raised wherever we are, so that no step needs to look for it."""


def run_up(settings: Settings, *, demo: bool) -> None:
    """Run until a signal. Raises CANNOT_RUN."""
    settings.home.mkdir(parents=True, exist_ok=True)
    _take_up_lock(settings)
    check_port(settings)
    supervisor = _Supervisor(settings, demo=demo)
    for sign in _SIGNS:
        if signal.getsignal(sign) is not signal.SIG_IGN:  # nohup ignores SIGHUP for us
            signal.signal(sign, _raise_stop)
    try:
        supervisor.run()
    except _Stop:
        _LOG.info("stopping")
        _say("Stopping")
    finally:
        _answer_further_signs()
        supervisor.stop()


def _raise_stop(_sign: int, _frame: FrameType | None) -> NoReturn:
    _answer_further_signs()
    raise _Stop


def _answer_further_signs() -> None:
    """One is enough: a second must not break off the stopping, which would leave the next start a recovery."""
    for sign in _SIGNS:
        if signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, _say_that_it_stops)


def _say_that_it_stops(_sign: int, _frame: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(
            sys.stdout.fileno(), b"\nTocsin is stopping. Please wait: PostgreSQL gets up to 30 s to end in order.\n"
        )


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone, and stopping goes on
        print(f"{text} ...", flush=True)


def _take_up_lock(settings: Settings) -> None:
    """Held until this process ends, however it ends; the kernel lets go of it."""
    lock = os.open(settings.home / "up.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UpError(f"tocsin is already running in {settings.home}: stop it first, or set TOCSIN_HOME") from None


class _Supervisor:
    def __init__(self, settings: Settings, *, demo: bool) -> None:
        self._settings = settings
        self._demo = demo
        self._postgres = None if settings.database_url else EmbeddedPostgres(settings.home)
        self._dsn = settings.database_url
        self._children: list[Child] = []
        self._postgres_due_s = 0.0

    def run(self) -> None:
        if self._postgres is not None:
            _say("Starting PostgreSQL")
            self._dsn = self._postgres.start()
        _say("Preparing the database")
        prepared = prepare_in_child(self._settings, self._dsn, demo=self._demo, embedded=self._postgres is not None)
        _say("Starting the processes")
        self._start_children(prepared)
        self._wait_until_ready()
        base_url = find_base_url(self._settings)
        write_demo_facts(self._settings, prepared, base_url, self._dsn)
        print_panel(self._settings, prepared, base_url, find_log(self._settings))
        while True:
            self._look_after()
            time.sleep(_STEP_S)

    def stop(self) -> None:
        """The processes end together within 7 s, none waits for another; then the database, which writes a checkpoint."""
        stop_together(self._children, END_WITHIN_S)
        if self._postgres is not None:
            self._postgres.stop(say=_say)

    def _start_children(self, prepared: Prepared) -> None:
        environment = {**os.environ, "DATABASE_URL": self._dsn, "TOCSIN_HOME": str(self._settings.home)}
        environment.setdefault(metrics.FOLDER, str(_make_empty(self._settings.home / "metrics")))
        if prepared.account and not self._settings.push_allow:
            environment["TOCSIN_PUSH_ALLOW"] = _DEMO_PUSH_ALLOW  # so that a newcomer's own receiver works
        if prepared.account and not self._settings.mail_domain:
            environment["TOCSIN_MAIL_DOMAIN"] = _DEMO_MAIL_DOMAIN  # so that a newcomer's first email goes
        if prepared.account and not self._settings.tracking_url:
            environment["TOCSIN_TRACKING_URL"] = find_base_url(self._settings)
        if prepared.account and not self._settings.smtp_url:
            environment["TOCSIN_CONSOLE_OUTBOX"] = "on"  # so that a newcomer reads the code that he was mailed
        for name in ("api", "worker", "push", *["console", "clerk"] * bool(self._settings.console_port)):
            child = Child(name, environment, find_log(self._settings))
            self._children.append(child)
            child.start()

    def _wait_until_ready(self) -> None:
        console_until_s = time.monotonic() + _WAIT_FOR_CONSOLE_S  # the data plane does not wait for it for long
        while not is_ready(self._settings) or (time.monotonic() < console_until_s and not is_listening(self._settings)):
            self._look_after()
            for child in self._children:
                if child.deaths >= _MAX_EARLY_DEATHS and child.name not in {"console", "clerk"}:
                    raise UpError(f"the {child.name} process does not start: {child.last_words()}")
            time.sleep(_STEP_S / 2)

    def _look_after(self) -> None:
        """Start again what died, each with a growing delay; keep the logs short."""
        self._look_after_postgres()
        for child in self._children:
            child.look_after()
        log = find_log(self._settings)
        if log is not None:
            keep_short(log)

    def _look_after_postgres(self) -> None:
        if self._postgres is None or time.monotonic() < self._postgres_due_s:
            return
        self._postgres_due_s = time.monotonic() + 1.0
        self._postgres.trim_log()
        if not self._postgres.is_alive():
            _LOG.error("PostgreSQL died; starting it again")
            try:
                self._postgres.start()
            except PostgresError as error:
                _LOG.error("%s", error)
                self._postgres_due_s = time.monotonic() + 5.0


def _make_empty(folder: Path) -> Path:
    """Counters begin at nought with the processes that count."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder
