"""Replies of terminal users: matched to the account that wrote to the number last, kept for pull, queued for push.

Opt-outs and opt-ins among them take effect, and are answered where the operator set a text (answers.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tocsin.compliance import Choice, keep_choices, read_reply
from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement
from tocsin.kit.ids import Ids
from tocsin.messaging.answers import Answers, Heard, write
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Inbound
from tocsin.webhooks import OutboxRow, uplink_body
from tocsin.webhooks import statement as outbox_statement


class _Owner(NamedTuple):
    """Who wrote to a number last, by which message; the first values: nobody."""

    account_id: int = 0
    message_id: bytes = bytes(16)
    sender: str = ""
    country_id: int = 0


class Replies(NamedTuple):
    """Of some replies: how many found an account, and how many answers were accepted."""

    matched: int
    answered: int


async def receive_replies(
    session: Session, channel_id: int, replies: Sequence[Inbound], answers: Answers, ids: Ids
) -> Replies:
    """Store replies and queue their pushes. Committed when it returns. Raises kit.db.LOST."""
    params = {"phones": pgbin.texts([reply.user_number for reply in replies]), "channel": channel_id}
    owners = {row[0]: _Owner(*row[1:]) for row in await session.rows(QUERIES["last_message_to"], params)}
    books = answers.books
    await books.look(session)
    found = [owners.get(i, _Owner()) for i in range(1, len(replies) + 1)]
    heard = _list_heard(replies, found)
    uplink_ids = ids.take(len(replies))
    statements = [
        *keep_choices([each.choice for each in heard]),
        Statement(
            QUERIES["add_uplink"],
            (
                channel_id,
                pgbin.uuids(uplink_ids),
                pgbin.int4s([owner.account_id for owner in found]),
                pgbin.texts([reply.user_number for reply in replies]),
                pgbin.texts([reply.service_number for reply in replies]),
                pgbin.texts([reply.content.replace("\x00", "") for reply in replies]),
                pgbin.times([reply.at for reply in replies]),
                pgbin.uuids([owner.message_id for owner in found]),
            ),
        ),
    ]
    pushes = []
    for reply, owner, uplink_id in zip(replies, found, uplink_ids, strict=True):
        endpoint = books.endpoints.of(owner.account_id, "uplink")
        account = books.account_of(owner.account_id)
        if endpoint is None or account is None:
            continue
        body = uplink_body(
            reply.user_number, reply.service_number, reply.content, int(reply.at), message_id=owner.message_id.hex(),
            swap=account.swap_uplink,
        )  # fmt: skip
        pushes.append(OutboxRow(endpoint.id, 1, [uplink_id], body, late=False))
    if pushes:
        statements.append(outbox_statement(pushes))
    answered = await write(session, statements, await answers.make(session, heard))
    return Replies(len(owners), answered)


def _list_heard(replies: Sequence[Inbound], found: Sequence[_Owner]) -> list[Heard]:
    """Opt-outs and opt-ins among the replies to known accounts, each against the sender that was answered."""
    return [
        Heard(Choice(owner.account_id, owner.sender, reply.user_number, choice), owner.country_id)
        for reply, owner in zip(replies, found, strict=True)
        if owner.account_id and (choice := read_reply(reply.content)) is not None
    ]
