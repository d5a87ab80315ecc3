"""What the API's port serves beside the API: health, readiness, metrics, the OpenAPI document and its page.

The page is a few small files of this package; it asks no other host for anything and says so to the browser.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from tocsin.api.desk import Desk
from tocsin.api.gauges import read_gauges
from tocsin.api.wire import Reply, transport_reply
from tocsin.kit import metrics

_HERE = Path(__file__).parent
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}

Page = Callable[[Desk], Awaitable[Reply]]


async def show_health(_: Desk) -> Reply:
    """The process lives."""
    return Reply(b'{"status":"ok"}')


async def show_ready(desk: Desk) -> Reply:
    """It can accept: reference data is loaded, the database answers, the clock is right."""
    return Reply(b'{"status":"ready"}') if desk.is_ready() else transport_reply(503, "not ready")


async def show_metrics(desk: Desk) -> Reply:
    """Prometheus text format."""
    return Reply(metrics.render(await read_gauges(desk)), content_type=metrics.CONTENT_TYPE)


async def go_to_reference(_: Desk) -> Reply:
    """A person who opens the API's address finds its reference. Relative, for a proxy that serves it below a path."""
    return Reply(b"", http=302, headers=(("location", "docs"),))


def _serve(name: str) -> Page:
    """A file of this package, read once."""
    file = _HERE / name
    reply = Reply(file.read_bytes(), content_type=_TYPES.get(file.suffix, "application/json;charset=UTF-8"))

    async def page(_: Desk) -> Reply:
        return reply

    return page


PAGES: dict[str, Page] = {
    "/": go_to_reference,
    "/healthz": show_health,
    "/readyz": show_ready,
    "/metrics": show_metrics,
    "/openapi.json": _serve("openapi.json"),
    "/docs": _serve("static/docs.html"),
    "/docs/docs.css": _serve("static/docs.css"),
    "/docs/docs.js": _serve("static/docs.js"),
    "/docs/md5.js": _serve("static/md5.js"),
    "/docs/try.js": _serve("static/try.js"),
}
