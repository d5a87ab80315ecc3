"""What people, and machines in their place, do with emails after the delivery: opens, clicks, unsubscribing, complaints.

It is kept, pushed as MailUserEvent to who wants it, and who unsubscribed or complained is not written to again: the
address is on the account's blacklist from then on. Every one is stored and queued in one transaction. Of an email the first
EVENTS_LISTED of a kind are stored one by one and pushed; more of them are counted, so that one link cannot fill tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any, NamedTuple

from tocsin.accounts import Account
from tocsin.compliance import bar
from tocsin.content import Asked, Opener, Place, Places, read_opener
from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement
from tocsin.kit.ids import Ids
from tocsin.messaging.ends import Books
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Feedback, ReactionKind
from tocsin.webhooks import EventRow, chunk_reports, event_row
from tocsin.webhooks import statement as outbox_statement

_ORIGINS = {ReactionKind.UNSUBSCRIBED: "unsubscribe", ReactionKind.COMPLAINED: "complaint"}
_ALWAYS = frozenset({ReactionKind.OPENED, ReactionKind.CLICKED})
_URL_MOST = 2_000
EVENTS_LISTED = 20
LINKS_COUNTED = 100  # of an email and kind; the rest is counted as one
_NOBODY = Opener("", "", None)
_NO_PLACES = Places()  # a carrier says no address


class Reaction(NamedTuple):
    """One of them. `agent`: of HTTP, "" where nobody asked by it; `url`: of a click."""

    message_id: bytes
    kind: ReactionKind
    at: float  # epoch seconds
    agent: str = ""
    asked: Asked = Asked()
    url: str = ""


class _Known(NamedTuple):
    """A reaction with all that is known of it."""

    id: bytes
    reaction: Reaction
    account_id: int
    batch_no: int
    address: str
    domain: str
    opener: Opener
    place: Place


async def record_reactions(
    session: Session, reactions: Sequence[Reaction], books: Books, ids: Ids, places: Places
) -> int:
    """Store them and what follows; how many were of emails that are known. Committed when it returns. Raises LOST."""
    message_ids = pgbin.uuids([each.message_id for each in reactions])
    kinds = pgbin.int4s([int(each.kind) for each in reactions])
    rows, listed = await session.batch(
        [
            Statement(QUERIES["reacted_messages"], (message_ids,)),
            Statement(QUERIES["listed_events"], (EVENTS_LISTED, message_ids, kinds)),
        ]
    )
    facts = {row[0]: row[1:] for row in rows}
    known = [_learn(each, facts[each.message_id], ids.one(), places) for each in reactions if each.message_id in facts]
    if not known:
        return 0
    await books.look(session)
    told, more = _split(known, {(row[0], row[1]): [row[2], row[3]] for row in listed})
    statements = [statement for each, statement in ((told, _add(told)), (more, _count(more))) if each]
    for kind, origin in _ORIGINS.items():
        if barred := [(each.account_id, each.address.lower()) for each in known if each.reaction.kind is kind]:
            statements.append(bar(barred, origin))
    if pushes := _push(told, books):
        statements.append(pushes)
    await session.batch(statements)
    return len(known)


async def receive_feedback(
    session: Session, channel_id: int, feedback: Sequence[Feedback], books: Books, ids: Ids
) -> int:
    """The same for what a carrier tells; what is of no message that it took is dropped. Raises LOST."""
    rows = await session.rows(
        QUERIES["carriers_messages"], (pgbin.texts([each.carrier_id for each in feedback]), channel_id)
    )
    reactions = [Reaction(row[1], (each := feedback[row[0] - 1]).kind, each.at, each.agent) for row in rows]
    return await record_reactions(session, reactions, books, ids, _NO_PLACES) if reactions else 0


def _learn(reaction: Reaction, facts: tuple[Any, ...], event_id: bytes, places: Places) -> _Known:
    account_id, batch_no, address, sender, handed_at = facts
    opener = _NOBODY
    if reaction.kind in _ALWAYS:
        asked = reaction.asked
        if reaction.kind is ReactionKind.CLICKED and handed_at is not None and asked.ip:
            asked = asked._replace(clicked_after_s=reaction.at - handed_at)
        opener = read_opener(reaction.agent, asked)
    domain = parseaddr(sender)[1].rpartition("@")[2]
    place = places.find(reaction.asked.ip)
    return _Known(event_id, reaction, account_id, batch_no, address, domain, opener, place)


def _split(known: Sequence[_Known], stored: dict[tuple[bytes, int], list[int]]) -> tuple[list[_Known], list[_Known]]:
    """Those that are stored one by one, and those that are counted; `stored`: rows and counts that are there."""
    told: list[_Known] = []
    more: list[_Known] = []
    for each in known:
        there = stored[each.reaction.message_id, int(each.reaction.kind)]
        if there[0] < EVENTS_LISTED:
            there[0] += 1
            told.append(each)
            continue
        url = each.reaction.url[:_URL_MOST] if there[1] < LINKS_COUNTED else ""
        there[1] += 1
        more.append(each._replace(reaction=each.reaction._replace(url=url)))
    return told, more


def _count(known: Sequence[_Known]) -> Statement:
    return Statement(
        QUERIES["count_mail_events"],
        (
            pgbin.uuids([each.reaction.message_id for each in known]),
            pgbin.int4s([int(each.reaction.kind) for each in known]),
            [each.opener.is_machine for each in known],
            pgbin.texts([each.reaction.url for each in known]),
            pgbin.int4s([each.account_id for each in known]),
            pgbin.int8s([each.batch_no for each in known]),
            pgbin.times([each.reaction.at for each in known]),
        ),
    )


def _add(known: Sequence[_Known]) -> Statement:
    return Statement(
        QUERIES["add_mail_events"],
        (
            pgbin.uuids([each.id for each in known]),
            pgbin.int4s([each.account_id for each in known]),
            pgbin.uuids([each.reaction.message_id for each in known]),
            pgbin.int8s([each.batch_no for each in known]),
            pgbin.int4s([int(each.reaction.kind) for each in known]),
            pgbin.times([each.reaction.at for each in known]),
            pgbin.texts([each.reaction.url[:_URL_MOST] for each in known]),
            pgbin.texts([each.opener.machine.value if each.opener.machine else "" for each in known]),
            pgbin.texts([each.place.country_name for each in known]),
            pgbin.texts([each.place.city for each in known]),
            pgbin.texts([each.opener.device_type for each in known]),
            pgbin.texts([each.opener.device_name for each in known]),
        ),
    )


def _push(known: Sequence[_Known], books: Books) -> Statement | None:
    waiting: dict[int, list[tuple[bytes, bytes, bool]]] = {}
    for each in known:
        endpoint, account = books.endpoints.of(each.account_id, "tracking"), books.account_of(each.account_id)
        if endpoint is not None and account is not None and _is_wanted(each, account):
            waiting.setdefault(endpoint.id, []).append((each.reaction.message_id, _word(each), False))
    rows = [row for endpoint_id, entries in waiting.items() for row in chunk_reports(endpoint_id, entries)]
    return outbox_statement(rows) if rows else None


def _is_wanted(each: _Known, account: Account) -> bool:
    if each.reaction.kind not in _ALWAYS:
        return account.extra_events
    return not (account.drop_machine_opens and each.opener.is_machine)


def _word(each: _Known) -> bytes:
    reaction, opener, place = each.reaction, each.opener, each.place
    row = EventRow(
        reaction.message_id.hex(), str(each.batch_no), each.domain, each.address, int(reaction.at), reaction.kind.name,
        place.country_name, place.city, opener.device_type, opener.device_name,
    )  # fmt: skip
    return event_row(row)
