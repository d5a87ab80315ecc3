"""Batches that were never sent, with all that a real one leaves behind: messages, submissions, reports, money, sums."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import billing, compliance, routing
from tocsin.content import load_countries
from tocsin.kit.db import Queries
from tocsin.traffic import Priority, Product, ReactionKind, Reason

QUERIES = Queries(Path(__file__).with_name("queries.sql"))
NO_COUNTRY: Final = routing.NOWHERE
_COUNTED_MOST: Final = 50  # a batch of more numbers has sums of its own
_LONGEST_CALL_MIN: Final = 10
_LINKS: Final = ["https://acme.example/sale", "https://acme.example/shops", "https://acme.example/imprint"]
_MAIL_COUNTRIES: Final = ["Indonesia", "China", "Malaysia", "Brazil", "Singapore"]
_NOT_REFUSED: Final = [0]
_REFUSED: Final = [10_001]

DIALS: Final = {
    "ID": "628", "CN": "8613", "MY": "601", "TH": "668", "VN": "849", "PH": "639", "IN": "919", "BR": "5511", "TR": "905",
    "SG": "659", "GB": "447", "US": "1202",
}  # fmt: skip
"""Where mobile numbers of a country begin."""


class Kind(NamedTuple):
    """What is sent: its product, priority, weight, parts, sender, title, and texts."""

    product: Product
    priority: Priority
    weight: int
    parts: int
    sender: str
    title: str
    texts: tuple[str, ...]


class Owner(NamedTuple):
    """Whose past it is: the account, what it pays, and the channel that carried its messages."""

    id: int
    plan_id: int
    charge_failed: bool
    channel_id: int
    prices: billing.PriceBook
    code_ids: dict[str, int]

    def price_of(self, product: Product, iso: str, digits: str) -> int | None:
        """What a part, message or minute costs; None: there is no price."""
        tariff = self.prices.tariff(self.plan_id, int(product))
        country = NO_COUNTRY if product is Product.EMAIL else self.code_ids[iso]
        return (
            None if tariff is None else tariff.find("" if country == NO_COUNTRY else digits, country, self.channel_id)
        )


class Send(NamedTuple):
    """A batch to be made up. `ms`: when it was accepted; `ends`: reasons of its messages, the first of them refused at the
    accept, and `limits` where each share of 10,000 begins but for the first. SENDING: it has not ended.
    """

    key: str
    ms: int
    n: int
    kind: Kind
    iso: str
    text: str
    ends: list[Reason]
    limits: list[int]
    handed: bool = True
    due_ms: int | None = None
    template_id: int | None = None
    request: str = ""

    @property
    def batch_no(self) -> int:
        """Its last four digits tell apart batches of one millisecond."""
        return self.ms * 10_000 + random.Random(self.key).randrange(10_000)  # noqa: S311  it makes up a past


def end_as(reason: Reason) -> tuple[list[Reason], list[int]]:
    """Ends and limits of a batch all of whose messages end so."""
    refused = reason in {Reason.NUMBER_ERROR, Reason.BLACKLISTED}
    return [reason, Reason.SUCCESS] if refused else [Reason.NUMBER_ERROR, reason], _REFUSED if refused else _NOT_REFUSED


def find_owner(conn: Connection[TupleRow], account: str) -> Owner:
    """The account, locked until the transaction ends. Raises LookupError where there is none."""
    found = conn.execute(QUERIES["account"], (account,)).fetchone()
    if found is None:
        raise LookupError(account)
    account_id, plan_id, charge_failed = found
    rules = [billing.PriceRule(*row) for row in conn.execute(QUERIES["prices"], (plan_id,))]
    channel = next(each.id for each in routing.list_channels(conn) if each.kind == routing.SANDBOX)
    code_ids = {row.iso: row.code_id for row in load_countries()}
    return Owner(account_id, plan_id, charge_failed, channel, billing.PriceBook(rules), code_ids)


def write_send(conn: Connection[TupleRow], owner: Owner, send: Send) -> int:
    """Write a batch with all that a real one leaves behind; how many messages it has, 0 where there is no price for it."""
    iso, dial = send.iso, DIALS[send.iso]
    kind, calls = send.kind, send.kind.product in {Product.VOICE_NOTICE, Product.VOICE_OTP}
    price = owner.price_of(kind.product, iso, dial)
    if price is None:
        return 0
    is_mail = kind.product is Product.EMAIL
    facts = {
        "account": owner.id, "channel": owner.channel_id, "charge_failed": owner.charge_failed, "key": send.key,
        "no": send.batch_no, "ms": send.ms, "n": send.n, "product": int(kind.product), "priority": int(kind.priority),
        "country": NO_COUNTRY if is_mail else owner.code_ids[iso], "dial": dial, "mail": "example.com" if is_mail else "",
        "sender": kind.sender, "title": kind.title, "content": send.text, "parts": kind.parts, "price": price * kind.parts,
        "reserved": _LONGEST_CALL_MIN if calls else 0, "limits": send.limits, "reasons": [int(each) for each in send.ends],
        "statuses": [each.end.status for each in send.ends], "no_receipt": int(Reason.NO_RECEIPT),
        "expired": int(Reason.EXPIRED), "cancelled": int(Reason.CANCELLED), "handed": send.handed, "due": send.due_ms,
        "template": send.template_id, "request": send.request or name_request(send.key),
    }  # fmt: skip
    row = conn.execute(QUERIES["batch"], facts).fetchone()
    count = int(row[0]) if row else 0
    if count > _COUNTED_MOST:
        conn.execute(QUERIES["drop_sums"], facts)
        conn.execute(QUERIES["sums"], facts)
    return count


def name_request(key: str) -> str:
    """The id of the request that brought it."""
    return f"{random.Random(key).getrandbits(64):016x}"  # noqa: S311  it makes up a past


def write_replies(
    conn: Connection[TupleRow], owner: Owner, send: Send, texts: tuple[str, ...], every: int = 180, within_s: int = 3000
) -> None:
    """One in so many who got a message of the batch says one of the texts, if that was before now."""
    facts = {"account": owner.id, "no": send.batch_no, "ms": send.ms, "sender": send.kind.sender}
    conn.execute(QUERIES["replies"], {**facts, "texts": list(texts), "every": every, "slow": within_s})


def write_reactions(
    conn: Connection[TupleRow], owner: Owner, send: Send, kinds: dict[ReactionKind, int], within_s: int = 3600
) -> None:
    """Shares of 10,000 of those who got an email of the batch do that with it, if that was before now."""
    facts = {"account": owner.id, "no": send.batch_no, "ms": send.ms, "links": _LINKS, "countries": _MAIL_COUNTRIES}
    shares = {"kinds": [int(kind) for kind in kinds], "shares": list(kinds.values()), "slow": within_s}
    conn.execute(QUERIES["reactions"], facts | shares)


def write_choices(conn: Connection[TupleRow], owner: Owner) -> None:
    """What follows from replies and events: opt-outs, and addresses that are not written to again."""
    texts = [text for (text,) in conn.execute(QUERIES["reply_texts"], (owner.id,))]
    words = [text for text in texts if isinstance(compliance.read_reply(text), compliance.OptOut)]
    conn.execute(QUERIES["opt_outs"], {"account": owner.id, "words": words})
    conn.execute(QUERIES["bars"], {"account": owner.id})
