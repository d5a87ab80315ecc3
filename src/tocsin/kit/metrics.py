"""The registry of this process and the counters that more than one context adds to."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest

REGISTRY = CollectorRegistry()
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ProcessCollector(registry=REGISTRY)

Child = Counter
"""A counter with its labels chosen."""

LOOP_ERRORS = Counter("tocsin_loop_errors", "Faults caught at the edge of a loop.", ["loop"], registry=REGISTRY)
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
RECEIPTS = Counter("tocsin_receipts", "Receipts from carriers.", ["channel"], registry=REGISTRY)
PUSHES = Counter("tocsin_pushes", "Pushes to endpoints of accounts.", ["result"], registry=REGISTRY)


def render() -> bytes:
    """All metrics of this process in Prometheus's text form."""
    return generate_latest(REGISTRY)
