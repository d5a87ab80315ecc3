"""`/api/v1/sms/mssSend` (the page's spelling) and `/sms/mmsSend`: the fields of an MMS, and its files (contract, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tocsin.accounts import Account
from tocsin.api.desk import Desk
from tocsin.api.sms import Send, answer_send, read_ask
from tocsin.api.wire import Reply, Request, Upload, text_field
from tocsin.api.words import PAIR_WORDING
from tocsin.content import MOST_ATTACHMENT_BYTES, name_attachment, read_base64, sniff
from tocsin.kit.metrics import ACCEPTED, Tally
from tocsin.messaging import MMS, Ask
from tocsin.traffic import Attachment

FILES_MOST = 20
_FIELD = "attachment"


async def send_mms(desk: Desk, account: Account, request: Request) -> Reply:
    """Answer a send of MMS. Raises wire.UnknownKind."""
    return await answer_send(desk, account, request, _MMS)


def read_mms(fields: dict[str, Any], query: Mapping[str, str], request_id: str = "") -> Ask:
    """The fields of an MMS; what is wrong with its files is said in `fault`. Raises wire.Malformed."""
    own: dict[str, Any] = {"title": text_field(fields, query, "title"), "action": None}
    try:
        own["attachments"] = read_files(fields.get(_FIELD, fields.get(f"{_FIELD}[]")))
    except ValueError as error:
        own["fault"] = str(error)
    return msgspec.structs.replace(read_ask(fields, query, request_id), **own)


def read_files(value: object) -> tuple[Attachment, ...]:
    """Files of a multipart body, or base64 texts of JSON: one or a list of them. Raises ValueError with a sentence."""
    if value is None or value == "":
        return ()
    listed = value if isinstance(value, list) else [value]
    if len(listed) > FILES_MOST:
        raise ValueError(f"{_FIELD}: {len(listed)} files, {FILES_MOST} at most")
    files: list[Attachment] = []
    left = MOST_ATTACHMENT_BYTES
    for number, each in enumerate(listed, 1):
        name, data = _read_one(each, left)
        left -= len(data)
        if left < 0:
            raise ValueError(f"{_FIELD}: over {MOST_ATTACHMENT_BYTES} bytes together")
        files.append(_name(name, number, data))
    return tuple(files)


def _read_one(value: object, most_bytes: int) -> tuple[str, bytes]:
    if isinstance(value, Upload):
        return value.name, value.data
    if isinstance(value, str):
        try:
            return "", read_base64(value, most_bytes)
        except ValueError as error:
            raise ValueError(f"{_FIELD}: {error}") from None
    raise ValueError(f"{_FIELD} must be files or base64 texts")


def _name(name: str, number: int, data: bytes) -> Attachment:
    media = sniff(data)
    if media is None:
        raise ValueError(
            f"{_FIELD} {number}: its content is none of png, jpg, bmp, gif, webp, psd, svg, tiff, mp3, wav, txt, vcf"
        )
    return Attachment(name_attachment(name, number, media), media.mime, data)


_MMS = Send(MMS, read_mms, lambda settings, _: settings.max_numbers_other, PAIR_WORDING, Tally(ACCEPTED.labels("mms")))
