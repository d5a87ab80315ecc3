"""`/api/v1/email/sendEmail`: the fields of an email, and its files of any type (contract, section 4)."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any, Final

from tocsin.accounts import Account
from tocsin.api.desk import Desk
from tocsin.api.files import FIELD, Rule, read_files
from tocsin.api.sms import Send, answer_send
from tocsin.api.wire import Reply, Request, text_field
from tocsin.api.words import EMAIL_WORDING
from tocsin.content import name_attachment, sniff
from tocsin.kit.metrics import ACCEPTED, Tally
from tocsin.messaging import Ask
from tocsin.traffic import Attachment

MOST_BYTES: Final = 20 * 1024 * 1024
_FILES_MOST: Final = 50
_TYPES: Final = mimetypes.MimeTypes()  # Python's own table: the machine's files would make names mean something else
_TEXT_FIELDS: Final = {
    "theme": "title", "content": "content", "from": "sender_name", "routing": "routing", "templateId": "template_id",
    "sendTime": "send_time", "timeZone": "time_zone",
}  # fmt: skip


async def send_mail(desk: Desk, account: Account, request: Request) -> Reply:
    """Answer a send of email. Raises wire.UnknownKind."""
    return await answer_send(desk, account, request, EMAIL_SEND)


def read_mail(fields: dict[str, Any], query: Mapping[str, str], request_id: str = "") -> Ask:
    """The fields of an email; what is wrong with its files is said in `fault`. Raises wire.Malformed."""
    present: dict[str, Any] = {name: text_field(fields, query, wire) for wire, name in _TEXT_FIELDS.items()}
    for name in ("emails", "placeholders"):
        present[name] = fields[name] if name in fields else query.get(name)
    try:
        present["attachments"] = read_files(fields.get(FIELD, fields.get(f"{FIELD}[]")), _RULE)
    except ValueError as error:
        present["fault"] = str(error)
    return Ask(**present, request_id=request_id)


def describe_file(name: str, number: int, data: bytes) -> Attachment:
    """A file under a safe name. Its own extension stays; its type is that of its content where that is known for sure,
    else what its name says: a CSV is plain text by its content."""
    found = sniff(data)
    safe = name_attachment(name, number, None)
    if found is not None and safe.endswith(".bin") and not name.strip().lower().endswith(".bin"):
        safe = name_attachment(name, number, found)
    if found is not None and found.mime != "text/plain":
        return Attachment(safe, found.mime, data)
    guessed, packed = _TYPES.guess_type(safe)
    return Attachment(safe, guessed if guessed and not packed else "application/octet-stream", data)


_RULE = Rule(_FILES_MOST, MOST_BYTES, describe_file)
EMAIL_SEND = Send(
    None, read_mail, lambda settings, _: settings.max_numbers_other, EMAIL_WORDING, Tally(ACCEPTED.labels("email"))
)
