"""What a send would be, for the console's pages: the same body at another path, checked as the send is, and not sent.

So what a person is told before he confirms is worked out where the send is. Lists, caps and the balance are not looked at: a
number that they refuse costs nothing, so the amount is the most that it can be. No customer's program is answered here.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from tocsin.accounts import Account
from tocsin.api.desk import Desk
from tocsin.api.mail import EMAIL_SEND
from tocsin.api.mms import MMS_SEND
from tocsin.api.sms import RETRY_AFTER_S, SMS_SEND, Send, check_ask
from tocsin.api.voice import CODE_SEND, NOTICE_SEND
from tocsin.api.wire import Malformed, Reply, Request, data_reply, error_reply, parse_body
from tocsin.content import Status
from tocsin.messaging import Draft, Exhausted, Refusal

PREFIX: Final = "/console/quote"
SENDS: Final = {
    "/api/v1/sms/sendbatchsms": SMS_SEND,
    "/api/v1/sms/mssSend": MMS_SEND,
    "/api/v1/vos/notice": NOTICE_SEND,
    "/api/v1/vos/otp": CODE_SEND,
    "/api/v1/email/sendEmail": EMAIL_SEND,
}
_BAD_MOST = 50


async def answer_quote(desk: Desk, account: Account, request: Request) -> Reply:
    """Of the send whose path stands behind the prefix. Raises wire.UnknownKind."""
    send = SENDS[request.path.removeprefix(PREFIX)]
    try:
        checked = await _check(desk, account, request, send)
    except Malformed as error:
        return error_reply(Status.PLATFORM, "en", str(error))
    except Exhausted:
        text = "storage is not available, try again"
        return error_reply(Status.PLATFORM, "en", text, retry_after_s=RETRY_AFTER_S)
    if isinstance(checked, Draft):
        return data_reply(_describe(checked, 0, ""))
    if checked.draft is not None:
        return data_reply(_describe(checked.draft, checked.status, checked.detail))
    return data_reply({"status": int(checked.status), "detail": checked.detail})


async def _check(desk: Desk, account: Account, request: Request, send: Send) -> Draft | Refusal:
    ask = send.read(parse_body(request), {}, request.request_id)
    return await check_ask(desk, account, (send.form, ask), send.most(desk.settings, request.method))


def _describe(draft: Draft, status: int, detail: str) -> dict[str, Any]:
    """`prices`: country, units of one message (parts, minutes, or 1), its price in micro-units, and how many there are."""
    units = draft.reserved or [draft.parts] * len(draft.ids)
    rows = zip(draft.countries, units, draft.prices, draft.reasons, strict=True)
    groups = Counter((country, unit, price) for country, unit, price, reason in rows if not reason)
    bad = [
        (phone, int(reason))
        for phone, status_, reason in zip(draft.phones, draft.statuses, draft.reasons, strict=True)
        if status_
    ]
    return {
        "status": status,
        "detail": detail,
        "good": draft.good,
        "bad": len(bad),
        "refused": bad[:_BAD_MOST],
        "parts": draft.parts,
        "amount": draft.amount_micros,
        "prices": [(*group, count) for group, count in groups.most_common()],
        "content": draft.content,
        "title": draft.title,
        "dueAt": draft.due_at,
    }
