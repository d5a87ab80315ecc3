"""The second stage: claimed messages become Submissions, answers become rows.

`load` turns a claim into what the link sends; `judge` decides what a message's answers come to; `record` turns both into
the statements of one transaction: submission rows, the watch for receipts, ends with their refunds. Times are arguments.
Parts that a carrier already took are not sent again, and a message goes over to its next route only while no carrier has
any part of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tocsin.compliance import Guards
from tocsin.content import measure, split
from tocsin.kit.db import Session, Statement
from tocsin.messaging import store
from tocsin.messaging.ends import Books, write_ends
from tocsin.messaging.letters import Letter, read_values
from tocsin.messaging.links import Linker
from tocsin.messaging.model import Claimed, End, Text
from tocsin.messaging.recheck import put_off, recheck, set_aside
from tocsin.messaging.tally import count_handed
from tocsin.queue import Item, Retry
from tocsin.routing import Channel
from tocsin.traffic import Outcome, OutcomeKind, Priority, Product, Reason, Submission

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 300.0
THROTTLED_TRIES = 10
_TEXTS_KEPT = 4096
_BYTES_KEPT = 64 * 1024 * 1024
_BYTES_MOST = 4 * _BYTES_KEPT

NextChannel = Callable[[Claimed, Text, int], int]
"""(message, its text, present channel) -> the channel of the next attempt."""


@dataclass(slots=True)
class Open:
    """A message that was handed to the link and has not been answered for all its parts."""

    message: Claimed
    text: Text
    waiting: set[int]
    taken: bool = False  # an earlier attempt handed parts over, or may have
    unknown: frozenset[int] = frozenset()  # parts that an earlier attempt may have handed over
    answers: list[Outcome] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """A claim, ready to go: what to send, and what ended before it was sent."""

    submissions: list[Submission] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    dropped: list[Claimed] = field(default_factory=list)  # ended now, or by an earlier attempt's receipt
    held: list[Claimed] = field(default_factory=list)  # for quiet hours, or with their batch
    later: list[Retry] = field(default_factory=list)  # of those


class Kept(NamedTuple):
    """What the messages of a batch say. `parts`: texts of an SMS, `wide` or not; `letter`: of an email, in their place."""

    text: Text
    parts: list[str]
    ucs2: bool
    wide: bool = False
    letter: Letter | None = None


class Texts:
    """Contents of batches, kept for the next claims of the same batch: so many, and so many bytes of them."""

    def __init__(self, linker: Linker | None = None, *, whole: bool = False, wide: bool = False) -> None:
        """`linker`: of emails; without it they are not tracked. `whole`, `wide`: see traffic.Link."""
        self.linker = linker
        self.whole = whole
        self._wide = wide
        self._kept: dict[int, Kept] = {}
        self._bytes = 0

    async def of(self, session: Session, batch_nos: Iterable[int]) -> dict[int, Kept]:
        """The texts of these batches, at least."""
        wanted = set(batch_nos)
        known = self._kept
        if missing := wanted - known.keys():
            if len(known) > _TEXTS_KEPT or self._bytes > _BYTES_KEPT:
                known = {no: known[no] for no in wanted - missing}
                self._bytes = sum(_weigh(kept.text) for kept in known.values())
            for batch_no, text in (await store.load_texts(session, list(missing))).items():
                known[batch_no] = _keep(text, wide=self._wide)
                self._bytes += _weigh(text)
            # Files of many emails may be large: then they live as long as the claim.
            self._kept = known if self._bytes <= _BYTES_MOST else {}
        return known


def _keep(text: Text, *, wide: bool) -> Kept:
    if text.product == Product.EMAIL:
        return Kept(text, [], True, letter=Letter(text.title, text.content, read_values(text.given)))
    size = measure(text.content)
    if text.product != Product.SMS:  # one message, however long
        return Kept(text, [text.content], size.ucs2)
    if wide and len(parts := split(text.content, wide=True)) == size.parts:
        return Kept(text, parts, size.ucs2, wide=size.parts > 1)
    return Kept(text, split(text.content), size.ucs2)


def _weigh(text: Text) -> int:
    """Bytes of files and characters of the text."""
    return len(text.content) + sum(len(file.data) for file in text.attachments)


class Before(NamedTuple):
    """What earlier attempts handed over of a message."""

    taken: set[int]
    unknown: set[int]  # may be there


class Place(NamedTuple):
    """Where and when messages are prepared."""

    channel: Channel
    now_s: float
    texts: Texts


async def load(
    session: Session, items: Sequence[Item], texts: Texts, channel: Channel, guards: Guards, now_s: float
) -> Work:
    """Read the messages of a claim and build what goes to the link."""
    by_id = {message_id: item for item in items for message_id in item.ids}
    claimed = []
    for row in await store.load_claimed(session, list(by_id)):
        item = by_id[row[0]]
        claimed.append(Claimed(row[0], item.id, item.attempt, item.priority, *row[1:]))
    kept = await texts.of(session, [message.batch_no for message in claimed])
    again = [message.id for message in claimed if message.attempt > 1]
    ended = await store.load_ended(session, again) if again else set()
    before = await _load_before(session, again) if again else {}
    senders = {batch_no: kept[batch_no].text.sender for batch_no in {message.batch_no for message in claimed}}
    fresh = [message for message in claimed if message.id not in ended and message.id not in before]
    stopped = [message for message in fresh if message.stopped]  # of which no carrier has anything: what has, goes on
    fresh = [message for message in fresh if not message.stopped] if stopped else fresh
    rechecked = await recheck(session, fresh, senders, guards, now_s)
    work = Work(later=put_off(fresh, rechecked.held, channel.id, now_s) + set_aside(stopped, channel.id), held=stopped)
    aside = {message.id for message in stopped}
    for message in claimed:
        if message.id in aside:
            continue
        if message.id in ended:
            work.dropped.append(message)
        elif message.id in rechecked.barred:
            work.ends.append(end_of(message, Reason.BLACKLISTED, channel.id, now_s, handed_at=None))
            work.dropped.append(message)
        elif message.id in rechecked.held:
            work.held.append(message)
        else:
            earlier = before.get(message.id) or Before(set(), set())
            _prepare(work, message, kept[message.batch_no], earlier, Place(channel, now_s, texts))
    return work


async def _load_before(session: Session, ids: Sequence[bytes]) -> dict[bytes, Before]:
    before: dict[bytes, Before] = {}
    for row in await store.load_handed_parts(session, ids):
        earlier = before.setdefault(row.message_id, Before(set(), set()))
        (earlier.taken if row.outcome == OutcomeKind.ACCEPTED else earlier.unknown).add(row.part)
    return before


def _prepare(work: Work, message: Claimed, kept: Kept, before: Before, place: Place) -> None:
    facts = kept.text
    channel, now_s, linker = place.channel, place.now_s, place.texts.linker
    gone = before.taken if channel.unknown_policy == "resend" else before.taken | before.unknown
    waiting = _number_parts(message, before, whole=place.texts.whole) - gone
    expired = facts.expires_at < now_s and not before.taken
    if expired or not waiting:
        # What a carrier may have waits for its receipt: the watch of the earlier attempt ends it.
        if expired and not before.unknown:
            work.ends.append(end_of(message, Reason.EXPIRED, channel.id, now_s, handed_at=None))
        work.dropped.append(message)
        return
    unknown = frozenset(before.unknown - before.taken)
    work.open.append(Open(message, facts, waiting, taken=bool(before.taken or unknown), unknown=unknown))
    title, parts, unsubscribe_url = facts.title, kept.parts, ""
    if kept.letter is not None:
        title, content = kept.letter.fill(read_values(message.own))
        if linker is not None:
            content, unsubscribe_url = linker.track(content, message.id), linker.unsubscribe_url(message.id)
        parts = [content]
    for number in sorted(waiting):
        work.submissions.append(
            Submission(
                message.id,
                message.attempt,
                number,
                message.parts,
                Product(message.product),
                Priority(message.priority),
                message.phone,
                message.find_sender(facts.sender),
                parts[number - 1] if number else facts.content,
                kept.ucs2,
                facts.expires_at,
                title,
                facts.attachments,
                min(channel.longest_call_s, message.reserved * 60),
                unsubscribe_url,
                kept.wide,
                message.country_id,
            )
        )


def _number_parts(message: Claimed, before: Before, *, whole: bool) -> set[int]:
    """The numbers under which a message goes out: {0} as a whole, else its parts. As it began it goes on."""
    begun = before.taken | before.unknown
    if 0 in begun or (whole and message.parts > 1 and not begun):
        return {0}
    return set(range(1, message.parts + 1))


def end_of(message: Claimed, reason: Reason, channel_id: int, at: float, *, handed_at: float | None) -> End:
    """A first end of a message that never had a report."""
    return End(
        message.id, message.account_id, message.batch_no, message.product, message.phone, message.country_id, message.parts,
        message.price_micros, channel_id, message.channel_id, 1, reason, Reason.SENDING, 0, handed_at, at,
        message.reserved,
    )  # fmt: skip


@dataclass(slots=True)
class Verdicts:
    """What the answers of a flush come to."""

    done: list[Open] = field(default_factory=list)
    retries: list[Retry] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    watch: list[bytes] = field(default_factory=list)
    handed: list[Claimed] = field(default_factory=list)  # for the first time


def judge(answered: Sequence[Open], channel: Channel, next_channel: NextChannel) -> Verdicts:
    """Pure but for the jitter: of messages whose parts are all answered, which are done, retried or ended."""
    verdicts = Verdicts(done=list(answered))
    for entry in answered:
        kinds = {outcome.kind for outcome in entry.answers}
        message = entry.message
        # A part that an earlier attempt may have handed over is not lost by being refused now.
        refused = next(
            (o for o in entry.answers if o.kind is OutcomeKind.PERMANENT and o.part not in entry.unknown), None
        )
        handed = entry.taken or OutcomeKind.ACCEPTED in kinds or OutcomeKind.UNKNOWN in kinds
        if handed and not entry.taken:
            verdicts.handed.append(message)
        unknown_again = OutcomeKind.UNKNOWN in kinds and channel.unknown_policy == "resend"
        # A carrier that throttles says nothing against the message: it may try longer.
        most = channel.max_attempts * (THROTTLED_TRIES if OutcomeKind.THROTTLED in kinds else 1)
        more = message.attempt < most
        if refused is not None:
            reason = Reason.REJECTED if refused.reason is Reason.SENDING else refused.reason
            at = max(o.at for o in entry.answers)
            verdicts.ends.append(end_of(message, reason, channel.id, at, handed_at=at if handed else None))
        elif more and (unknown_again or kinds & {OutcomeKind.TEMPORARY, OutcomeKind.THROTTLED}):
            target = channel.id if handed else next_channel(message, entry.text, channel.id)
            verdicts.retries.append(_retry(message, target))
            if handed:
                verdicts.watch.append(message.id)
        elif handed:
            verdicts.watch.append(message.id)
        else:
            at = max(o.at for o in entry.answers)
            verdicts.ends.append(end_of(message, Reason.SEND_FAILED, channel.id, at, handed_at=None))
    return verdicts


def _retry(message: Claimed, channel_id: int) -> Retry:
    wait = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** (message.attempt - 1))
    wait *= random.uniform(0.7, 1.3)  # noqa: S311  (spreads retries, keeps no secret)
    return Retry(channel_id, message.priority, message.account_id, message.attempt + 1, wait, [message.id])


def merge_retries(retries: Sequence[Retry]) -> list[Retry]:
    """Retries of one lane, account and attempt travel together, in chunks."""
    groups: dict[tuple[int, int, int, int], list[Retry]] = {}
    for retry in retries:
        groups.setdefault((retry.channel_id, retry.priority, retry.account_id, retry.attempt), []).append(retry)
    return [
        Retry(*key, wait_s=members[0].wait_s, ids=[r.ids[0] for r in members[at : at + 50]])
        for key, members in groups.items()
        for at in range(0, len(members), 50)
    ]


def record(
    channel_id: int,
    answers: tuple[Sequence[Outcome], dict[bytes, str]],
    verdicts: Verdicts,
    books: Books,
    timeout_s: float,
) -> list[Statement]:
    """Rows of the answers, the watch, the ends; the queue's own statements are the worker's. Wallets come last."""
    statements = [store.add_submissions(channel_id, *answers)] if answers[0] else []
    if verdicts.watch:
        statements.append(store.add_watch(verdicts.watch, timeout_s))
    if verdicts.handed:
        statements.append(count_handed(verdicts.handed, max(each.at for each in answers[0])))
    statements += write_ends(verdicts.ends, books)
    return statements
