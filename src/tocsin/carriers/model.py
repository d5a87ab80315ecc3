"""What a link must know about its channel, what a carrier may say by calling us, and how a bad configuration is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tocsin.traffic import Inbound, Outcome, Receipt, Submission

THREE_DAYS_S = 72 * 3600.0


class ChannelFacts(msgspec.Struct, frozen=True):
    """A channel as a link sees it.

    `config` is the channel's own settings as stored (JSON object); `receipt_timeout_s` is how long the platform waits
    for a receipt (contract, section 7).
    """

    id: int
    name: str
    config: Mapping[str, Any] = {}
    receipt_timeout_s: float = THREE_DAYS_S


class SettingFacts(msgspec.Struct, frozen=True):
    """One setting of a carrier, for forms, help pages and error texts."""

    name: str
    kind: str  # "whole number", "number", "yes or no", "text", "list", "mapping"
    help: str
    default: Any
    required: bool
    secret: bool = False


class BadConfigError(Exception):
    """A channel's configuration cannot be used; `mistakes` has a sentence for every one of them."""

    def __init__(self, channel: str, mistakes: list[str]) -> None:
        super().__init__(f"channel {channel}: " + "; ".join(mistakes))
        self.mistakes = mistakes


class ProbeOrder(NamedTuple):
    """What a test of a channel may do. `message`: send this one; `may_bind`: False while a bind of a worker stands."""

    message: Submission | None = None
    may_bind: bool = True


class Probe(NamedTuple):
    """What a test came to: sentences for the operator, without secrets. `outcome`: of the message, if one was sent."""

    good: bool
    said: list[str]
    outcome: Outcome | None = None


RECEIPT, REPLY = "receipt", "reply"


class Called(NamedTuple):
    """A request of a carrier to us. `header` answers a header by its lower-case name, "" where it is absent."""

    what: str  # RECEIPT or REPLY
    query: Mapping[str, str]
    header: Callable[[str], str]
    body: bytes


class Heard(NamedTuple):
    """What a carrier's request says, and what it wants to read when that is stored."""

    receipts: Sequence[Receipt] = ()
    replies: Sequence[Inbound] = ()
    answer: str = ""


class StrangerError(Exception):
    """Whoever calls has not shown the channel's token or signature."""


class UnreadableError(Exception):
    """What a carrier calls with cannot be read; the text says why."""


Ear = Callable[[Called, float], Heard]
"""(request, now in epoch seconds) -> what it says. Raises StrangerError, UnreadableError."""
