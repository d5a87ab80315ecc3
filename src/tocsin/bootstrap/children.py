"""A child process of `tocsin up`: started on a leash, started again with growing pauses, stopped in time."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tocsin.bootstrap.services import Service, keep_recent
from tocsin.kit import clock, last_words
from tocsin.kit.leash import die_with_parent
from tocsin.kit.log import FOR_THE_LOG_ALONE, open_log
from tocsin.kit.settings import Settings

_LOG = logging.getLogger(__name__)
_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 60.0
_CALM_AFTER_S = 30.0
MANY_DEATHS = 3
"""Deaths in a row after which somebody should look: it will hardly start by being started again."""


def find_log(settings: Settings) -> Path | None:
    """Where the children's logs go: on a terminal into a file, so that the panel stays readable; else to our stderr."""
    return settings.home / "tocsin.log" if sys.stderr.isatty() else None


class Child:
    """One process of the product. `verb` starts it; `name` tells it from others of its verb."""

    def __init__(
        self, verb: str, environment: Mapping[str, str], home: Path, log: Path | None, *, name: str = ""
    ) -> None:
        self.verb = verb
        self.name = name or verb
        self.deaths = 0
        """In a row."""
        self.reason = ""
        """Why it ended the last time."""
        self.process: subprocess.Popen[bytes] | None = None
        self._words = home / f"{self.name}.last-words"
        self._environment = {**environment, last_words.FILE: str(self._words)}
        self._log = log
        self._restarts: list[float] = []
        self._started_at = 0.0
        self._started_s = 0.0
        self._due_s = 0.0

    def start(self) -> None:
        """Start it. It is killed with us, and a Ctrl-C at the terminal reaches only us."""
        self._words.unlink(missing_ok=True)
        log = open_log(self._log) if self._log else None
        try:
            self.process = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, "-m", "tocsin", self.verb],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  we have one thread
            )
        finally:
            if log:
                log.close()
        self._started_s = time.monotonic()
        self._started_at = clock.now_s()

    @property
    def pid(self) -> int:
        """0 while it waits for its next start."""
        return self.process.pid if self.process else 0

    @property
    def fails(self) -> bool:
        """It does not start, or does not stay."""
        return self.deaths >= MANY_DEATHS

    def look_after(self) -> bool:
        """Note a death; start again when the pause is over. Whether either happened."""
        now_s = time.monotonic()
        if self.process is None:
            if now_s < self._due_s:
                return False
            self._restarts = [*keep_recent(self._restarts), clock.now_s()]
            self.start()
            return True
        if self.process.poll() is None:
            if self.deaths and now_s - self._started_s > _CALM_AFTER_S:
                if self.fails:
                    _LOG.warning("%s runs again", self.name)
                self.deaths = 0
            return False
        self._note_death(self.process.returncode, now_s)
        self.process = None
        return True

    def _note_death(self, code: int, now_s: float) -> None:
        delay_s = min(_FIRST_DELAY_S * 2**self.deaths, _LONGEST_DELAY_S)
        self.deaths += 1
        self._due_s = now_s + delay_s
        self.reason = last_words.read(self._words) or explain_end(code)
        facts = (self.name, code, delay_s, self.reason)
        _LOG.error("%s ended with code %s, again in %.1f s: %s", *facts, extra=FOR_THE_LOG_ALONE)
        if self.deaths == MANY_DEATHS:
            _LOG.error("%s; it is tried again and again", self.complain())

    def complain(self) -> str:
        """That it does not start, why, and where to read more."""
        return f"{self.name} does not start: {self.reason}; see {self.log_name}"

    def describe(self) -> Service:
        """For the doctor."""
        return Service(self.pid, self._started_at, self._restarts, self.reason, self.log_name)

    @property
    def log_name(self) -> str:
        """Where its log is."""
        return str(self._log) if self._log else "the log of tocsin up"

    def tidy(self) -> None:
        """It has ended for good."""
        self._words.unlink(missing_ok=True)


def explain_end(code: int) -> str:
    """Why a process ended that left no word, by its exit code."""
    if code >= 0:
        return f"it ended with exit code {code} and left no word"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"


def stop_together(children: Sequence[Child], limit_s: float) -> None:
    """SIGTERM to all, then SIGKILL to those that are left after `limit_s`."""
    running = [child.process for child in children if child.process is not None and child.process.poll() is None]
    for process in running:
        process.terminate()
    deadline_s = time.monotonic() + limit_s
    for process in running:
        try:
            process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for child in children:
        child.tidy()
