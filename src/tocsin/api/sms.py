"""`/api/v1/sms/sendbatchsms`: from a request that was let in to its reply. The hot path: short, no query of its own.

Reads the fields, asks messaging for the checks and the group for storage and charge, and words the outcome (contract,
section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tocsin.accounts import Account
from tocsin.api import idempotency
from tocsin.api.desk import Desk
from tocsin.api.group import Fate
from tocsin.api.wire import Malformed, Reply, Request, error_reply, parse_body, text_field
from tocsin.content import Status, phrase
from tocsin.kit.db import LOST
from tocsin.kit.metrics import ACCEPTED
from tocsin.messaging import SMS, Ask, Draft, Exhausted, Refusal, check_send
from tocsin.queue import LANE
from tocsin.traffic import Reason

RETRY_AFTER_S = 2
_ACCEPTED = ACCEPTED.labels("sms")
_TWINS_MOST = 5
_PERHAPS_A_TWIN = frozenset({Fate.KEY_HELD, Fate.KEY_TAKEN, Fate.POOR})  # poor: a twin may have spent the money
_ASK_NAMES = {
    "numbers": "numbers", "content": "content", "codeId": "code_id", "action": "action", "senderId": "sender_id",
    "routing": "routing", "templateId": "template_id", "sendTime": "send_time", "timeZone": "time_zone",
}  # fmt: skip


async def send_sms(desk: Desk, account: Account, request: Request) -> Reply:
    """Answer a send. Raises wire.UnknownKind."""
    try:
        fields = parse_body(request) if request.method == "POST" else {}
        ask = read_ask(fields, request.query, request.request_id)
    except Malformed as error:
        return error_reply(Status.PLATFORM, account.language, str(error))
    key = request.idempotency_key
    if key is None:
        return await _send(desk, account, request, ask, None)
    if not key or len(key) > idempotency.KEY_MOST or "\x00" in key:
        return error_reply(Status.PLATFORM, account.language, "Idempotency-Key must have 1 to 255 ASCII characters")
    digest = idempotency.hash_request(request.path, fields, request.query)
    try:
        async with idempotency.alone(desk, account.id, key):
            kept = await idempotency.find_kept(desk, account.id, key)
            if kept is not None:
                return await _answer_again(desk, account, kept, digest)
            return await _send(desk, account, request, ask, digest)
    except LOST:
        return _unavailable(account.language)


def read_ask(fields: dict[str, Any], query: Mapping[str, str], request_id: str = "") -> Ask:
    """The fields of the send. Raises Malformed."""
    # Absent names are the rule: they are not looked at one by one.
    present = {
        _ASK_NAMES[wire]: text_field(fields, query, wire) for wire in _ASK_NAMES if wire in fields or wire in query
    }
    return Ask(**present, request_id=request_id)


async def _send(desk: Desk, account: Account, request: Request, ask: Ask, digest: bytes | None) -> Reply:
    settings = desk.settings
    most = settings.max_numbers_post if request.method == "POST" else settings.max_numbers_get
    try:
        checked = check_send(ask, account, SMS, most, desk.ground)
    except Exhausted:
        return _unavailable(account.language)
    if isinstance(checked, Refusal):
        if checked.draft is None:
            return error_reply(checked.status, account.language, checked.detail)
        fate = await desk.group.accept(checked.draft)
        return _all_bad(checked, account.language) if fate is Fate.ACCEPTED else _refused(fate, account.language)
    if digest is not None:
        checked.idempotency_key = request.idempotency_key
        checked.idempotency_hash = digest.hex()
    fate = await desk.group.accept(checked)
    for _ in range(_TWINS_MOST):
        if digest is None or fate not in _PERHAPS_A_TWIN:
            break
        kept = await idempotency.find_twin(desk, account.id, request.idempotency_key or "", wait=fate is not Fate.POOR)
        if kept is not None:
            return await _answer_again(desk, account, kept, digest)
        if fate is Fate.POOR:
            break
        fate = await desk.group.accept(checked)  # the twin was refused: its key is free
    if fate is Fate.ACCEPTED:
        desk.waker.wake(LANE)
        _ACCEPTED.inc(checked.good)
        return Reply(word_accepted(checked, account.language))
    return _refused(fate, account.language)


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


async def _answer_again(desk: Desk, account: Account, kept: tuple[bytes, int], digest: bytes) -> Reply:
    if kept[0] != digest:
        return error_reply(Status.PLATFORM, account.language, "Idempotency-Key was used with another request")
    rows = await idempotency.read_kept(desk, kept[1])
    good = [f'{{"phone":"{phone}","messageId":"{i.hex()}"}}' for i, phone, status, _ in rows if not status]
    bad = [_bad_row(i, phone, Reason(reason), account.language) for i, phone, status, reason in rows if status]
    return Reply(_word(phrase(Status.SUBMITTED, account.language), 0, str(kept[1]), (good, bad)))


def word_accepted(draft: Draft, language: str) -> bytes:
    """The page's reply: success, fail, batchNo, successData, failData."""
    if draft.good == len(draft.ids):
        good = [
            f'{{"phone":"{phone}","messageId":"{i.hex()}"}}' for i, phone in zip(draft.ids, draft.phones, strict=True)
        ]
        return _word(phrase(Status.SUBMITTED, language), 0, str(draft.batch_no), (good, []))
    good = [
        f'{{"phone":"{phone}","messageId":"{i.hex()}"}}'
        for i, phone, status in zip(draft.ids, draft.phones, draft.statuses, strict=True)
        if not status
    ]
    return _word(phrase(Status.SUBMITTED, language), 0, str(draft.batch_no), (good, _bad_rows(draft, language)))


def _all_bad(refusal: Refusal, language: str) -> Reply:
    draft = refusal.draft
    if draft is None:
        return error_reply(refusal.status, language, refusal.detail)
    text = phrase(refusal.status, language, refusal.detail)
    return Reply(_word(text, int(refusal.status), str(draft.batch_no), ([], _bad_rows(draft, language))))


def _bad_rows(draft: Draft, language: str) -> list[str]:
    if draft.good == len(draft.ids):
        return []
    return [
        _bad_row(i, phone, Reason(reason), language)
        for i, phone, reason in zip(draft.ids, draft.phones, draft.reasons, strict=True)
        if reason
    ]


def _bad_row(message_id: bytes, phone: str, reason: Reason, language: str) -> str:
    status = reason.end.status
    text = phrase(Status(status), language, "duplicate" if reason is Reason.DUPLICATE else "")
    row = {"phone": phone, "messageId": message_id.hex(), "status": status, "message": text}
    return msgspec.json.encode(row).decode()


def _word(text: str, status: int, batch_no: str, rows: tuple[list[str], list[str]]) -> bytes:
    quoted = msgspec.json.encode(text).decode()
    error = "" if status == 0 else f',"msg":{quoted}'
    good, bad = rows
    return (
        f'{{"status":{status},"message":{quoted}{error},"data":{{"success":{len(good)},"fail":{len(bad)},'
        f'"batchNo":"{batch_no}","successData":[{",".join(good)}],"failData":[{",".join(bad)}]}}}}'
    ).encode()
