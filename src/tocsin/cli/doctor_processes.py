"""The doctor's look at processes: which run, on which machines, since when, and how often they had to be started again.

All machines are seen by table `process`. What `tocsin up` counted of its own children is in the home of its machine alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tocsin import queue
from tocsin.bootstrap.services import Service, read_services
from tocsin.cli.finding import LOOK, OK, WRONG, Finding, tell_age
from tocsin.cli.store import Conn
from tocsin.kit import clock
from tocsin.kit.settings import Settings

_NEEDED = ("api", "worker", "push")
_OF_CONSOLE = ("console", "clerk")
_HELPER = "bulk"  # of an API, for large sends


def look_at_processes(conn: Conn, settings: Settings) -> Iterator[Finding]:
    """A finding for each kind, one for those that ended without a word, one for each that was started again."""
    processes = queue.list_processes(conn)
    services = read_services(settings.home)
    for kind in (*_NEEDED, *_OF_CONSOLE, _HELPER):
        alive = [each for each in processes if each.kind == kind and each.alive]
        if alive:
            yield Finding(f"process {kind}", OK, ", ".join(_tell_place(each) for each in alive))
        elif kind in _NEEDED or (kind in _OF_CONSOLE and settings.console_port):
            yield Finding(f"process {kind}", WRONG, _tell_absence(kind, services.get(kind)))
        elif kind == _HELPER and any(each.kind == "api" and each.alive for each in processes):
            yield Finding(f"process {kind}", LOOK, "none runs: the API takes no sends of over 8 KB")
    dead = Counter(f"{each.kind} on {each.host}" for each in processes if not each.alive)
    if dead:
        told = ", ".join(f"{count} {place}" for place, count in sorted(dead.items()))
        yield Finding("processes", LOOK, f"ended without a word in the last hour, what they held is taken over: {told}")
    for name, service in services.items():
        if service.restarts:
            yield Finding(f"restarts {name}", LOOK, _tell_restarts(service))


def _tell_place(process: queue.Process) -> str:
    return f"{process.host} pid {process.pid} for {tell_age(clock.now_s() - process.started_at.timestamp())}"


def _tell_absence(kind: str, service: Service | None) -> str:
    if service is not None and service.reason:
        return f"none runs: {service.reason}; see {service.log}"
    hint = " (TOCSIN_CONSOLE_PORT=0 says that none is wanted)" if kind in _OF_CONSOLE else ""
    return f"none runs{hint}"


def _tell_restarts(service: Service) -> str:
    last = tell_age(clock.now_s() - service.restarts[-1])
    return f"{len(service.restarts)} in the last hour on this machine, the last {last} ago: {service.reason}"
