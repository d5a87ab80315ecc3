"""`/api/v1/sms/mssSend` (the page's spelling) and `/sms/mmsSend`: the fields of an MMS, and its files (contract, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tocsin.accounts import Account
from tocsin.api.desk import Desk
from tocsin.api.files import FIELD, Rule, read_files
from tocsin.api.sms import Send, answer_send, read_ask
from tocsin.api.wire import Reply, Request, text_field
from tocsin.api.words import PAIR_WORDING
from tocsin.content import MOST_ATTACHMENT_BYTES, name_attachment, sniff
from tocsin.kit.metrics import ACCEPTED, Tally
from tocsin.messaging import MMS, Ask
from tocsin.traffic import Attachment

FILES_MOST = 20


async def send_mms(desk: Desk, account: Account, request: Request) -> Reply:
    """Answer a send of MMS. Raises wire.UnknownKind."""
    return await answer_send(desk, account, request, MMS_SEND)


def read_mms(fields: dict[str, Any], query: Mapping[str, str], request_id: str = "") -> Ask:
    """The fields of an MMS; what is wrong with its files is said in `fault`. Raises wire.Malformed."""
    own: dict[str, Any] = {"title": text_field(fields, query, "title"), "action": None}
    try:
        own["attachments"] = read_files(fields.get(FIELD, fields.get(f"{FIELD}[]")), _RULE)
    except ValueError as error:
        own["fault"] = str(error)
    return msgspec.structs.replace(read_ask(fields, query, request_id), **own)


def _name(name: str, number: int, data: bytes) -> Attachment:
    media = sniff(data)
    if media is None:
        raise ValueError(
            f"{FIELD} {number}: its content is none of png, jpg, bmp, gif, webp, psd, svg, tiff, mp3, wav, txt, vcf"
        )
    return Attachment(name_attachment(name, number, media), media.mime, data)


_RULE = Rule(FILES_MOST, MOST_ATTACHMENT_BYTES, _name)
MMS_SEND = Send(
    MMS, read_mms, lambda settings, _: settings.max_numbers_other, PAIR_WORDING, Tally(ACCEPTED.labels("mms"))
)
