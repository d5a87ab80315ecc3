"""Webhooks of the demo's past: one that works, one whose server is down now, one that is paused; with their pushes.

The other kinds are left to be set. No server stands behind these URLs: `.example` belongs to nobody.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import webhooks
from tocsin.bootstrap.sends import QUERIES, Owner, Send
from tocsin.kit.seal import Seal
from tocsin.traffic import Reason

Conn = Connection[TupleRow]

_HOST: Final = "hooks.acme.example"
_ERRORS: Final = {200: "", 410: "answered 410", 413: "answered 413", 503: "answered 503"}
_ANSWERS: Final = {200: '{"status":"ok"}', 410: "gone", 413: "row not known", 503: "<h1>Service Unavailable</h1>"}


class _Pushed(NamedTuple):
    """Tries of a batch's report: after how many seconds each, and its status. What was never taken waits, or is set aside."""

    kind: str
    scene: str
    tries: tuple[tuple[float, int], ...]
    aside: bool = False


_PUSHES: Final = (
    _Pushed("mail", "opened", ((0.1, 200),)),
    _Pushed("mail", "bounced", ((0.1, 413), (6.0, 413), (20.0, 413)), aside=True),
    _Pushed("vos", "called", ((0.1, 503), (6.0, 200))),
    _Pushed("vos", "busy", ((0.1, 503), (5.0, 503), (16.0, 503))),
    _Pushed("mms", "picture", ((0.1, 410),)),
)


def add_hooks(conn: Conn, owner: Owner, sends: dict[str, Send], seal: Seal, now: datetime) -> None:
    """Set those that are not set already, with what was pushed there. In the caller's transaction."""
    taken = {view.kind for view in webhooks.list_endpoints(conn, owner.id)}
    kinds = [kind for kind in ("mail", "vos", "mms") if kind not in taken]
    made = {kind: webhooks.set_endpoint(conn, owner.id, kind, _name_url(kind), seal.seal).id for kind in kinds}
    for pushed in _PUSHES:
        if pushed.kind in made:
            _push(conn, owner, made[pushed.kind], pushed, (sends[pushed.scene], now))
    if "mail" in made:
        _test(conn, owner, made["mail"], now - timedelta(seconds=200))
        at = now - timedelta(seconds=150)
        facts = {"account": owner.id, "kind": "mail", "at": at, "since": at - timedelta(hours=1)}
        conn.execute(QUERIES["replayed"], facts)
    since = {"mms": sends["picture"], "vos": sends["busy"]}
    for kind, endpoint_id in made.items():
        failed_at = datetime.fromtimestamp(since[kind].ms / 1000 + 12, now.tzinfo) if kind in since else None
        facts = {"id": endpoint_id, "ms": sends["opened"].ms - 60_000, "failing": failed_at if kind == "vos" else None}
        conn.execute(QUERIES["hook_state"], facts | {"paused": failed_at if kind == "mms" else None})


def _name_url(kind: str) -> str:
    return f"https://{_HOST}/tocsin/{kind}"


def _push(conn: Conn, owner: Owner, endpoint_id: int, pushed: _Pushed, of: tuple[Send, datetime]) -> None:
    send, now = of
    row = conn.execute(QUERIES["reports_pushed"], {"account": owner.id, "no": send.batch_no}).fetchone()
    assert row is not None
    message_id, phone, handed_s, reason, count, fee, ended = row
    facts = webhooks.ReportFacts(message_id.bytes, phone, handed_s, Reason(reason), send.batch_no, count, fee)
    body = webhooks.report_row(facts, webhooks.shape(pushed.kind))
    (outbox_id,) = conn.execute(QUERIES["outbox_id"]).fetchone() or (0,)
    tried = {"endpoint": endpoint_id, "outbox": outbox_id, "webhook": f"msg_{outbox_id:x}", "ids": [message_id]}
    for after_s, status in pushed.tries:
        at = ended + timedelta(seconds=after_s)
        conn.execute(QUERIES["attempt"], tried | _describe(pushed.kind, tried["webhook"], at, status, body))
    if pushed.tries[-1][1] != 200:
        waits = {"due": now + timedelta(hours=1), "attempts": len(pushed.tries), "aside": pushed.aside, "at": ended}
        conn.execute(QUERIES["waiting_push"], tried | waits | {"body": body})


def _test(conn: Conn, owner: Owner, endpoint_id: int, at: datetime) -> None:
    body = b'["00000000000000000000000000000000","test@example.com","","1","success","0"]'
    row = conn.execute(
        QUERIES["test_push"], {"account": owner.id, "endpoint": endpoint_id, "at": at, "body": body}
    ).fetchone()
    assert row is not None
    tried = {"endpoint": endpoint_id, "outbox": -row[0], "webhook": f"msg_test_{row[0]:x}", "ids": []}
    conn.execute(QUERIES["attempt"], tried | _describe("mail", tried["webhook"], at, 200, body))


def _describe(kind: str, webhook_id: str, at: datetime, status: int, row: bytes) -> dict[str, Any]:
    """A try, with the request and the answer as they are kept. The signature is none: nothing was sent."""
    body = webhooks.body(kind, 1, row).decode()
    lines = (
        f"POST /tocsin/{kind} HTTP/1.1", f"Host: {_HOST}", "Content-Type: application/json;charset=UTF-8", "Accept: */*",
        "User-Agent: Tocsin", f"webhook-id: {webhook_id}", f"webhook-timestamp: {int(at.timestamp())}",
        "webhook-signature: v1,ZGVtbw==", f"Content-Length: {len(body.encode())}",
    )  # fmt: skip
    return {
        "at": at, "took": 41 if status == 200 else 7, "status": status, "error": _ERRORS[status], "answer": _ANSWERS[status],
        "request": "\r\n".join(lines) + "\r\n\r\n" + body, "head": "Server: nginx\r\nContent-Type: text/plain",
    }  # fmt: skip
