"""A send request, checked: from the fields as they came to a Draft that only wants its money, or to the Refusal.

The order of the checks is the contract's (section 4): the first that fails answers. Nothing here waits or writes; the
group commit (api/group.py) charges and stores Drafts. Many numbers are checked in the helper process, so
this module may take its time, but a number costs microseconds: no query, no log line, no object that could be avoided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tocsin.accounts import FREE_TEXT, ROUTING, SENDER, Account
from tocsin.content import NumberFault, Numbering, Status, measure, numbering, split_numbers, text_fault, units16
from tocsin.kit.ids import Ids
from tocsin.messaging.batchno import BatchNumbers
from tocsin.messaging.model import Ask, Draft, Refusal
from tocsin.routing import Country, Pick, Table, Way
from tocsin.traffic import Priority, Product, Reason

MAX_UNITS = 1024
_ACTIONS = dict(Priority.__members__)


@dataclass(slots=True)
class Ground:
    """What a check stands on: the process's reference data and makers of ids."""

    table: Table
    ids: Ids
    numbers: BatchNumbers
    validity_s: float
    now_s: Callable[[], float]


def check_sms(ask: Ask, account: Account, max_numbers: int, request_id: str, ground: Ground) -> Draft | Refusal:
    """All checks of an SMS request but the balance."""
    pieces = split_numbers(ask.numbers or "")
    if refusal := _check_count(pieces, max_numbers):
        return refusal
    country = _find_country(ask.code_id, ground.table)
    if isinstance(country, Refusal):
        return country
    pieces = _split_as_there(pieces, ask, country)
    priority = _find_priority(ask.action)
    if refusal := _check_count(pieces, max_numbers):
        return refusal
    if isinstance(priority, Refusal):
        return priority
    refusal = _check_later(ask) or _check_content(ask.content)
    if refusal:
        return refusal
    content = ask.content or ""
    parts = measure(content).parts
    refusal = _check_parts(parts, account) or _check_free_text(account, country) or _check_sender(ask, account)
    if refusal:
        return refusal
    pinned = _find_pinned(ask, account, ground.table)
    if isinstance(pinned, Refusal):
        return pinned
    draft = Draft(
        account.id, account.plan_id, Product.SMS, priority, country.code_id, ask.sender_id or "", content, parts,
        pinned, request_id, expires_at=ground.now_s() + ground.validity_s,
    )  # fmt: skip
    return _fill(draft, pieces, _Reader(account, country, pinned, ground.table), ground)


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


def _check_later(ask: Ask) -> Refusal | None:
    if ask.send_time:  # a zone alone schedules nothing
        return Refusal(Status.PLATFORM, "sendTime: scheduled sends are not available yet")
    if ask.template_id:
        return Refusal(Status.PLATFORM, "templateId: templates are not available yet")
    return None


def _check_content(content: str | None) -> Refusal | None:
    if content is None or not content.strip():
        return Refusal(Status.CONTENT_EMPTY)
    if fault := text_fault(content):
        return Refusal(Status.PLATFORM, f"content: {fault}")
    if units16(content) > MAX_UNITS:
        return Refusal(Status.CONTENT_TOO_LONG)
    return None


def _check_parts(parts: int, account: Account) -> Refusal | None:
    if parts <= account.max_parts:
        return None
    return Refusal(Status.CONTENT_TOO_LONG, f"{parts} parts, the account sends {account.max_parts} at most")


def _check_free_text(account: Account, country: Country) -> Refusal | None:
    granted = account.grants.get(FREE_TEXT, frozenset())
    if not country.template_required or granted & {str(country.code_id), country.iso, "*"}:
        return None
    return Refusal(Status.NOT_TEMPLATE)


def _check_sender(ask: Ask, account: Account) -> Refusal | None:
    if not ask.sender_id or ask.sender_id in account.grants.get(SENDER, frozenset()):
        return None
    return Refusal(Status.PLATFORM, "senderId is not granted to this account")


def _find_pinned(ask: Ask, account: Account, table: Table) -> int | Refusal | None:
    if not ask.routing:
        return None
    channel = table.channel_by_name(ask.routing)
    if channel is None or ask.routing not in account.grants.get(ROUTING, frozenset()):
        return Refusal(Status.NO_CHANNEL, "routing")
    return channel.id


class _Reader:
    """Reads the numbers of one request: normal form, region, way. Ways are looked up once per region."""

    def __init__(self, account: Account, country: Country, pinned: int | None, table: Table) -> None:
        self._account = account
        self._country = country
        self._pinned = pinned
        self._table = table
        self._numbering: Numbering = numbering(country.iso)
        self._ways: dict[str, tuple[int, Way | None]] = {}

    def read(self, raw: str) -> tuple[str, int, Pick | Reason]:
        """(digits or what was sent, codeId of the number's own region, where it goes or why not)."""
        verdict = self._numbering.normalise(raw)
        if verdict.reason is not None:
            fault = Reason.COUNTRY_ERROR if verdict.reason is NumberFault.COUNTRY else Reason.NUMBER_ERROR
            return verdict.digits, self._country.code_id, fault
        found = self._ways.get(verdict.region_iso)
        if found is None:
            found = self._find_way(verdict.region_iso)
        country_id, way = found
        if way is None:
            return verdict.digits, country_id, Reason.COUNTRY_ERROR if country_id < 0 else Reason.NO_ROUTE
        return verdict.digits, country_id, way.constant or way.pick(verdict.digits) or Reason.NO_ROUTE

    def _find_way(self, iso: str) -> tuple[int, Way | None]:
        country = self._table.country_of_iso(iso) or self._country
        if country.enabled:
            way = self._table.way(self._account, Product.SMS, country.code_id, self._pinned)
            found: tuple[int, Way | None] = (country.code_id, way)
        else:
            found = (-1, None)
        self._ways[iso] = found
        return found


def _fill(draft: Draft, pieces: list[str], reader: _Reader, ground: Ground) -> Draft | Refusal:
    """Read every number into the draft's columns; all of them bad refuses the request, with its rows."""
    seen: set[str] = set()
    phones, countries, channels, prices = draft.phones, draft.countries, draft.channels, draft.prices
    statuses, reasons, parts, read = draft.statuses, draft.reasons, draft.parts, reader.read
    draft.ids = ground.ids.take(len(pieces))
    draft.batch_no = ground.numbers.take()
    for raw in pieces:
        phone, country_id, pick = read(raw)
        if not isinstance(pick, Pick):
            bad = pick
        elif phone in seen:
            bad = Reason.DUPLICATE
        else:
            seen.add(phone)
            phones.append(phone)
            countries.append(country_id)
            channels.append(pick.channels[0])
            prices.append(pick.unit_price_micros * parts)
            statuses.append(0)
            reasons.append(0)
            continue
        _add_bad(draft, phone, country_id, bad)
    draft.good, draft.amount_micros = len(seen), sum(prices)
    if not seen:
        return Refusal(Status(statuses[0]), draft=draft)
    return draft


def _add_bad(draft: Draft, phone: str, country_id: int, reason: Reason) -> None:
    draft.phones.append(phone)
    draft.countries.append(max(country_id, 0))
    draft.channels.append(0)
    draft.prices.append(0)
    draft.statuses.append(reason.end.status)
    draft.reasons.append(int(reason))
