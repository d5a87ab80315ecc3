"""Replies of terminal users: matched to the account that wrote to the number last, kept for pull, queued for push."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.compliance import Choice, keep_choices, read_reply
from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement
from tocsin.kit.ids import Ids
from tocsin.messaging.ends import Books
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Inbound
from tocsin.webhooks import OutboxRow, uplink_body
from tocsin.webhooks import statement as outbox_statement

_NOBODY = bytes(16)


async def receive_replies(session: Session, channel_id: int, replies: Sequence[Inbound], books: Books, ids: Ids) -> int:
    """Store replies and queue their pushes; how many found an account. Committed when it returns. Raises kit.db.LOST."""
    params = {"phones": pgbin.texts([reply.user_number for reply in replies]), "channel": channel_id}
    owners = {row[0]: row[1:] for row in await session.rows(QUERIES["last_message_to"], params)}
    await books.look(session)
    found = [owners.get(i, (0, _NOBODY, "")) for i in range(1, len(replies) + 1)]
    uplink_ids = ids.take(len(replies))
    statements = [
        *keep_choices(_list_choices(replies, found)),
        Statement(
            QUERIES["add_uplink"],
            (
                channel_id,
                pgbin.uuids(uplink_ids),
                pgbin.int4s([account_id for account_id, _, _ in found]),
                pgbin.texts([reply.user_number for reply in replies]),
                pgbin.texts([reply.service_number for reply in replies]),
                pgbin.texts([reply.content.replace("\x00", "") for reply in replies]),
                pgbin.times([reply.at for reply in replies]),
                pgbin.uuids([message_id for _, message_id, _ in found]),
            ),
        ),
    ]
    pushes = []
    for reply, (account_id, message_id, _), uplink_id in zip(replies, found, uplink_ids, strict=True):
        endpoint = books.endpoints.of(account_id, "uplink")
        account = books.account_of(account_id)
        if endpoint is None or account is None:
            continue
        body = uplink_body(
            reply.user_number, reply.service_number, reply.content, int(reply.at), message_id=message_id.hex(),
            swap=account.swap_uplink,
        )  # fmt: skip
        pushes.append(OutboxRow(endpoint.id, 1, [uplink_id], body, late=False))
    if pushes:
        statements.append(outbox_statement(pushes))
    await session.batch(statements)
    return len(owners)


def _list_choices(replies: Sequence[Inbound], found: Sequence[tuple[int, bytes, str]]) -> list[Choice]:
    """Opt-outs and opt-ins among the replies to known accounts, each against the sender that was answered."""
    return [
        Choice(account_id, sender, reply.user_number, choice)
        for reply, (account_id, _, sender) in zip(replies, found, strict=True)
        if account_id and (choice := read_reply(reply.content)) is not None
    ]
