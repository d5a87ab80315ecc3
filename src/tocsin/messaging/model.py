"""What the spine works on: a checked request (Draft), a claimed message, an end."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tocsin.content import Status
from tocsin.traffic import Attachment, Priority, Product, Reason


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a send request as they came; None: absent."""

    numbers: str | None = None
    content: str | None = None
    code_id: str | None = None
    action: str | None = None
    sender_id: str | None = None
    routing: str | None = None
    template_id: str | None = None
    template_params: tuple[str, ...] = ()
    send_time: str | None = None
    time_zone: str | None = None
    title: str | None = None
    attachments: tuple[Attachment, ...] = ()
    emails: object = None  # of an email: recipients as JSON gave them, or text
    placeholders: object = None  # of an email, the same
    sender_name: str | None = None  # of an email
    fault: str = ""  # of a field that only this product has: answered where the other fields are
    request_id: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """A request that is answered with an error."""

    status: Status
    detail: str = ""
    draft: Draft | None = None  # all numbers were bad: the reply has data, and the rows are kept


class Bad(msgspec.Struct, frozen=True, gc=False):
    """A number that was refused."""

    phone: str
    reason: Reason
    detail: str = ""


class Draft(msgspec.Struct, gc=False):
    """A request that passed every check that needs no lock: its rows as columns, its charge, its work."""

    account_id: int
    plan_id: int
    product: Product
    priority: Priority
    country_id: int
    sender: str
    content: str
    parts: int
    pinned_channel_id: int | None
    request_id: str
    batch_no: int = 0
    idempotency_key: str | None = None
    idempotency_hash: str = ""
    expires_at: float = 0.0
    ids: list[bytes] = msgspec.field(default_factory=list)
    phones: list[str] = msgspec.field(default_factory=list)
    countries: list[int] = msgspec.field(default_factory=list)
    channels: list[int] = msgspec.field(default_factory=list)
    prices: list[int] = msgspec.field(default_factory=list)
    statuses: list[int] = msgspec.field(default_factory=list)
    reasons: list[int] = msgspec.field(default_factory=list)
    good: int = 0
    amount_micros: int = 0
    title: str = ""
    attachments: tuple[Attachment, ...] = ()
    template_id: int | None = None  # that was filled
    held: dict[int, float] = msgspec.field(default_factory=dict)  # place -> epoch seconds until which it waits
    due_at: float = 0.0  # epoch seconds; 0: at once
    zone: str = ""  # of due_at, as it was written
    reserved: list[int] = msgspec.field(default_factory=list)  # minutes of each message; empty: not billed by time
    own: list[str] = msgspec.field(
        default_factory=list
    )  # what each recipient has of his own (Claimed.own); empty: nothing
    given: str = ""  # JSON of the placeholders for every recipient

    @property
    def bad(self) -> int:
        return len(self.ids) - self.good


def list_screened(product: int, phones: Sequence[str]) -> Sequence[str]:
    """What lists and caps know the recipients by: addresses in lower case."""
    return [phone.lower() for phone in phones] if product == Product.EMAIL else phones


class Claimed(msgspec.Struct, gc=False):
    """A message in the hands of a worker."""

    id: bytes
    item_id: int
    attempt: int
    priority: int
    account_id: int
    batch_no: int
    product: int
    phone: str
    country_id: int
    parts: int
    price_micros: int
    channel_id: int  # route chosen at accept
    reserved: int = 0  # minutes that the price is for; 0: not billed by time
    own: str = ""  # of an email: JSON of the recipient's own placeholders; of SMS and MMS: his sender, where batches have several
    stopped: bool = False  # its batch is paused or cancelled

    def find_sender(self, of_batch: str) -> str:
        """What the recipient sees; `of_batch`: the sender of the request."""
        return self.own if self.own and self.product != Product.EMAIL else of_batch


class Text(msgspec.Struct, frozen=True, gc=False):
    """What the messages of a batch share."""

    content: str
    sender: str
    priority: int
    expires_at: float
    pinned_channel_id: int | None
    title: str = ""
    attachments: tuple[Attachment, ...] = ()
    product: int = Product.SMS
    given: str = ""  # of an email: JSON of the placeholders for every recipient


class End(msgspec.Struct, frozen=True, gc=False):
    """A new state of a message, to be written with all that follows from it."""

    message_id: bytes
    account_id: int
    batch_no: int
    product: int
    phone: str
    country_id: int
    parts: int
    price_micros: int
    channel_id: int
    booked_channel_id: int  # under which the roll-up has the old state
    version: int
    reason: Reason
    before: Reason  # state that it replaces
    refunded_before: int  # micros given back so far
    submitted_at: float | None
    at: float
    reserved: int = 0  # minutes that the price is for; 0: not billed by time
    talk_s: int = 0  # length of the call

    @property
    def count(self) -> int:
        """The billing count: parts, or the minutes that began (before the end: those that are reserved)."""
        if not self.reserved:
            return self.parts
        return self.reserved if self.reason is Reason.SENDING else min(-(-self.talk_s // 60), self.reserved)

    @property
    def count_before(self) -> int:
        """The same in the state that it replaces: a call of which nobody heard in time cost nothing."""
        if not self.reserved:
            return self.parts
        return self.reserved if self.before is Reason.SENDING else 0
