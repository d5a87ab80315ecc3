"""The console's process: gunicorn's master and its workers, which serve by our front (worker.py). The master loads no Django."""

from __future__ import annotations

import logging
import signal
from typing import Any

from gunicorn import glogging
from gunicorn.app.base import BaseApplication

from tocsin.console.registered import Registered
from tocsin.front import FrontLimits
from tocsin.kit import last_words
from tocsin.kit.leash import END_WITHIN_S, die_with_parent
from tocsin.kit.settings import Settings

_TIMEOUT_S = 30
"""A worker whose loop stands still for so long is started again."""


class _Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's words go the way of all our logs."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        for log in (self.error_log, self.access_log):
            log.handlers[:] = []
            log.propagate = True
        self.access_log.setLevel(logging.ERROR)


class _Process(BaseApplication):  # type: ignore[misc]  # the same
    def __init__(self, settings: Settings, api_url: str, limits: FrontLimits | None) -> None:
        self.settings = settings
        self.limits = limits
        self._api_url = api_url
        self._registered: Registered | None = None
        super().__init__()

    def load_config(self) -> None:
        settings = self.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options: dict[str, Any] = {
            "bind": f"{host}:{settings.console_port}",
            "worker_class": "tocsin.console.worker.FrontWorker",
            "workers": settings.console_processes,
            "timeout": _TIMEOUT_S,
            "graceful_timeout": int(END_WITHIN_S) - 2,
            "logger_class": _Logger,
            "proc_name": "tocsin console",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)
        fasten = die_with_parent(signal.SIGKILL)
        self.cfg.set("post_fork", lambda _arbiter, _worker: fasten())
        self.cfg.set("worker_exit", lambda _arbiter, _worker: self._leave())

    def load(self) -> Any:
        with last_words.left_by_faults():
            return self._make_application()

    def _make_application(self) -> Any:
        from tocsin.console.wsgi import make_application

        application = make_application(self.settings, self._api_url)
        from tocsin.console import alerts  # Django is set up by now

        alerts.start()
        self._registered = Registered(self.settings.database_url, self.settings.clock_off_s)
        self._registered.start()
        return application

    def _leave(self) -> None:
        if self._registered is not None:  # the master, which calls this for a worker that was killed, has none
            self._registered.end()


def serve(settings: Settings, api_url: str, limits: FrontLimits | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `api_url`: where customers reach the API. Ends the process."""
    _Process(settings, api_url, limits).run()
