"""The counters that more than one context adds to, and their text for Prometheus.

Under `tocsin up` all processes of a machine count into files of one folder (PROMETHEUS_MULTIPROC_DIR, prometheus_client's
own multi-process mode), so that /metrics of each API process shows what all of them, worker, pusher and helper count.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest, values
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_FLUSH_S = 0.25
_PID = os.getpid()
_FILE, _FILE_BYTES = "counter_{}.db", 1 << 16  # as prometheus_client names it, and makes it at first


def _make_file(folder: str) -> None:
    """The file that this process counts into: for our eyes alone, and whole as soon as a scrape can see it."""
    place = Path(folder, _FILE.format(_PID))
    if place.exists():  # of a process that had this number before: its counts stay
        return
    draft = place.with_suffix(".new")
    draft.touch(mode=0o600)
    os.truncate(draft, _FILE_BYTES)
    draft.replace(place)


if os.environ.get(FOLDER):
    _make_file(os.environ[FOLDER])
    # Our processes do not fork: asking the system for the pid at each count would cost more than the count.
    values.ValueClass = values.MultiProcessValue(lambda: _PID)  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ProcessCollector(registry=REGISTRY)

Child = Counter
"""A counter with its labels chosen."""

LOOP_ERRORS = Counter("tocsin_loop_errors", "Faults caught at the edge of a loop.", ["loop"], registry=REGISTRY)
LOST_EVENTS = Counter(
    "tocsin_lost_events",
    "Opens and clicks that were not stored: the database was away, or their address over its share.",
    registry=REGISTRY,
)
DATABASE_LOSSES = Counter(
    "tocsin_database_losses", "Connections to the database that were lost.", ["session"], registry=REGISTRY
)
REQUESTS = Counter(
    "tocsin_requests",
    "Requests answered, by endpoint and status of the reply.",
    ["endpoint", "status"],
    registry=REGISTRY,
)
ACCEPTED = Counter("tocsin_messages_accepted", "Messages accepted.", ["product"], registry=REGISTRY)
SUBMITTED = Counter(
    "tocsin_messages_submitted", "Submissions answered by a carrier.", ["channel", "outcome"], registry=REGISTRY
)
FAILED_OVER = Counter(
    "tocsin_messages_failed_over",
    "Messages that left the lane of a channel in trouble.",
    ["channel"],
    registry=REGISTRY,
)
RECEIPTS = Counter("tocsin_receipts", "Receipts from carriers.", ["channel"], registry=REGISTRY)
PUSHES = Counter("tocsin_pushes", "Pushes to endpoints of accounts.", ["result"], registry=REGISTRY)


class Tally:
    """A counter of the hot path: an addition now, the lock and the shared file with the next `flush`."""

    __slots__ = ("_counter", "_pending")

    def __init__(self, counter: Child) -> None:
        self._counter = counter
        self._pending = 0
        _tallies.append(self)

    def add(self, count: int = 1) -> None:
        """So many more."""
        self._pending += count

    def flush(self) -> None:
        """Count what came since the last time."""
        count, self._pending = self._pending, 0
        if count:
            self._counter.inc(count)


_tallies: list[Tally] = []


def flush() -> None:
    """Count what all tallies have."""
    for tally in _tallies:
        tally.flush()


async def flush_on() -> None:
    """The same again and again, until cancelled."""
    while True:
        await asyncio.sleep(_FLUSH_S)
        flush()


class _Given:
    """Metrics that were read elsewhere, as a collector."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def render(others: Iterable[Metric] = ()) -> bytes:
    """All metrics in Prometheus's text form: of all processes that count into one folder, else of this one; and `others`."""
    flush()
    given = CollectorRegistry()
    given.register(_Given(others))
    folder = os.environ.get(FOLDER)
    if not folder:
        return generate_latest(REGISTRY) + generate_latest(given)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(_Given(_describe_processes(folder)))
    return generate_latest(registry) + generate_latest(given)


def _describe_processes(folder: str) -> Iterable[Metric]:
    """CPU, memory and files of each process that counts: whichever API process is scraped, the same series."""
    found: dict[str, Metric] = {}
    for file in Path(folder).glob(_FILE.format("*")):
        pid = file.stem.rpartition("_")[2]
        name = _find_process(pid)
        for metric in ProcessCollector(pid=partial(str, pid), registry=None).collect() if name else ():
            family = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                family.add_sample(sample.name, {"process": name, "pid": pid}, sample.value)
    return found.values()


def _find_process(pid: str) -> str:
    """Which of ours it is, such as "api"; "": it has ended, and another program may have its number."""
    try:
        words = Path("/proc", pid, "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return ""
    return words[-1].rpartition(".")[2] if any("tocsin" in word for word in words) else ""
