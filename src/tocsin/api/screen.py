"""Screens a checked send: lists, opt-outs, quiet hours, caps and spend (compliance), before it is charged and stored.

Free where nothing is configured. It runs after the look-up of the idempotency key, so that a twin takes nothing out of a
cap twice; what a refused send took goes back.
"""

from __future__ import annotations

import logging

from tocsin.api.desk import Desk, Readers
from tocsin.compliance import Screened, give_back, settle, sift
from tocsin.content import Status
from tocsin.kit import clock
from tocsin.kit.db import LOST
from tocsin.messaging import Draft, Refusal, refuse_some, sending_of

log = logging.getLogger(__name__)

NOTHING = Screened()


async def screen_send(desk: Desk, checked: Draft | Refusal) -> tuple[Draft | Refusal, Screened]:
    """The send as it may go, and what to `return_caps` of if it is not stored after all. Raises kit.db.LOST."""
    draft = checked.draft if isinstance(checked, Refusal) else checked
    if draft is None or desk.ground.guards.idle(draft.account_id, draft.priority):
        return checked, NOTHING
    sending = sending_of(draft)
    now_s = clock.now_s()
    screened = sift(sending, desk.ground.guards, now_s)
    if screened.asks:
        async with desk.pools.sends.lend(draft.account_id) as session:
            await settle(session, sending, screened, now_s)
    if screened.spend_stop:
        return Refusal(Status.BALANCE_INSUFFICIENT, "the spend limit is reached"), screened
    refuse_some(draft, screened.refused)
    if not draft.due_at:  # what is scheduled meets the quiet hours when it is due
        draft.held = screened.held
    if not draft.good:
        return Refusal(Status(draft.statuses[0]), draft=draft), screened
    return draft, screened


async def return_caps(readers: Readers, account_id: int, screened: Screened) -> None:
    """The send was not stored: the caps are as before, unless the database is away.

    Then windows stay fuller than they should be until they end: the reply to the send is known and does not wait for that.
    """
    if screened.taken is None:
        return
    try:
        async with readers.lend(account_id) as session:
            await give_back(session, screened)
    except LOST as error:
        log.warning("what a refused send took out of caps could not be given back: %s", error)
