"""What /metrics says of channels: read from the database, where all workers write it, with every scrape.

Labels are names of channels and countries, so their number is bounded. While the database is away these gauges are missing;
the counters of this machine are there all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tocsin import queue, routing
from tocsin.api.desk import Desk
from tocsin.kit.db import LOST
from tocsin.queue import LiveChannel
from tocsin.routing import Breaker

log = logging.getLogger(__name__)

_WITHIN_S = 2.0
_BREAKERS = {"half-open": 1, "open": 2}

_GAUGES: list[tuple[str, str, Callable[[LiveChannel], float]]] = [
    ("tocsin_channel_binds", "Binds that stand now.", lambda c: c.binds),
    ("tocsin_channel_binds_wanted", "Binds that should stand.", lambda c: c.binds_wanted),
    ("tocsin_channel_window", "Parts that may be under way.", lambda c: c.window),
    ("tocsin_channel_in_flight", "Parts without an answer.", lambda c: c.in_flight),
    ("tocsin_channel_rate", "Answered parts per second, over the last seconds.", lambda c: c.rate_per_s),
    ("tocsin_channel_receipt_delay_seconds", "From hand-over to receipt.", lambda c: c.receipt_delay_ms / 1000),
    ("tocsin_channel_waiting", "Messages that are ready and wait.", lambda c: c.waiting),
    ("tocsin_channel_delayed", "Messages that wait for a later try.", lambda c: c.delayed),
    ("tocsin_channel_in_hand", "Messages in the hands of workers.", lambda c: c.in_hand),
    ("tocsin_channel_oldest_seconds", "Since when the oldest waiting item is ready.", lambda c: c.oldest_s),
]


async def read_gauges(desk: Desk) -> list[Metric]:
    """All of them; empty while the database is away."""
    try:
        async with asyncio.timeout(_WITHIN_S), desk.pools.links.lend("gauges") as session:
            live, breakers = await queue.read_live(session), await routing.read_breakers(session)
    except (TimeoutError, *LOST):
        log.info("the state of channels waits for the database")
        return []
    return [*describe(live), describe_breakers(breakers)]


def describe(live: Sequence[LiveChannel]) -> list[Metric]:
    """Families of metrics, by channel."""
    found: list[Metric] = []
    for name, says, value in _GAUGES:
        gauge = GaugeMetricFamily(name, says, labels=["channel"])
        for channel in live:
            gauge.add_metric([channel.name], value(channel))
        found.append(gauge)
    answers = CounterMetricFamily(
        "tocsin_channel_answers", "Parts by their answer, since the links were made.", labels=["channel", "outcome"]
    )
    for channel in live:
        for outcome in ("accepted", "temporary", "permanent", "throttled", "unknown"):
            answers.add_metric([channel.name, outcome.upper()], getattr(channel, outcome))
    found.append(answers)
    return found


def describe_breakers(breakers: Sequence[Breaker]) -> Metric:
    """Those that are not closed."""
    gauge = GaugeMetricFamily(
        "tocsin_channel_breaker",
        "Circuit breaker of a channel to a country: 1 half-open, 2 open; absent: closed.",
        labels=["channel", "country"],
    )
    for breaker in breakers:
        if breaker.state in _BREAKERS:
            gauge.add_metric([breaker.channel, breaker.country], _BREAKERS[breaker.state])
    return gauge
