"""A send request, checked: from the fields as they came to a Draft that only wants its money, or to the Refusal.

The order of the checks is the contract's (section 4): the first that fails answers. Nothing here waits or writes; the
group commit (api/group.py) charges and stores Drafts. Many numbers are checked in the helper process, so
this module may take its time, but a number costs microseconds: no query, no log line, no object that could be avoided.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.accounts import ROUTING, SENDER, Account, read_pool
from tocsin.content import (
    Status,
    language_of_country,
    measure,
    numbering,
    read_send_time,
    speak_otp,
    split_numbers,
    text_fault,
    units16,
)
from tocsin.messaging.contents import Said, check_rule, find_content
from tocsin.messaging.forms import Form
from tocsin.messaging.ground import Ground
from tocsin.messaging.model import Ask, Draft, Refusal
from tocsin.messaging.numbers import PoolReader, fill, find_reader
from tocsin.routing import Case, Country, Table
from tocsin.traffic import Priority, Product

MAX_TITLE_UNITS = 128
_ACTIONS = dict(Priority.__members__)


def check_send(ask: Ask, account: Account, form: Form, most: int, ground: Ground) -> Draft | Refusal:
    """All checks of a request to `most` numbers at most, but the balance. Raises Exhausted, templates.Unready."""
    pieces = split_numbers(ask.numbers or "")
    if refusal := _check_count(pieces, most):
        return refusal
    country = _find_country(ask.code_id, ground.table)
    if isinstance(country, Refusal):
        return country
    pieces = _split_as_there(pieces, ask, country)
    if refusal := _check_count(pieces, most):
        return refusal
    priority = form.priority if form.priority is not None else _find_priority(ask.action)
    if isinstance(priority, Refusal):
        return priority
    now_s = ground.now_s()
    message = _read_message(ask, account, form, ground, now_s)
    if isinstance(message, Refusal):
        return message
    due_at, said = message
    content = said.content
    parts = measure(content).parts if form.in_parts else 1
    refusal = (
        _check_parts(parts, account) or check_rule(said, account, form, country, ground.templates)
        or _check_words((ask.title or "", content), ground) or _check_sender(ask, form, account)
    )  # fmt: skip
    if refusal:
        return refusal
    pinned = _find_pinned(ask, account, ground.table)
    if isinstance(pinned, Refusal):
        return pinned
    if form.product is Product.VOICE_OTP:
        content = speak_otp(content, language_of_country(country.iso, account.language))
    draft = Draft(
        account.id, account.plan_id, form.product, priority, country.code_id, ask.sender_id or "", content, parts,
        pinned, ask.request_id, expires_at=(due_at or now_s) + ground.validity_s, title=ask.title or "",
        attachments=ask.attachments, due_at=due_at, zone=word_zone(ask) if due_at else "", template_id=said.template_id,
    )  # fmt: skip
    case = Case(form.product, priority, draft.sender, pinned, due_at or now_s)
    reader = find_reader(account, form, country, case, ground)
    pool = None if draft.sender or form.sender_grant != SENDER else read_pool(account.grants)
    return fill(draft, pieces, PoolReader(reader, pool) if pool else reader, ground)


def _check_count(pieces: list[str], most: int) -> Refusal | None:
    if not pieces:
        return Refusal(Status.NUMBER_EMPTY)
    if len(pieces) > most:
        return Refusal(Status.TOO_MANY_NUMBERS, f"{len(pieces)} numbers, {most} at most")
    return None


def _split_as_there(pieces: list[str], ask: Ask, country: Country) -> list[str]:
    """Once more where blanks stand in a number: whether they separate is for the country's numbering plan to say."""
    if (len(pieces) == 1 and pieces[0].isalnum()) or all(map(str.isalnum, pieces)):
        return pieces
    return split_numbers(ask.numbers or "", numbering(country.iso))


def _find_country(code_id: str | None, table: Table) -> Country | Refusal:
    code_id = (code_id or "").strip()
    if not code_id:
        return Refusal(Status.COUNTRY_EMPTY)
    country = table.country(int(code_id)) if code_id.isascii() and code_id.isdigit() and len(code_id) < 10 else None
    if country is None or not country.enabled:
        return Refusal(Status.COUNTRY_UNKNOWN)
    return country


def _find_priority(action: str | None) -> Priority | Refusal:
    found = _ACTIONS.get((action or "").strip().upper())
    if found is None:
        return Refusal(Status.PLATFORM, "action must be MARKETING, VERIFY or NOTIFICATION")
    return found


def _check_own_fields(ask: Ask, form: Form) -> Refusal | None:
    if ask.fault:
        return Refusal(Status.PLATFORM, ask.fault)
    if not form.titled:
        return None
    if not ask.title or not ask.title.strip():
        return Refusal(Status.PLATFORM, "title is missing")
    if fault := text_fault(ask.title):
        return Refusal(Status.PLATFORM, f"title: {fault}")
    if units16(ask.title) > MAX_TITLE_UNITS:
        return Refusal(Status.PLATFORM, f"title has more than {MAX_TITLE_UNITS} characters")
    return None


def _read_message(ask: Ask, account: Account, form: Form, ground: Ground, now_s: float) -> tuple[float, Said] | Refusal:
    """When to send (see read_due) and what, behind the product's own fields."""
    if refusal := _check_own_fields(ask, form):
        return refusal
    due_at = read_due(ask, now_s)
    if isinstance(due_at, Refusal):
        return due_at
    said = find_content(ask, account, form, ground.templates)
    return said if isinstance(said, Refusal) else (due_at, said)


def read_due(ask: Ask, now_s: float) -> float | Refusal:
    """When to send, in epoch seconds; 0: at once, also where that time is a little past. A zone alone schedules nothing."""
    if not ask.send_time:
        return 0.0
    found = read_send_time(ask.send_time, ask.time_zone, now_s)
    if isinstance(found, Status):
        return Refusal(found, "timeZone or sendTime" if found is Status.SCHEDULE_FORMAT else "sendTime")
    return found if found > now_s else 0.0


def word_zone(ask: Ask) -> str:
    """The zone as it was written, the `+` that became a blank put back."""
    return (ask.time_zone or "").strip().replace(" ", "+")


def _check_parts(parts: int, account: Account) -> Refusal | None:
    if parts <= account.max_parts:
        return None
    return Refusal(Status.CONTENT_TOO_LONG, f"{parts} parts, the account sends {account.max_parts} at most")


def _check_words(texts: Sequence[str], ground: Ground) -> Refusal | None:
    """The reply does not say which word: it would teach how to go round it."""
    return Refusal(Status.SENSITIVE_CONTENT) if any(map(ground.guards.find_word, texts)) else None


def _check_sender(ask: Ask, form: Form, account: Account) -> Refusal | None:
    if not ask.sender_id or ask.sender_id in account.grants.get(form.sender_grant, frozenset()):
        return None
    return Refusal(Status.PLATFORM, f"{form.sender_field} is not granted to this account")


def _find_pinned(ask: Ask, account: Account, table: Table) -> int | Refusal | None:
    if not ask.routing:
        return None
    channel = table.channel_by_name(ask.routing)
    if channel is None or ask.routing not in account.grants.get(ROUTING, frozenset()):
        return Refusal(Status.NO_CHANNEL, "routing")
    return channel.id
