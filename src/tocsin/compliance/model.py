"""What sends are screened by, as values: caps, quiet hours, replies; what is screened, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from tocsin.kit.suggest import UnknownNameError
from tocsin.traffic import Reason

EVERYBODY = 0
"""The account of what holds for all accounts."""

LANGUAGES = ("en", "zh")


class ComplianceError(ValueError):
    """What cannot be done with lists, words, caps or quiet hours, as one sentence for the operator."""


class ComplianceNameError(UnknownNameError, ComplianceError):
    """A name that does not exist; the command line says which ones are close."""


class CapKind(IntEnum):
    """What a cap counts by, from the finest to the coarsest. Stored; the order is that of counting."""

    NUMBER = 1
    PREFIX = 2
    COUNTRY = 3
    SPEND = 4


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """A row of table cap. `most`: messages, or micros of spend, in a window of `window_s` (aligned to UTC)."""

    id: int
    account_id: int  # 0: for all accounts, each counted for itself
    kind: int
    action: int | None  # traffic.Priority; None: every action
    country_id: int  # 0: every country
    most: int | None  # None: no cap
    window_s: int
    digits: int  # of a prefix


class QuietRule(msgspec.Struct, frozen=True, kw_only=True):
    """A row of table quiet_rule: quiet from the first minute of the day until the second. Both None: never."""

    account_id: int  # 0: for all accounts
    country_id: int  # 0: every country
    start_minute: int | None
    end_minute: int | None


class OptOut(msgspec.Struct, frozen=True):
    """A reply that asks for no more MARKETING."""

    language: str  # en, zh: of its word


class OptIn(msgspec.Struct, frozen=True):
    """A reply that takes an opt-out back."""

    language: str


class Choice(NamedTuple):
    """A terminal user's choice about an account. `sender`: that of the message that was answered; "": not known."""

    account_id: int
    sender: str
    number: str  # digits with country code
    reply: OptOut | OptIn


class OptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A row of table opt_answer: what a terminal user is answered."""

    account_id: int  # 0: for all accounts
    kind: str  # out, in
    language: str
    content: str


class Sending(NamedTuple):
    """The numbers of one request as columns, one place each.

    `values`: digits with country code, or addresses in lower case; `reasons`: of those that are refused already, else 0;
    `senders`: where each has one of its own, else empty.
    """

    account_id: int
    action: int  # traffic.Priority
    sender: str
    values: Sequence[str]
    countries: Sequence[int]
    prices: Sequence[int]  # micros, of the whole message
    reasons: Sequence[int]
    again: bool = False  # it was screened when it was accepted: caps do not count it twice
    senders: Sequence[str] = ()


class Screened(msgspec.Struct, kw_only=True):
    """What screening came to. `asks`: it is not finished, the database must be asked (see screen.py)."""

    refused: dict[int, Reason] = msgspec.field(default_factory=dict)  # by place
    held: dict[int, float] = msgspec.field(default_factory=dict)  # by place: MARKETING waits until then (epoch seconds)
    spend_stop: bool = False  # the request as a whole is refused: -10
    suspects: list[int] = msgspec.field(default_factory=list)  # places that a list may hold
    caps: tuple[Cap, ...] = ()
    taken: tuple[Any, ...] | None = None  # out of the caps: parameters of cap_return

    @property
    def asks(self) -> bool:
        return bool(self.suspects or self.caps)


class ListRow(NamedTuple):
    """A row of the blacklist as people read it; `account` None: for all."""

    value: str
    account: str | None
    created_at: datetime
    origin: str  # operator, unsubscribe, complaint


class Barred(NamedTuple):
    """A row of either list of an account; `sender`: of an opt-out, "" for every sender."""

    id: int
    value: str
    origin: str  # operator, console, unsubscribe, complaint, reply
    created_at: datetime
    sender: str


class OptOutRow(NamedTuple):
    """An opt-out as people read it; `sender` "": of every sender."""

    value: str
    account: str
    sender: str
    origin: str  # reply, operator
    created_at: datetime


class WordRow(NamedTuple):
    """A sensitive word as the operator wrote it, and as texts are compared."""

    word: str
    normal: str


class CapRow(NamedTuple):
    """A cap and the name of its account."""

    cap: Cap
    account: str | None
    iso: str | None


class QuietRow(NamedTuple):
    """A quiet rule and the name of its account."""

    rule: QuietRule
    account: str | None
    iso: str | None
