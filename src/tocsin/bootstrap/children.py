"""A child process of `tocsin up`: started on a leash, started again with a growing delay, stopped in time."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tocsin.kit.leash import die_with_parent
from tocsin.kit.settings import Settings

_LOG = logging.getLogger(__name__)
_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 10.0
_CALM_AFTER_S = 30.0


def find_log(settings: Settings) -> Path | None:
    """Where the children's logs go: on a terminal into a file, so that the panel stays readable; else to our stderr."""
    return settings.home / "tocsin.log" if sys.stderr.isatty() else None


class Child:
    """One process of the product, by the name of its verb."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path | None) -> None:
        self.name = name
        self.deaths = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = environment
        self._log = log
        self._started_s = 0.0
        self._due_s = 0.0

    def start(self) -> None:
        """Start it. It is killed with us, and a Ctrl-C at the terminal reaches only us."""
        log = self._log.open("ab") if self._log else None
        try:
            self.process = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, "-m", "tocsin", self.name],
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

    def look_after(self) -> None:
        """Note a death; start again when the delay is over."""
        now_s = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            if now_s - self._started_s > _CALM_AFTER_S:
                self.deaths = 0
            delay_s = min(_FIRST_DELAY_S * 2**self.deaths, _LONGEST_DELAY_S)
            self.deaths += 1
            _LOG.error("%s ended with code %s; again in %.1f s", self.name, self.process.returncode, delay_s)
            self.process = None
            self._due_s = now_s + delay_s
        if self.process is None and now_s >= self._due_s:
            self.start()

    def last_words(self) -> str:
        """Where to read why it died."""
        return f"see {self._log}" if self._log else "see the log above"


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
