"""A send to numbers, `/api/v1/sms/sendbatchsms` first of all: from a request that was let in to its reply.

The hot path: short, no query of its own. Reads the fields, asks messaging for the checks and the group for storage and
charge, and words the outcome (contract, section 4). What products differ in is in Send, and in messaging's Form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tocsin.accounts import Account
from tocsin.api import idempotency
from tocsin.api.desk import Desk
from tocsin.api.group import Fate
from tocsin.api.screen import return_caps, screen_send
from tocsin.api.wire import Malformed, Reply, Request, error_reply, parse_body, text_field
from tocsin.api.words import SMS_WORDING, Wording
from tocsin.content import Status, read_params
from tocsin.kit.db import LOST
from tocsin.kit.metrics import ACCEPTED, Tally
from tocsin.kit.settings import Settings
from tocsin.media import keep_files
from tocsin.messaging import SMS, Ask, Draft, Exhausted, Form, Refusal, check_mail, check_send
from tocsin.queue import LANE
from tocsin.templates import Unready

RETRY_AFTER_S = 2
_PERHAPS_STORED = frozenset({Fate.ACCEPTED, Fate.UNKNOWN})
_TWINS_MOST = 5
_CHECKS_MOST = 5
_SIGNED = 3  # account, sign, datetime: what every query has
_PERHAPS_A_TWIN = frozenset({Fate.KEY_HELD, Fate.KEY_TAKEN, Fate.POOR})  # poor: a twin may have spent the money
_ASK_NAMES = {
    "numbers": "numbers", "content": "content", "codeId": "code_id", "action": "action", "senderId": "sender_id",
    "routing": "routing", "templateId": "template_id", "sendTime": "send_time", "timeZone": "time_zone",
}  # fmt: skip
_PARAMS = "templateParams"


class Send(NamedTuple):
    """An endpoint that sends to numbers: the product's rules, its fields, its words."""

    form: Form | None  # None: an email, which has checks of its own
    read: Callable[[dict[str, Any], Mapping[str, str], str], Ask]  # raises Malformed
    most: Callable[[Settings, str], int]  # numbers in a request of this method
    wording: Wording
    accepted: Tally


async def send_sms(desk: Desk, account: Account, request: Request) -> Reply:
    """Answer a send of SMS. Raises wire.UnknownKind."""
    return await answer_send(desk, account, request, SMS_SEND)


async def answer_send(desk: Desk, account: Account, request: Request, send: Send) -> Reply:
    """Answer a send. Raises wire.UnknownKind."""
    try:
        fields = parse_body(request) if request.method == "POST" else {}
        ask = send.read(fields, request.query, request.request_id)
    except Malformed as error:
        return error_reply(Status.PLATFORM, account.language, str(error))
    key = request.idempotency_key
    if key is None:
        return await _send(desk, account, request, (send, ask, None))
    if not key or len(key) > idempotency.KEY_MOST or "\x00" in key:
        return error_reply(Status.PLATFORM, account.language, "Idempotency-Key must have 1 to 255 ASCII characters")
    digest = idempotency.hash_request(request.path, fields, request.query)
    try:
        async with idempotency.alone(desk, account.id, key):
            kept = await idempotency.find_kept(desk, account.id, key)
            if kept is not None:
                return await _answer_again(desk, account, kept, (send, digest))
            return await _send(desk, account, request, (send, ask, digest))
    except LOST:
        return _unavailable(account.language)


def read_ask(fields: dict[str, Any], query: Mapping[str, str], request_id: str = "") -> Ask:
    """The fields that sends to numbers share. Raises Malformed."""
    present: dict[str, Any] = {
        name: text_field(fields, query, wire) for wire in fields if (name := _ASK_NAMES.get(wire)) is not None
    }
    if len(query) > _SIGNED:
        for wire in query:
            if wire not in fields and (name := _ASK_NAMES.get(wire)) is not None:
                present[name] = text_field(fields, query, wire)
    if present.get("template_id") is not None:  # without one nobody reads its values
        present |= _read_params(fields, query)
    return Ask(**present, request_id=request_id)


def _read_params(fields: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Fields of Ask: the values of the template, or what is wrong with them."""
    try:
        return {"template_params": tuple(read_params(fields[_PARAMS] if _PARAMS in fields else query.get(_PARAMS)))}
    except ValueError as error:
        return {"fault": str(error)}


async def _send(desk: Desk, account: Account, request: Request, what: tuple[Send, Ask, bytes | None]) -> Reply:
    send, ask, digest = what
    try:
        checked = await check_ask(desk, account, (send.form, ask), send.most(desk.settings, request.method))
        checked, screened = await screen_send(desk, checked)
    except (Exhausted, *LOST):
        return _unavailable(account.language)
    if isinstance(checked, Refusal):
        return await _refuse(desk, account, checked, send)
    if digest is not None:
        checked.idempotency_key = request.idempotency_key
        checked.idempotency_hash = digest.hex()
    try:
        if checked.attachments:
            async with desk.pools.sends.lend(account.id) as session:
                await keep_files(session, checked.attachments)
        reply, fate = await _store(desk, account, checked, (send, digest))
    except LOST:  # in a look-up beside it: the send itself was not stored
        await return_caps(desk.pools.sends, account.id, screened)
        raise
    if fate not in _PERHAPS_STORED:
        await return_caps(desk.pools.sends, account.id, screened)
    return reply


async def _refuse(desk: Desk, account: Account, refusal: Refusal, send: Send) -> Reply:
    """Where all numbers were bad their rows are kept."""
    if refusal.draft is None:
        return send.wording.error(refusal, account.language)
    fate = await desk.group.accept(refusal.draft)
    if fate is Fate.ACCEPTED:
        return Reply(send.wording.refuse(refusal, refusal.draft, account.language))
    return _refused(fate, account.language)


async def check_ask(desk: Desk, account: Account, what: tuple[Form | None, Ask], most: int) -> Draft | Refusal:
    """All checks of a send but lists, caps and balance. Raises Exhausted."""
    form, ask = what
    for _ in range(_CHECKS_MOST):
        try:
            if form is None:
                return check_mail(ask, account, most, desk.ground)
            return check_send(ask, account, form, most, desk.ground)
        except Unready as which:
            await desk.ground.templates.prepare(which.account_id, which.kind)
    return Refusal(Status.PLATFORM, "too many templates change at once, try again")


async def _store(desk: Desk, account: Account, draft: Draft, what: tuple[Send, bytes | None]) -> tuple[Reply, Fate]:
    send, digest = what
    fate = await desk.group.accept(draft)
    for _ in range(_TWINS_MOST):
        if digest is None or fate not in _PERHAPS_A_TWIN:
            break
        kept = await idempotency.find_twin(desk, account.id, draft.idempotency_key or "", wait=fate is not Fate.POOR)
        if kept is not None:
            return await _answer_again(desk, account, kept, (send, digest)), Fate.KEY_TAKEN
        if fate is Fate.POOR:
            break
        fate = await desk.group.accept(draft)  # the twin was refused: its key is free
    if fate is Fate.ACCEPTED:
        desk.waker.wake(LANE)
        send.accepted.add(draft.good)
        return Reply(send.wording.accept(draft, account.language)), fate
    return _refused(fate, account.language), fate


def _refused(fate: Fate, language: str) -> Reply:
    if fate is Fate.POOR:
        return error_reply(Status.BALANCE_INSUFFICIENT, language)
    if fate is Fate.UNKNOWN:
        # Nobody may be told "failed": a client would send twice.
        return Reply(b"", http=504)
    if fate is Fate.BROKEN:
        return error_reply(Status.PLATFORM, language, "the request cannot be stored")
    return _unavailable(language)


def _unavailable(language: str) -> Reply:
    return error_reply(Status.PLATFORM, language, "storage is not available, try again", retry_after_s=RETRY_AFTER_S)


async def _answer_again(desk: Desk, account: Account, kept: tuple[bytes, int], what: tuple[Send, bytes]) -> Reply:
    send, digest = what
    if kept[0] != digest:
        return error_reply(Status.PLATFORM, account.language, "Idempotency-Key was used with another request")
    rows = await idempotency.read_kept(desk, account.id, kept[1])
    return Reply(send.wording.again(rows, kept[1], account.language))


def _most_of_sms(settings: Settings, method: str) -> int:
    return settings.max_numbers_post if method == "POST" else settings.max_numbers_get


SMS_SEND = Send(SMS, read_ask, _most_of_sms, SMS_WORDING, Tally(ACCEPTED.labels("sms")))
