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
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tocsin.bootstrap.children import Child, explain_end, find_log, stop_together
from tocsin.bootstrap.door import PortError, check_port, find_base_url, is_public
from tocsin.bootstrap.facts import keep_short
from tocsin.bootstrap.home import HomeError, make_private
from tocsin.bootstrap.panel import print_panel, write_demo_facts
from tocsin.bootstrap.postgres import EmbeddedPostgres, PostgresError
from tocsin.bootstrap.preparation import PreparationError, Prepared, prepare_in_child
from tocsin.bootstrap.readiness import Readiness
from tocsin.bootstrap.rights import drop_rights
from tocsin.bootstrap.services import Service, forget_services, keep_recent, write_services
from tocsin.kit import clock, metrics
from tocsin.kit.leash import END_WITHIN_S
from tocsin.kit.log import set_up_logging
from tocsin.kit.settings import Settings

_LOG = logging.getLogger(__name__)
_STEP_S = 0.1
_DEMO_PUSH_ALLOW = "127.0.0.0/8,::1"
_DEMO_MAIL_DOMAIN = "demo.tocsin.invalid"
_SAY_AFTER_S = 30.0
_WAIT_FOR_OTHERS_S = 60.0  # beside the API, which is waited for as long as it takes
_SIGNS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class UpError(Exception):
    """Why `tocsin up` cannot run, as one sentence."""


CANNOT_RUN = (UpError, HomeError, PortError, PostgresError, PreparationError)
"""What `run_up` raises: each says why in one sentence."""


class _Stop(BaseException):
    """SIGTERM or SIGINT came; raised wherever we are, so that no step needs to look for it."""


def run_up(settings: Settings, *, demo: bool) -> None:
    """Run until a signal. Raises CANNOT_RUN."""
    why_root = drop_rights(settings, make_private(settings.home, needs_user=not settings.database_url))
    _take_up_lock(settings)
    check_port(settings)
    set_up_logging(settings.log_level, "up", find_log(settings))
    if why_root:
        _LOG.warning("%s", why_root)
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
    lock = os.open(settings.home / "up.lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
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
        self._postgres_restarts: list[float] = []
        self._postgres_started_at = 0.0
        self._postgres_reason = ""

    def run(self) -> None:
        if self._postgres is not None:
            _say("Starting PostgreSQL")
            self._dsn = self._postgres.start()
            self._postgres_started_at = clock.now_s()
        _say("Preparing the database")
        prepared = prepare_in_child(self._settings, self._dsn, demo=self._demo, embedded=self._postgres is not None)
        _say("Starting the processes")
        self._start_children(prepared)
        complaints = self._wait_until_ready()
        base_url = find_base_url(self._settings)
        write_demo_facts(self._settings, prepared, base_url, self._dsn)
        print_panel(self._settings, prepared, base_url, find_log(self._settings), complaints)
        while True:
            self._look_after()
            time.sleep(_STEP_S)

    def stop(self) -> None:
        """The processes end together within 7 s, none waits for another; then the database, which writes a checkpoint."""
        stop_together(self._children, END_WITHIN_S)
        if self._postgres is not None:
            self._postgres.stop(say=_say)
        forget_services(self._settings.home)

    def _start_children(self, prepared: Prepared) -> None:
        environment = {**os.environ, "DATABASE_URL": self._dsn, "TOCSIN_HOME": str(self._settings.home)}
        environment.setdefault(metrics.FOLDER, str(_make_empty(self._settings.home / "metrics")))
        if prepared.account and not self._settings.push_allow:
            environment["TOCSIN_PUSH_ALLOW"] = _DEMO_PUSH_ALLOW  # so that a newcomer's own receiver works
        if prepared.account and not self._settings.mail_domain:
            environment["TOCSIN_MAIL_DOMAIN"] = _DEMO_MAIL_DOMAIN  # so that a newcomer's first email goes
        if prepared.account and not self._settings.tracking_url:
            environment["TOCSIN_TRACKING_URL"] = find_base_url(self._settings)
        private = self._settings.demo_public == "on" or not is_public(self._settings)
        if prepared.account and not self._settings.smtp_url and private:
            environment["TOCSIN_CONSOLE_OUTBOX"] = "on"  # so that a newcomer reads the code that he was mailed
        more = [("api", f"api-{number}") for number in range(2, self._settings.api_processes + 1)]
        single = ("api", "worker", "push", *["console", "clerk"] * bool(self._settings.console_port))
        for verb, name in [*((verb, verb) for verb in single), *more]:
            child = Child(verb, environment, self._settings.home, find_log(self._settings), name=name)
            self._children.append(child)
            child.start()
        self._write_services()

    def _wait_until_ready(self) -> dict[str, str]:
        """Until each child is ready or fails; what the panel must say of those that do not run. Raises UpError."""
        begun_s = time.monotonic()
        said = False
        readiness = Readiness(self._settings, self._dsn, self._children)
        try:
            while True:
                self._look_after()
                readiness.look()
                waited_s = time.monotonic() - begun_s
                open_ones = [child for child in readiness.waiting if not child.fails]
                self._give_up_without_api(readiness.waiting)
                if not open_ones or (waited_s > _WAIT_FOR_OTHERS_S and all(each.verb != "api" for each in open_ones)):
                    return {child.name: _complain(child) for child in readiness.waiting}
                if not said and waited_s > _SAY_AFTER_S:
                    said = True
                    _LOG.warning("still waiting for %s", ", ".join(child.name for child in open_ones))
                time.sleep(_STEP_S / 2)
        finally:
            readiness.close()

    def _give_up_without_api(self, waiting: Sequence[Child]) -> None:
        for child in waiting:
            if child.verb == "api" and child.fails:
                raise UpError(child.complain())

    def _look_after(self) -> None:
        """Start again what died, each with growing pauses; keep the logs short."""
        changed = self._look_after_postgres()
        for child in self._children:
            changed = child.look_after() or changed
        if changed:
            self._write_services()
        log = find_log(self._settings)
        if log is not None:
            keep_short(log)

    def _look_after_postgres(self) -> bool:
        """Whether it had to be started again."""
        if self._postgres is None or time.monotonic() < self._postgres_due_s:
            return False
        self._postgres_due_s = time.monotonic() + 1.0
        self._postgres.trim_log()
        if self._postgres.is_alive():
            return False
        code = self._postgres.exit_code
        if code is not None:
            self._postgres_reason = explain_end(code)
        _LOG.error("PostgreSQL died, starting it again: %s", self._postgres_reason)
        self._postgres_restarts = [*keep_recent(self._postgres_restarts), clock.now_s()]
        try:
            self._postgres.start()
            self._postgres_started_at = clock.now_s()
        except PostgresError as error:
            _LOG.error("%s", error)
            self._postgres_reason = str(error)
            self._postgres_due_s = time.monotonic() + 5.0
        return True

    def _write_services(self) -> None:
        services = {child.name: child.describe() for child in self._children}
        if self._postgres is not None:
            services["postgres"] = Service(
                self._postgres.pid, self._postgres_started_at, self._postgres_restarts, self._postgres_reason,
                str(self._postgres.log_file),
            )  # fmt: skip
        write_services(self._settings.home, services)


def _complain(child: Child) -> str:
    return child.complain() if child.fails else f"{child.name} does not answer yet: see {child.log_name}"


def _make_empty(folder: Path) -> Path:
    """Counters begin at nought with the processes that count."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder
