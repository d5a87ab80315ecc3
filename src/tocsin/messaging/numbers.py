"""The numbers of one request: each read, routed and priced, into the columns of its Draft.

A number costs microseconds, and there may be 50,000 of them: no query, no log line, no object that could be avoided.
"""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.accounts import Account, SenderPool
from tocsin.compliance import Sending
from tocsin.content import NumberFault, Numbering, Status, numbering
from tocsin.messaging.forms import Form
from tocsin.messaging.ground import Ground
from tocsin.messaging.model import Draft, Refusal, list_screened
from tocsin.routing import Case, Country, Pick, Table, Way
from tocsin.traffic import Product, Reason

_READERS_MOST = 4096


def find_reader(account: Account, form: Form, country: Country, case: Case, ground: Ground) -> Reader:
    """The reader for requests of this kind: made once for each state of account and table, which both are replaced, and as
    long as the hours of no rule begin or end."""
    case = ground.table.focus(account, case)
    key = (account.id, country.code_id, case)
    reader = ground.readers.get(key)
    if reader is None or not reader.stands_on(account, ground.table):
        if len(ground.readers) >= _READERS_MOST:
            ground.readers.clear()
        reader = ground.readers[key] = Reader(account, form, country, case, ground.table)
    return reader


class Reader:
    """Reads numbers for one account, product and country: normal form, region, way. Ways are looked up once per region."""

    def __init__(self, account: Account, form: Form, country: Country, case: Case, table: Table) -> None:
        self._account = account
        self._by_minute = form.voice
        self._country = country
        self._case = case
        self._table = table
        self._version = table.version
        self._numbering: Numbering = numbering(country.iso, form.voice)
        self._ways: dict[str, tuple[int, Way | None]] = {}

    def stands_on(self, account: Account, table: Table) -> bool:
        """Whether nothing that it stands on was renewed since it was made."""
        return account is self._account and table.version == self._version

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

    def route(self, phone: str, country_id: int, sender: str) -> Pick | Reason:
        """Where a number goes that was read, by the routes of another sender than the reader's."""
        way = self._table.way(self._account, country_id, self._case._replace(sender=sender))
        return (way.pick(phone) if way else None) or Reason.NO_ROUTE

    def _find_way(self, iso: str) -> tuple[int, Way | None]:
        country = self._table.country_of_iso(iso) or self._country
        if country.enabled:
            way = self._table.way(self._account, country.code_id, self._case)
            found: tuple[int, Way | None] = (country.code_id, way)
        else:
            found = (-1, None)
        self._ways[iso] = found
        return found

    def complete(self, draft: Draft) -> None:
        """Where minutes are charged: those of the longest call of each message's channel, and what they cost."""
        if not self._by_minute:
            return
        for at, channel_id in enumerate(draft.channels):
            channel = self._table.channel(channel_id) if channel_id else None
            minutes = -(-channel.longest_call_s // 60) if channel else 0
            draft.reserved.append(minutes)
            draft.prices[at] *= minutes


class PoolReader:
    """Reads numbers of a request that names no sender, for an account with a pool: each goes the way of its own sender."""

    def __init__(self, reader: Reader, pool: SenderPool) -> None:
        self._reader = reader
        self._pool = pool

    def read(self, raw: str) -> tuple[str, int, Pick | Reason]:
        """As Reader.read."""
        phone, country_id, pick = self._reader.read(raw)
        if isinstance(pick, Pick) or pick is Reason.NO_ROUTE:
            pick = self._reader.route(phone, country_id, self._pool.choose(country_id, phone))
        return phone, country_id, pick

    def complete(self, draft: Draft) -> None:
        """Write the senders into the draft: of the request if there is one, else of each message."""
        self._reader.complete(draft)
        pairs = zip(draft.countries, draft.phones, draft.reasons, strict=True)
        senders = ["" if reason else self._pool.choose(country_id, phone) for country_id, phone, reason in pairs]
        named = {sender for sender, reason in zip(senders, draft.reasons, strict=True) if not reason}
        if len(named) == 1:
            draft.sender = named.pop()
        elif named:
            draft.own = senders


def fill(draft: Draft, pieces: list[str], reader: Reader | PoolReader, ground: Ground) -> Draft | Refusal:
    """Read every number into the draft's columns; all of them bad refuses the request, with its rows."""
    seen: set[str] = set()
    phones, countries, channels, prices = draft.phones, draft.countries, draft.channels, draft.prices
    statuses, reasons, parts, read = draft.statuses, draft.reasons, draft.parts, reader.read
    health = ground.table.health
    ill = bool(health.states)
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
            channels.append(health.order(pick.channels, country_id)[0] if ill else pick.channels[0])
            prices.append(pick.unit_price_micros * parts)
            statuses.append(0)
            reasons.append(0)
            continue
        _add_bad(draft, phone, country_id, bad)
    reader.complete(draft)
    draft.good, draft.amount_micros = len(seen), sum(prices)
    if not seen:
        return Refusal(Status(statuses[0]), draft=draft)
    return draft


def sending_of(draft: Draft) -> Sending:
    """What a request is screened by."""
    return Sending(
        draft.account_id, draft.priority, draft.sender, list_screened(draft.product, draft.phones), draft.countries,
        draft.prices, draft.reasons, senders=() if draft.product == Product.EMAIL else draft.own,
    )  # fmt: skip


def refuse_some(draft: Draft, refused: Mapping[int, Reason]) -> None:
    """Numbers that may not be sent to after all, by place: they cost nothing and wait in no lane."""
    for at, reason in refused.items():
        if not draft.reasons[at]:
            draft.good -= 1
            draft.amount_micros -= draft.prices[at]
        draft.channels[at] = draft.prices[at] = 0
        if draft.reserved:
            draft.reserved[at] = 0
        draft.reasons[at], draft.statuses[at] = int(reason), reason.end.status


def _add_bad(draft: Draft, phone: str, country_id: int, reason: Reason) -> None:
    draft.phones.append(phone)
    draft.countries.append(max(country_id, 0))
    draft.channels.append(0)
    draft.prices.append(0)
    draft.statuses.append(reason.end.status)
    draft.reasons.append(int(reason))
