"""gunicorn's worker for the console: our front on uvloop in place of a thread for each connection.

gunicorn's master opens the socket, starts the workers, starts again what dies or hangs, and ends them in order.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import uvloop
from gunicorn.workers.base import Worker

from tocsin.front import Front, FrontLimits, open_tls
from tocsin.kit.files import raise_file_limit
from tocsin.kit.leash import END_WITHIN_S
from tocsin.kit.settings import Settings

LIMITS = FrontLimits(connections=1024, per_address=256, idle_s=15.0, body_rate=2048)
GRACE_S = END_WITHIN_S - 3.0
"""For pages that are being made when the process ends; gunicorn kills the worker a second later."""
_BEAT_S = 1.0


class FrontWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """One process that serves pages."""

    def init_signals(self) -> None:
        """The loop hears those that end it; gunicorn's others mean nothing here."""
        for sign in self.SIGNALS:
            signal.signal(sign, signal.SIG_DFL)
        for sign in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGWINCH):
            signal.signal(sign, signal.SIG_IGN)

    def run(self) -> None:
        """Serve until told to end."""
        uvloop.run(self._serve(self.app.settings, self.app.limits or LIMITS))

    async def _serve(self, settings: Settings, limits: FrontLimits) -> None:
        from tocsin.console.gateway import Gateway  # Django's, which the master does not load

        raise_file_limit()
        gateway = Gateway(self.wsgi, settings)
        front = Front(gateway, limits, settings.trusted_proxies)
        ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        _listen_for_end(ended)
        for listener in self.sockets:
            await front.listen_on(listener.sock, open_tls(settings))
        watching = asyncio.create_task(front.run())
        ends: list[asyncio.Future[Any]] = [ended, watching]
        while not any(each.done() for each in ends) and os.getppid() == self.ppid:
            self.notify()
            await asyncio.wait(ends, timeout=_BEAT_S, return_when=asyncio.FIRST_COMPLETED)
        await front.stop(ended.result() if ended.done() else GRACE_S)
        gateway.end()
        if watching.done():
            watching.result()  # it ended by a fault
        watching.cancel()


def _listen_for_end(ended: asyncio.Future[float]) -> None:
    """Set to the seconds that are left for pages under way, by the signal that the master or a terminal sends."""

    def end(within_s: float) -> None:
        if not ended.done():
            ended.set_result(within_s)

    for sign, within_s in ((signal.SIGTERM, GRACE_S), (signal.SIGINT, 0.0), (signal.SIGQUIT, 0.0)):
        asyncio.get_running_loop().add_signal_handler(sign, end, within_s)
