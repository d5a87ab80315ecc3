"""What passes between the spine and a carrier: Submission out; Outcome, Receipt, Inbound back.

Structs without garbage-collector tracking: there is one per part of every message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tocsin.traffic.words import OutcomeKind, Priority, Product, ReactionKind, Reason


class Attachment(msgspec.Struct, frozen=True):
    """A file of a message. mime: told by the content; name: safe to show."""

    name: str
    mime: str
    data: bytes


class Submission(msgspec.Struct, frozen=True, gc=False):
    """One part of one message, on its way to a carrier; or a message of several parts as a whole, where the link is so."""

    message_id: bytes  # 16
    attempt: int  # from 1
    part: int  # from 1; 0: the whole of a message of several parts
    parts: int
    product: Product
    priority: Priority
    phone: str  # digits with country code
    sender: str
    text: str  # of this part, or of the whole
    ucs2: bool
    expires_at: float  # epoch seconds
    title: str = ""
    attachments: tuple[Attachment, ...] = ()
    longest_s: int = 0  # of a call: it is hung up then
    unsubscribe_url: str = ""  # of an email: for the headers of RFC 8058
    wide: bool = False  # the parts leave room for a 16-bit reference (3GPP TS 23.040, 9.2.3.24.8)
    country_id: int = 0  # codeId; 0: none, of email


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """A carrier's answer to one Submission, or that there was none."""

    message_id: bytes
    attempt: int
    part: int
    kind: OutcomeKind
    at: float  # epoch seconds: hand-over
    carrier_id: str | None = None  # ACCEPTED only
    reason: Reason = Reason.SENDING  # PERMANENT: the end


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """A delivery receipt. status 0 is an intermediate state; else it is final."""

    carrier_id: str
    phone: str
    reason: Reason  # SENDING: intermediate
    at: float
    talk_s: int = 0  # length of a call from its answer
    others: tuple[str, ...] = ()  # ways in which the answer may have written the id instead


class Inbound(msgspec.Struct, frozen=True, gc=False):
    """A reply of a terminal user, or a part of one: those of one reference and count are put together.

    `content` may hold halves of UTF-16 pairs, whose other half is in another part.
    """

    user_number: str
    service_number: str
    content: str
    at: float
    reference: int = 0
    parts: int = 1
    part: int = 1


class Feedback(msgspec.Struct, frozen=True, gc=False):
    """What became of an email behind its delivery, as a carrier hears it: a complaint, a bounce, an open."""

    carrier_id: str
    kind: ReactionKind
    at: float
    agent: str = ""  # User-Agent of who opened or clicked


class Sink(Protocol):
    """Where a link puts what comes back. The worker gives it."""

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Answers to submits, in any grouping; each Submission gets exactly one. Never blocks."""

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        """Returns when they are committed: only then may the carrier be told. Raises if they could not be stored."""

    async def inbound(self, replies: Sequence[Inbound]) -> None:
        """Returns when they are committed. Raises if they could not be stored."""

    async def feedback(self, feedback: Sequence[Feedback]) -> None:
        """Returns when it is committed. Raises if it could not be stored."""


class LinkState(msgspec.Struct, frozen=True):
    """How a link is at this moment. Counters are answered parts since it was made."""

    binds: int = 0  # that stand now
    binds_wanted: int = 0  # 0: a carrier that knows no binds, and is never down
    window: int = 0  # parts that may be under way; 0: the link has no bound of its own
    in_flight: int = 0  # parts without an answer
    rate_per_s: float = 0.0  # answered parts, over the last seconds
    accepted: int = 0
    temporary: int = 0
    permanent: int = 0
    throttled: int = 0
    unknown: int = 0
    last_error: str = ""  # a short sentence; never a secret
    last_error_at: float = 0.0  # epoch seconds
    receipt_delay_ms: int = 0  # from hand-over to receipt, average of the last ones; 0: not known

    @property
    def down(self) -> bool:
        """Nothing can be handed over until it is bound again."""
        return self.binds_wanted > 0 and self.binds == 0


class Link(Protocol):
    """A talk with one carrier, for one channel.

    `whole`: its carrier cuts long texts itself, so an SMS of several parts comes as one Submission, part 0. Then there is
    one answer and one receipt for it; what it costs is counted in parts as ever. `wide`: parts are cut with room for a 16-bit
    reference, where that makes them no more than those that are charged.
    """

    whole: bool
    wide: bool

    def state(self) -> LinkState:
        """At any time, before `open` too. It only looks; it is asked before every claim, so it must be cheap."""

    async def open(self, sink: Sink) -> None:
        """Begin; receipts may come from now on."""

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Submission]:
        """Hand over. Returns when the link has taken them (back-pressure); the answers go to sink.outcomes.

        What it returns it has not taken: nothing of that went out, and no answer will come.
        """

    async def close(self) -> None:
        """Stop taking, let answers under way come for a short while, end."""
