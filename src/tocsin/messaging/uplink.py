"""Replies of terminal users: matched to the account that wrote to the number last, kept for pull, queued for push.

Opt-outs and opt-ins among them take effect, and are answered where the operator set a text (answers.py). Parts of a reply are
stored as they come, since a carrier may bring the second only after the first was acknowledged, and put together by `join_replies`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import errors

from tocsin.compliance import Choice, keep_choices, read_reply
from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement
from tocsin.kit.ids import Ids
from tocsin.messaging.answers import Answers, Heard, write
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Inbound
from tocsin.webhooks import OutboxRow, uplink_body
from tocsin.webhooks import statement as outbox_statement

PARTS_WAIT_S = 600.0


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
    """Store replies and queue their pushes; parts are kept. Committed when it returns. Raises kit.db.LOST."""
    if parts := [reply for reply in replies if reply.parts > 1]:
        await session.batch([_keep_parts(channel_id, parts, ids)])
    if whole := [reply for reply in replies if reply.parts == 1]:
        return await _store(session, channel_id, list(zip(ids.take(len(whole)), whole, strict=True)), answers)
    return Replies(0, 0)


async def join_replies(session: Session, answers: Answers, wait_s: float = PARTS_WAIT_S) -> Replies:
    """Replies whose parts are all there, or for whose rest nobody waits any longer. One transaction for each channel."""
    by_channel: dict[int, list[tuple[bytes, Inbound, list[str]]]] = {}
    for channel_id, user, service, content, at, reply_id, rows in await session.rows(
        QUERIES["whole_replies"], (wait_s,)
    ):
        reply = Inbound(user, service, bytes(content).decode("utf-16-be", "replace"), at)
        by_channel.setdefault(channel_id, []).append((bytes(reply_id), reply, rows))
    matched = answered = 0
    for channel_id, found in by_channel.items():
        drop = Statement(QUERIES["drop_uplink_parts"], ([row for _, _, rows in found for row in rows],))
        try:
            stored = await _store(session, channel_id, [(i, reply) for i, reply, _ in found], answers, drop)
        except errors.UniqueViolation:
            continue  # another worker was quicker; what it left comes with the next look
        matched, answered = matched + stored.matched, answered + stored.answered
    return Replies(matched, answered)


def _keep_parts(channel_id: int, parts: Sequence[Inbound], ids: Ids) -> Statement:
    return Statement(
        QUERIES["add_uplink_parts"],
        (
            channel_id,
            pgbin.uuids(ids.take(len(parts))),
            pgbin.texts([part.user_number for part in parts]),
            pgbin.texts([part.service_number for part in parts]),
            pgbin.int4s([part.reference for part in parts]),
            pgbin.int4s([part.parts for part in parts]),
            pgbin.int4s([part.part for part in parts]),
            pgbin.texts([part.content.encode("utf-16-be", "surrogatepass").hex() for part in parts]),
            pgbin.times([part.at for part in parts]),
        ),
    )


async def _store(
    session: Session, channel_id: int, named: Sequence[tuple[bytes, Inbound]], answers: Answers, *before: Statement
) -> Replies:
    """Replies with their ids, behind other statements of the same transaction."""
    replies = [reply for _, reply in named]
    params = {"phones": pgbin.texts([reply.user_number for reply in replies]), "channel": channel_id}
    owners = {row[0]: _Owner(*row[1:]) for row in await session.rows(QUERIES["last_message_to"], params)}
    books = answers.books
    await books.look(session)
    found = [owners.get(i, _Owner()) for i in range(1, len(replies) + 1)]
    heard = _list_heard(replies, found)
    contents = [_clean(reply.content) for reply in replies]
    statements = [
        *before,
        *keep_choices([each.choice for each in heard]),
        Statement(
            QUERIES["add_uplink"],
            (
                channel_id,
                pgbin.uuids([uplink_id for uplink_id, _ in named]),
                pgbin.int4s([owner.account_id for owner in found]),
                pgbin.texts([reply.user_number for reply in replies]),
                pgbin.texts([reply.service_number for reply in replies]),
                pgbin.texts(contents),
                pgbin.times([reply.at for reply in replies]),
                pgbin.uuids([owner.message_id for owner in found]),
            ),
        ),
    ]
    pushes = _list_pushes(named, contents, found, answers)
    if pushes:
        statements.append(outbox_statement(pushes))
    answered = await write(session, statements, await answers.make(session, heard))
    return Replies(len(owners), answered)


def _list_pushes(
    named: Sequence[tuple[bytes, Inbound]], contents: Sequence[str], found: Sequence[_Owner], answers: Answers
) -> list[OutboxRow]:
    pushes: list[OutboxRow] = []
    for (uplink_id, reply), content, owner in zip(named, contents, found, strict=True):
        endpoint = answers.books.endpoints.of(owner.account_id, "uplink")
        account = answers.books.account_of(owner.account_id)
        if endpoint is None or account is None:
            continue
        body = uplink_body(
            reply.user_number, reply.service_number, content, int(reply.at), message_id=owner.message_id.hex(),
            swap=account.swap_uplink,
        )  # fmt: skip
        pushes.append(OutboxRow(endpoint.id, 1, [uplink_id], body, late=False))
    return pushes


def _clean(content: str) -> str:
    """What a database takes: halves of pairs that met are whole again, and those that did not are marked."""
    if content.isascii():
        return content.replace("\x00", "")
    return content.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace").replace("\x00", "")


def _list_heard(replies: Sequence[Inbound], found: Sequence[_Owner]) -> list[Heard]:
    """Opt-outs and opt-ins among the replies to known accounts, each against the sender that was answered."""
    return [
        Heard(Choice(owner.account_id, owner.sender, reply.user_number, choice), owner.country_id)
        for reply, owner in zip(replies, found, strict=True)
        if owner.account_id and (choice := read_reply(reply.content)) is not None
    ]
