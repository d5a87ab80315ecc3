"""The check of an email: from the fields as they came to a Draft that only wants its money, or to the Refusal.

The order of the checks is the contract's, in email's own numbers: the first that fails answers. As in accept.py nothing here
waits or writes; a request of many recipients is checked in the helper process. Its sender is fixed here, for good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from email.headerregistry import Address
from typing import Final, NamedTuple

from tocsin.accounts import ROUTING, Account
from tocsin.content import (
    UNSUBSCRIBE,
    Recipient,
    RecipientsError,
    RecipientsReason,
    Status,
    check_address,
    names_in,
    read_placeholders,
    read_recipients,
    text_fault,
)
from tocsin.messaging.accept import read_due, word_zone
from tocsin.messaging.ground import Ground
from tocsin.messaging.letters import Letter, word_values
from tocsin.messaging.model import Ask, Draft, Refusal
from tocsin.routing import NOWHERE, Case, Way
from tocsin.templates import EMAIL, Found
from tocsin.traffic import Priority, Product, Reason

MOST_CONTENT: Final = 2 * 1024 * 1024
"""Bytes of the content, and characters of it filled for one recipient."""

MOST_SUBJECT: Final = 998
"""Characters, filled for one recipient: RFC 5322's longest line."""

MOST_NAME: Final = 128
"""Characters of the sender's name."""

_LOCAL: Final = "noreply"
_TEMPLATE_DIGITS: Final = 10  # of 2**31
_has_control: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]").search


class Message(NamedTuple):
    """What an email says, before it is filled. `given`: values for every recipient."""

    subject: str
    content: str
    given: Mapping[str, str]
    template: Found | None


def check_mail(ask: Ask, account: Account, most: int, ground: Ground) -> Draft | Refusal:
    """All checks of a request to `most` recipients at most, but lists and balance. Raises Exhausted."""
    recipients = _read_recipients(ask.emails, most)
    if isinstance(recipients, Refusal) and recipients.status is not Status.PLATFORM:
        return recipients
    if refusal := _check_presence(ask):
        return refusal
    if isinstance(recipients, Refusal):
        return recipients
    now_s = ground.now_s()
    due_at = _check_fields(ask) or read_due(ask, now_s)
    if isinstance(due_at, Refusal):
        return due_at
    message = _find_message(ask, account, ground)
    if isinstance(message, Refusal):
        return message
    if refusal := _check_filled(message, recipients) or _check_words(ask, message, recipients, ground):
        return refusal
    found = _find_way(ask, account, due_at or now_s, ground)
    if isinstance(found, Refusal):
        return found
    sender, pinned, way = found
    draft = Draft(
        account.id, account.plan_id, Product.EMAIL, Priority.NOTIFICATION, NOWHERE, sender, message.content, 1,
        pinned, ask.request_id, expires_at=(due_at or now_s) + ground.validity_s, title=message.subject,
        attachments=ask.attachments, due_at=due_at, zone=word_zone(ask) if due_at else "",
        template_id=message.template.id if message.template else None, given=word_values(message.given),
    )  # fmt: skip
    return _fill(draft, recipients, way, ground)


def _read_recipients(value: object, most: int) -> list[Recipient] | Refusal:
    try:
        return read_recipients(value, most)
    except RecipientsError as error:
        return Refusal(_OF_RECIPIENTS[error.reason], str(error))


_OF_RECIPIENTS: Final = {
    RecipientsReason.EMPTY: Status.NUMBER_ABNORMAL,
    RecipientsReason.TOO_MANY: Status.TOO_MANY_NUMBERS,
    RecipientsReason.UNREADABLE: Status.PLATFORM,
}


def _check_presence(ask: Ask) -> Refusal | None:
    if ask.template_id is not None:
        return None
    if _is_blank(ask.title):
        return Refusal(Status.CONTENT_EMPTY, "theme is missing")
    return Refusal(Status.CONTENT_TOO_LONG, "content is missing") if _is_blank(ask.content) else None


def _is_blank(text: str | None) -> bool:
    return text is None or not text.strip()


def _check_fields(ask: Ask) -> Refusal | None:
    """What is wrong with any other field: -12."""
    name, subject = ask.sender_name or "", ask.title or ""
    if not name.strip():
        fault = "from is missing"
    elif len(name) > MOST_NAME:
        fault = f"from has more than {MOST_NAME} characters"
    elif _is_unfit(name):
        fault = "from: control character"
    elif _is_unfit(subject):
        fault = "theme: control character"
    else:
        fault = ask.fault or _find_content_fault(ask) or _find_values_fault(ask.placeholders)
    return Refusal(Status.PLATFORM, fault) if fault else None


def _is_unfit(line: str) -> bool:
    return _has_control(line) is not None or text_fault(line) is not None


def _find_content_fault(ask: Ask) -> str:
    content = "" if ask.template_id is not None else ask.content or ""
    if fault := text_fault(content):
        return f"content: {fault}"
    return f"content has more than {MOST_CONTENT} bytes" if len(content.encode()) > MOST_CONTENT else ""


def _find_values_fault(value: object) -> str:
    try:
        read_placeholders(value)
    except ValueError as error:
        return str(error)
    return ""


def _find_message(ask: Ask, account: Account, ground: Ground) -> Message | Refusal:
    """The request's own subject and content, or the template's; a subject of the request comes before the template's."""
    given = read_placeholders(ask.placeholders)
    if ask.template_id is None:
        return Message(ask.title or "", ask.content or "", given, None)
    word = ask.template_id.strip()
    is_number = word.isascii() and word.isdigit() and len(word) <= _TEMPLATE_DIGITS
    found = ground.templates.find(account.id, EMAIL, int(word)) if is_number else None
    if found is None:
        return Refusal(Status.TEMPLATE_EMPTY, "templateId: no approved template of this account has this id")
    return Message(found.subject if _is_blank(ask.title) else ask.title or "", found.text, given, found)


def _check_filled(message: Message, recipients: Sequence[Recipient]) -> Refusal | None:
    """Whether every recipient has all values that the template asks for, and none gets more than may be sent.

    Sizes are measured, not filled: a short text may name a long value very often.
    """
    wanted = _list_wanted(message) - message.given.keys()
    names = set(message.given).union(*(recipient.placeholders for recipient in recipients))
    letter = Letter(message.subject, message.content, message.given, names)
    common = letter.measure({})
    for to, own in recipients:
        missing = wanted - own.keys() if wanted else wanted
        if missing:
            return Refusal(
                Status.NOT_TEMPLATE, f"placeholder {min(missing)} has no value for {check_address(to).address}"
            )
        subject_chars, content_chars = letter.measure(own) if own else common
        if subject_chars > MOST_SUBJECT:
            return Refusal(Status.PLATFORM, f"theme has more than {MOST_SUBJECT} characters")
        if content_chars > MOST_CONTENT:
            return Refusal(Status.PLATFORM, f"content, filled, has more than {MOST_CONTENT} characters")
    return None


def _list_wanted(message: Message) -> set[str]:
    if message.template is None:
        return set()
    wanted = names_in(message.content) - UNSUBSCRIBE
    return wanted | names_in(message.subject) if message.subject == message.template.subject else wanted


def _check_words(ask: Ask, message: Message, recipients: Iterable[Recipient], ground: Ground) -> Refusal | None:
    """The reply does not say which word: it would teach how to go round it."""
    texts = {ask.sender_name or "", message.subject, message.content, *message.given.values()}
    texts.update(*(recipient.placeholders.values() for recipient in recipients))
    if any(map(ground.guards.find_word, texts)):
        return Refusal(Status.PLATFORM, "theme, content, from or a placeholder has a sensitive word")
    return None


def _find_way(ask: Ask, account: Account, at_s: float, ground: Ground) -> tuple[str, int | None, Way] | Refusal:
    """The sender as a mailbox of RFC 5322, the channel that was named, and where the addresses go."""
    domain = ground.mail_domains.find(account.id)
    if domain is None:
        return Refusal(Status.SENSITIVE_CONTENT, "no sending domain")
    sender = str(Address((ask.sender_name or "").strip(), _LOCAL, domain))
    pinned: int | None = None
    if ask.routing:
        channel = ground.table.channel_by_name(ask.routing)
        if channel is None or not account.granted(ROUTING, ask.routing):
            return Refusal(Status.QUERY_ID, "routing")
        pinned = channel.id
    way = ground.table.way(account, NOWHERE, Case(Product.EMAIL, Priority.NOTIFICATION, sender, pinned, at_s))
    if way is None:
        return Refusal(Status.NO_CHANNEL, "no route or price for email")
    return sender, pinned, way


def _fill(draft: Draft, recipients: Sequence[Recipient], way: Way, ground: Ground) -> Draft | Refusal:
    """Read every address into the draft's columns; all of them bad refuses the request, with its rows."""
    seen: set[str] = set()
    draft.ids = ground.ids.take(len(recipients))
    draft.batch_no = ground.numbers.take()
    draft.countries = [NOWHERE] * len(recipients)
    for to, own in recipients:
        verdict = check_address(to)
        pick = way.constant or way.pick(verdict.address)
        reason = 0
        if verdict.fault is not None:
            reason = Reason.NUMBER_ERROR
        elif verdict.key in seen:
            reason = Reason.DUPLICATE
        elif pick is None:
            reason = Reason.NO_ROUTE
        seen.add(verdict.key)
        draft.phones.append(verdict.address)
        channels = () if reason or pick is None else ground.table.health.order(pick.channels, NOWHERE)
        draft.channels.append(channels[0] if channels else 0)
        draft.prices.append(0 if reason or pick is None else pick.unit_price_micros)
        draft.statuses.append(Reason(reason).end.status)
        draft.reasons.append(int(reason))
        draft.own.append(word_values(own))
    if not any(draft.own):
        draft.own = []
    draft.good, draft.amount_micros = draft.reasons.count(0), sum(draft.prices)
    return draft if draft.good else Refusal(Status(draft.statuses[0]), draft=draft)
