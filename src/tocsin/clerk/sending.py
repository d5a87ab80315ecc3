"""The last step of an upload: its rows are sent by the public API, request by request.

Each request has an idempotency key of its own, noted before the first try: a clerk that dies, and the next one that goes on, send
nothing twice. A request whose key may be forgotten by now is not tried again; its user is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tocsin.clerk.api import Api, Reply
from tocsin.clerk.checking import describe_send
from tocsin.clerk.patience import Patience
from tocsin.content import Status
from tocsin.files import Desk, Job, Piece, Sent, State, Step, Trouble, rows

MOST_NUMBERS: Final = 5000
_TRUSTED: Final = 0.9  # of the time for which a key is kept
_OF_ONE_TEXT: Final = frozenset(
    {Status.SENSITIVE_CONTENT, Status.CONTENT_EMPTY, Status.CONTENT_TOO_LONG, Status.NOT_TEMPLATE}
)
"""Refusals that say nothing of the next request, which has another text."""
_TROUBLES: Final[dict[int, Trouble]] = {Status.BALANCE_INSUFFICIENT: Trouble.MONEY, Status.USER_LOCKED: Trouble.LOCKED}


def send_upload(desk: Desk, job: Job, api: Api, wait: Callable[[float], None]) -> None:
    """Send what is left of it. `wait` raises where the process is to end. Raises files.Lost."""
    with desk.hold(job) as conn:
        rows.make_pieces(conn, job.id, MOST_NUMBERS)
    while True:
        wait(0)
        _tell(desk, job)
        with desk.hold(job) as conn:
            piece = rows.begin_piece(conn, job.id)
        if piece is None:
            with desk.hold(job) as conn:
                rows.drop_sent(conn, job.id)
                rows.weigh(conn, job.id)
            desk.finish(job, Step.SEND, State.DONE)
            return
        if piece.tried_s > api.idempotency_s * _TRUSTED:
            _end(desk, job, Sent(piece.piece, piece.rows, None, 0, 0, "unknown", ""))
            continue
        reply = _send(desk, job, piece, (api, wait))
        if (trouble := _take(desk, job, piece, reply)) is not None:
            desk.fail(job, trouble, {"refusal": {"status": reply.status, "message": reply.message}})
            return


def _tell(desk: Desk, job: Job) -> None:
    sums = rows.sum_pieces(desk.conn, job.id)
    desk.tell(job, sums.done, 100 * sums.done // max(sums.rows, 1))


def _send(desk: Desk, job: Job, piece: Piece, how: tuple[Api, Callable[[float], None]]) -> Reply:
    api, wait = how
    found = rows.read_piece(desk.conn, job.id, piece.piece)
    _, code_id, content = found[0]
    body = describe_send(job.asked, code_id, content, [phone for phone, _, _ in found])
    patience = Patience(wait)
    while True:
        reply = api.send(job.asked["account"], body, f"upload-{job.id}-{piece.piece}")
        if (reply.reached and reply.status == Status.SUBMITTED) or not patience.again(reply):
            return reply
        _tell(desk, job)


def _take(desk: Desk, job: Job, piece: Piece, reply: Reply) -> Trouble | None:
    """Note what became of a request; the trouble with which the whole upload stops, if any."""
    if not reply.reached:
        return Trouble.AWAY
    if reply.status == Status.SUBMITTED or reply.data.get("batchNo"):
        refused = [(str(row.get("phone")), f"status:{row.get('status')}") for row in _list(reply.data, "failData")]
        good = int(reply.data.get("success") or 0)
        batch = int(reply.data["batchNo"]) if reply.data.get("batchNo") else None
        _end(desk, job, Sent(piece.piece, piece.rows, batch, good, len(refused), "sent", ""), refused)
        return None
    if reply.status in _OF_ONE_TEXT:
        words = f"{reply.status} {reply.message}"[:200]
        _end(desk, job, Sent(piece.piece, piece.rows, None, 0, piece.rows, "refused", words))
        return None
    with desk.hold(job) as conn:
        rows.undo_piece(conn, job.id, piece.piece)
    return _TROUBLES.get(reply.status, Trouble.REFUSED)


def _list(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = data.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _end(desk: Desk, job: Job, sent: Sent, refused: list[tuple[str, str]] | None = None) -> None:
    with desk.hold(job) as conn:
        rows.end_piece(conn, job.id, sent, refused or [])
