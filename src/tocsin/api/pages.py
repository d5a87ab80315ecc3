"""What the API's port serves beside the API: health, readiness, metrics, the OpenAPI document and its page."""

from __future__ import annotations

from collections.abc import Callable

from tocsin.api.desk import Desk
from tocsin.api.wire import Reply, transport_reply
from tocsin.kit import metrics


def show_health(_: Desk) -> Reply:
    """The process lives."""
    return Reply(b'{"status":"ok"}')


def show_ready(desk: Desk) -> Reply:
    """It can accept: reference data is loaded, the database answers, the clock is right."""
    return Reply(b'{"status":"ready"}') if desk.is_ready() else transport_reply(503, "not ready")


def show_metrics(_: Desk) -> Reply:
    """Prometheus text format."""
    return Reply(metrics.render(), content_type=metrics.CONTENT_TYPE)


PAGES: dict[str, Callable[[Desk], Reply]] = {
    "/healthz": show_health,
    "/readyz": show_ready,
    "/metrics": show_metrics,
}
