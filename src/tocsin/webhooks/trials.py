"""Test events: a push with made-up rows, for one who wants to see whether his server takes it.

Asked for in a transaction, posted by a pusher within a moment: through the same guard, with the same signature, marked by
a header of its own. It is tried once, whatever state the endpoint is in, and counts nowhere: no row of the outbox, no
health, no retry. What came of it stands among the endpoint's attempts.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.egress import Egress
from tocsin.kit.metrics import DATABASE_LOSSES, LOOP_ERRORS
from tocsin.traffic import Reason
from tocsin.webhooks import rows, store
from tocsin.webhooks.model import AttemptView, Endpoint, Push
from tocsin.webhooks.post import Keys, describe, post
from tocsin.webhooks.settle import Settler
from tocsin.webhooks.store import QUERIES

Connection = psycopg.Connection[Any]

MOST_A_MINUTE = 10
_LOOK_S = 0.3
_AGAIN_S = 1.0
_AT_ONCE = 16
_PHONE, _ADDRESS = "81234567801", "someone@example.com"

_LOG = logging.getLogger("tocsin.push")


class NoEndpointError(ValueError):
    """The account has no endpoint of that kind."""


class TooManyTestsError(ValueError):
    """The account asked for as many as it may in a minute."""


class TrialView(NamedTuple):
    """A test event; `attempt` None: not tried yet, or never where no pusher runs."""

    id: int
    endpoint_id: int
    kind: str
    asked_at: datetime
    attempt: AttemptView | None


class Asked(NamedTuple):
    """One that a pusher took on."""

    id: int
    body: bytes
    endpoint: Endpoint


def ask_test(conn: Connection, account_id: int, kind: str) -> int:
    """Have a test event of `kind` posted; its id. In the caller's transaction. Raises NoEndpointError, TooManyTestsError."""
    found = conn.execute(QUERIES["find_endpoint"], (account_id, kind)).fetchone()
    if found is None:
        raise NoEndpointError(f"the account has no endpoint for {kind}: set one first")
    endpoint_id, eight_fields, swap_uplink = found
    recent = conn.execute(QUERIES["recent_tests"], (account_id,)).fetchone()
    if recent is not None and recent[0] >= MOST_A_MINUTE:
        raise TooManyTestsError(f"{MOST_A_MINUTE} test events a minute at most: wait a little")
    body = make_body(kind, clock.now_s(), eight_fields=eight_fields, swap_uplink=swap_uplink)
    row = conn.execute(QUERIES["ask_test"], (account_id, endpoint_id, body)).fetchone()
    assert row is not None
    return int(row[0])


def find_test(conn: Connection, account_id: int, test_id: int) -> TrialView | None:
    """A test event of the account and what came of it."""
    row = conn.execute(QUERIES["find_test"], (test_id, account_id)).fetchone()
    if row is None:
        return None
    attempt = AttemptView(*row[4:]) if row[4] is not None else None
    return TrialView(row[0], row[1], row[2], row[3], attempt)


def make_body(kind: str, now_s: float, *, eight_fields: bool = False, swap_uplink: bool = False) -> bytes:
    """What waits in an outbox for such a push: one row of the kind, of no message and no batch."""
    at_s = int(now_s)
    if kind == "uplink":
        return rows.uplink_body(
            _PHONE, "10001", "Hello, this is a test", at_s, message_id=bytes(16).hex(), swap=swap_uplink
        )
    if kind == "tracking":
        return rows.event_row(
            rows.EventRow(
                bytes(16).hex(), "0", "example.com", _ADDRESS, at_s, "OPENED", "Japan", "Tokyo", "Desktop", "Linux"
            )
        )
    facts = rows.ReportFacts(bytes(16), _ADDRESS if kind == "mail" else _PHONE, at_s, Reason.SUCCESS, 0, 1, 0)
    return rows.report_row(facts, rows.shape(kind, eight_fields=eight_fields))


class Trials:
    """Posts test events. One per pusher, with a session of its own."""

    def __init__(self, session: Session, egress: Egress, keys: Keys, settler: Settler) -> None:
        self._session = session
        self._egress = egress
        self._keys = keys
        self._settler = settler
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            wait_s = _LOOK_S
            try:
                await self._look()
            except LOST:
                DATABASE_LOSSES.labels("push tests").inc()
                wait_s = _AGAIN_S
            except Exception:  # noqa: BLE001  edge of the loop: pushes themselves do not depend on it
                LOOP_ERRORS.labels("push tests").inc()
                _LOG.exception("test events cannot be looked for")
                wait_s = _AGAIN_S
            await asyncio.sleep(wait_s)

    async def _look(self) -> None:
        room = _AT_ONCE - len(self._running)
        for asked in await store.take_tests(self._session, room) if room else ():
            task = asyncio.create_task(self._try(Asked(asked[0], asked[1], Endpoint(*asked[2:]))))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _try(self, asked: Asked) -> None:
        push = Push(-asked.id, 0, 1, 0, True, False, f"msg_test_{asked.id:x}", asked.body)
        try:
            result = await post(self._egress, asked.endpoint, self._keys, push, test=True)
            self._settler.note(store.note_test(asked.endpoint.id, push, result, describe(asked.endpoint.url, result)))
        except Exception:  # noqa: BLE001  edge of a task: nobody waits for it but the page, which says that nothing came
            LOOP_ERRORS.labels("push tests").inc()
            _LOG.exception("a test event to endpoint %d failed within", asked.endpoint.id)
