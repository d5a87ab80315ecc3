"""Voice notices and voice codes: `/api/v1/vos/notice`, `/api/v1/vos/otp` (contract, section 4).

A call is charged by the minute: the longest one that its channel makes is reserved, and settled before its report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tocsin.accounts import Account
from tocsin.api.desk import Desk
from tocsin.api.sms import Send, answer_send, read_ask
from tocsin.api.wire import Reply, Request, text_field
from tocsin.api.words import NOTICE_WORDING, PAIR_WORDING
from tocsin.kit.metrics import ACCEPTED, Tally
from tocsin.messaging import VOICE_NOTICE, VOICE_OTP, Ask

_CODES_MOST = 1


async def send_notice(desk: Desk, account: Account, request: Request) -> Reply:
    """Answer a send of voice notices. Raises wire.UnknownKind."""
    return await answer_send(desk, account, request, NOTICE_SEND)


async def send_code(desk: Desk, account: Account, request: Request) -> Reply:
    """Answer a send of a voice code. Raises wire.UnknownKind."""
    return await answer_send(desk, account, request, CODE_SEND)


def read_call(fields: dict[str, Any], query: Mapping[str, str], request_id: str = "") -> Ask:
    """The fields of a call; `showPhone` is the number that it comes from. Raises wire.Malformed."""
    shown = text_field(fields, query, "showPhone")
    return msgspec.structs.replace(read_ask(fields, query, request_id), sender_id=shown, action=None)


NOTICE_SEND = Send(
    VOICE_NOTICE,
    read_call,
    lambda settings, _: settings.max_numbers_other,
    NOTICE_WORDING,
    Tally(ACCEPTED.labels("voice")),
)
CODE_SEND = Send(VOICE_OTP, read_call, lambda _, __: _CODES_MOST, PAIR_WORDING, Tally(ACCEPTED.labels("otp")))
