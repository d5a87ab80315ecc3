"""The counters that more than one context adds to, and their text for Prometheus.

Under `tocsin up` all processes of a machine count into files of one folder (PROMETHEUS_MULTIPROC_DIR, prometheus_client's
own multi-process mode), so that the API's /metrics shows what worker, pusher and helper count too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest, values
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_FLUSH_S = 0.25
_PID = os.getpid()
if os.environ.get(FOLDER):
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
    if not os.environ.get(FOLDER):
        return generate_latest(REGISTRY) + generate_latest(given)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    ProcessCollector(registry=registry)
    return generate_latest(registry) + generate_latest(given)
