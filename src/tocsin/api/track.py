"""`/t/...`: the links of emails. A pixel, a redirect, and unsubscribing, by one click of a mail program (RFC 8058) too.

The token says everything and is signed: nothing is looked up before the answer, and nobody is sent where this
installation has not signed. What was done is stored before the answer; where the database is away the person gets what
they asked for all the same, and the event is counted as lost. To unsubscribe is never answered before it is stored.
"""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from urllib.parse import quote

from tocsin.api.desk import Desk
from tocsin.api.wire import Reply, refuse_method, transport_reply
from tocsin.content import Asked, LinkKind, Token, read_token
from tocsin.kit import clock
from tocsin.kit.address import limit_key
from tocsin.kit.db import LOST
from tocsin.kit.metrics import LOST_EVENTS
from tocsin.messaging import Reaction, record_reactions
from tocsin.queue import OUTBOX
from tocsin.traffic import ReactionKind

_LOG = logging.getLogger(__name__)

PREFIX = "/t/"
_KINDS = {
    LinkKind.OPEN: ReactionKind.OPENED,
    LinkKind.CLICK: ReactionKind.CLICKED,
    LinkKind.UNSUBSCRIBE: ReactionKind.UNSUBSCRIBED,
}
_METHODS = {
    LinkKind.OPEN: frozenset({"GET", "HEAD"}),
    LinkKind.CLICK: frozenset({"GET", "HEAD"}),
    LinkKind.UNSUBSCRIBE: frozenset({"GET", "HEAD", "POST"}),
}
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_UNCACHED = ("cache-control", "no-store, max-age=0")
_ALONE = (
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-frame-options", "DENY"),
)
_HTML = "text/html; charset=utf-8"
_ASCII = bytes(range(0x21, 0x7F)).decode()
"""What a header takes as it is; the rest of a URL goes as percent-encoded UTF-8 (RFC 3987, section 3.1)."""

_FOLDER = Path(__file__).with_name("static")
_ASK, _DONE = ((_FOLDER / name).read_bytes() for name in ("unsubscribe.html", "unsubscribed.html"))


async def answer_link(desk: Desk, path: str, agent: str, asked: Asked) -> Reply:
    """Answer a request below PREFIX."""
    token = read_token(desk.tracking.keys, path[len(PREFIX) :]) if desk.tracking.keys else None
    if token is None:
        return transport_reply(404, "Not found")
    if asked.method not in _METHODS[token.kind]:
        return refuse_method(_METHODS[token.kind])
    if token.kind is LinkKind.UNSUBSCRIBE:
        return await _unsubscribe(desk, token, agent, asked)
    await _try_to_record(desk, token, agent, asked)
    if token.kind is LinkKind.CLICK:
        return Reply(b"", http=302, headers=(("location", quote(token.url, safe=_ASCII)), _UNCACHED))
    return Reply(_PIXEL, content_type="image/gif", headers=(_UNCACHED,))


async def _try_to_record(desk: Desk, token: Token, agent: str, asked: Asked) -> None:
    """An address that is over its share, or a database that is away, costs the event and not the answer."""
    if not desk.tracking.window.take(limit_key(asked.ip), clock.now_s()):
        LOST_EVENTS.inc()
        return
    try:
        await _record(desk, token, agent, asked)
    except LOST as error:
        LOST_EVENTS.inc()
        _LOG.warning("an open or a click was not stored: %s", error)


async def _unsubscribe(desk: Desk, token: Token, agent: str, asked: Asked) -> Reply:
    """A look asks, for filters look at every link; a POST does it."""
    if asked.method != "POST":
        return Reply(_ASK, content_type=_HTML, headers=(_UNCACHED, *_ALONE))
    try:
        await _record(desk, token, agent, asked)
    except LOST:
        return transport_reply(503, "Try again")
    return Reply(_DONE, content_type=_HTML, headers=(_UNCACHED, *_ALONE))


async def _record(desk: Desk, token: Token, agent: str, asked: Asked) -> None:
    reaction = Reaction(token.message_id, _KINDS[token.kind], clock.now_s(), agent, asked, token.url)
    tracking = desk.tracking
    async with desk.pools.links.lend(token.message_id) as session:
        await record_reactions(session, [reaction], desk.terms.books, tracking.ids, tracking.places)
    desk.waker.wake(OUTBOX)
