"""A past for the demo account, so that its pages have something to show: batches of all products over some weeks.

Made up, but whole: what a real send leaves behind is there (messages, submissions, reports, money, sums), and the ledger
adds up. It must not touch any account but the demo's, and sends nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import billing, routing
from tocsin.bootstrap.seed import PRICES
from tocsin.content import load_countries
from tocsin.kit import clock
from tocsin.kit.db import Queries
from tocsin.traffic import Priority, Product, ReactionKind, Reason

QUERIES = Queries(Path(__file__).with_name("queries.sql"))
BATCH_MOST: Final = 10_000
_COUNTED_MOST: Final = 50  # a batch of more numbers has sums of its own
_DAY_MS: Final = 86_400_000
_LONGEST_CALL_MIN: Final = 10
_MEAN_MICROS: Final = 150_000  # of a message, about
_HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 9, 10, 11, 12, 11, 10, 9, 9, 8, 6, 4, 2)
"""Weights of the hours of a day."""

# ISO code, where numbers begin, weight, delivered of 10,000.
_COUNTRIES: Final = (
    ("ID", "628", 30, 9610), ("CN", "8613", 18, 9820), ("MY", "601", 9, 9540), ("TH", "668", 8, 9490), ("VN", "849", 8, 8930),
    ("PH", "639", 8, 9150), ("IN", "919", 7, 9020), ("BR", "5511", 5, 9330), ("TR", "905", 3, 9270), ("SG", "659", 2, 9850),
    ("GB", "447", 1, 9790), ("US", "1202", 1, 9580),
)  # fmt: skip


class Kind(NamedTuple):
    """What is sent: its product, priority, weight, parts, sender, title, and texts."""

    product: Product
    priority: Priority
    weight: int
    parts: int
    sender: str
    title: str
    texts: tuple[str, ...]


_SALE: Final = (
    "Summer sale: 30 % off everything until Sunday, in our shops and online. Show this message at the counter,"
    " or use the code SUN30 when you pay, on any day. Reply STOP to opt out of our news."
)
_KINDS: Final = (
    Kind(Product.SMS, Priority.VERIFY, 30, 1, "ACME", "", ("Your ACME code is 493817. It is valid for 5 minutes.",)),
    Kind(
        Product.SMS, Priority.NOTIFICATION, 34, 1, "ACME", "",
        ("Your parcel 7301 is out for delivery today between 14:00 and 16:00.", "【极光】您的订单已发货，预计明天送达。"),
    ),
    Kind(
        Product.SMS, Priority.MARKETING, 16, 2, "ACME", "",
        (_SALE,),
    ),
    Kind(Product.MMS, Priority.MARKETING, 4, 1, "ACME", "New in our shops", ("Have a look at what came in this week.",)),
    Kind(Product.VOICE_NOTICE, Priority.NOTIFICATION, 5, 1, "", "", ("This is ACME. Your appointment is tomorrow at ten.",)),
    Kind(Product.VOICE_OTP, Priority.VERIFY, 3, 1, "", "", ("Your code is 4, 9, 3, 8.",)),
    Kind(Product.EMAIL, Priority.MARKETING, 8, 1, "news@acme.example", "What is new in June", ("<h1>Hello</h1><p>Our June.</p>",)),
)  # fmt: skip

_REPLIES: Final = ["STOP", "Thanks!", "OK", "Who is this?", "1", "谢谢", "退订", "Call me please", "YES"]
_LINKS: Final = ["https://acme.example/sale", "https://acme.example/shops", "https://acme.example/imprint"]


class Written(NamedTuple):
    """What was added."""

    batches: int
    messages: int


def write_history(
    conn: Connection[TupleRow], account: str, messages: int, days: int, tell: Callable[[int], None]
) -> Written:
    """Add about so many messages over so many days back from now; `tell` hears how many there are so far.

    `conn` is autocommit: each day is a transaction. Raises LookupError where there is no such account.
    """
    found = conn.execute(QUERIES["account"], (account,)).fetchone()
    if found is None:
        raise LookupError(account)
    account_id, charge_failed = found
    channel = next(each.id for each in routing.list_channels(conn) if each.kind == routing.SANDBOX)
    conn.execute(QUERIES["days"], {"days": days})
    batches = written = 0
    dice = random.Random()  # noqa: S311  it makes up a past
    for day_ms, share in _days(days):
        with conn.transaction():
            _top_up(conn, account_id, day_ms, messages * share)
            for facts in _batches(dice, day_ms, round(messages * share)):
                facts |= {"account": account_id, "channel": channel, "charge_failed": charge_failed}
                row = conn.execute(QUERIES["batch"], facts).fetchone()
                count = row[0] if row else 0
                if count > _COUNTED_MOST:
                    conn.execute(QUERIES["sums"], facts)
                written += count
                batches += 1
                _write_answers(conn, facts)
        tell(written)
    conn.execute(QUERIES["analyze"])
    return Written(batches, written)


def _days(days: int) -> Iterator[tuple[int, float]]:
    """Begin of each day (epoch ms), the oldest first, and its share of all messages: a little more each week, less on Sundays."""
    now_ms = int(clock.now_s() * 1000)
    weights = [
        (1 + turn / days) * (0.55 if (now_ms // _DAY_MS - days + turn + 4) % 7 in {0, 6} else 1)
        for turn in range(1, days + 1)
    ]
    for turn, weight in enumerate(weights):
        yield now_ms - (days - turn) * _DAY_MS, weight / sum(weights)


def _batches(dice: random.Random, day_ms: int, messages: int) -> Iterator[dict[str, Any]]:
    """The batches of the 24 hours from `day_ms` on, in their order."""
    sizes = []
    while messages > 0:
        most = dice.choices((1, 40, 1500, BATCH_MOST), (40, 30, 24, 6))[0]
        sizes.append(min(dice.randint(1, most), messages))
        messages -= sizes[-1]
    hours = [
        dice.choices(range(24), [_HOURS[(day_ms // 3_600_000 + hour) % 24] for hour in range(24)])[0] for _ in sizes
    ]
    for ms, n in sorted(
        zip((day_ms + hour * 3_600_000 + dice.randrange(3_600_000) for hour in hours), sizes, strict=True)
    ):
        yield _describe(dice, ms, n)


def _describe(dice: random.Random, ms: int, n: int) -> dict[str, Any]:
    """A batch as its statement takes it. Epoch ms; micro-units."""
    kind = dice.choices(_KINDS, [each.weight for each in _KINDS])[0]
    n = 1 if kind.product is Product.VOICE_OTP else n
    iso, dial, _, delivered = dice.choices(_COUNTRIES, [each[2] for each in _COUNTRIES])[0]
    calls = kind.product in {Product.VOICE_NOTICE, Product.VOICE_OTP}
    reasons, limits = _fates(kind.product, delivered + dice.randint(-120, 120))
    return {
        "no": ms * 10_000 + dice.randrange(10_000), "ms": ms, "n": n, "product": int(kind.product), "priority": int(kind.priority),
        "country": _code_ids()[iso], "dial": dial, "mail": "example.com" if kind.product is Product.EMAIL else "",
        "sender": kind.sender, "title": kind.title, "content": dice.choice(kind.texts), "parts": kind.parts,
        "price": billing.to_micros(PRICES[kind.product]) * kind.parts, "reserved": _LONGEST_CALL_MIN if calls else 0,
        "limits": limits, "reasons": [int(each) for each in reasons], "statuses": [each.end.status for each in reasons],
        "no_receipt": int(Reason.NO_RECEIPT), "expired": int(Reason.EXPIRED),
    }  # fmt: skip


def _fates(product: Product, delivered: int) -> tuple[list[Reason], list[int]]:
    """The ends of a product's messages, and where each share of 10,000 begins but for the first."""
    rest = 9960 - delivered
    if product in {Product.VOICE_NOTICE, Product.VOICE_OTP}:
        return [Reason.NUMBER_ERROR, Reason.SUCCESS, Reason.BUSY, Reason.NO_ANSWER], [40, 8200, 8900]
    if product is Product.EMAIL:
        return [Reason.NUMBER_ERROR, Reason.SUCCESS, Reason.REJECTED], [40, 40 + delivered]
    reasons = [
        Reason.NUMBER_ERROR,
        Reason.SUCCESS,
        Reason.UNDELIVERED,
        Reason.REJECTED,
        Reason.EXPIRED,
        Reason.NO_RECEIPT,
    ]
    return reasons, [40, 40 + delivered, *(40 + delivered + rest * part // 100 for part in (55, 75, 92))]


def _write_answers(conn: Connection[TupleRow], facts: dict[str, Any]) -> None:
    """Replies to texts, and what was done with emails."""
    if facts["product"] == Product.SMS and facts["priority"] != Priority.VERIFY:
        conn.execute(QUERIES["replies"], facts | {"texts": _REPLIES, "every": 180})
    if facts["product"] == Product.EMAIL:
        kinds = {
            ReactionKind.OPENED: 4100,
            ReactionKind.CLICKED: 900,
            ReactionKind.UNSUBSCRIBED: 40,
            ReactionKind.COMPLAINED: 6,
        }
        shares = {"kinds": [int(kind) for kind in kinds], "shares": list(kinds.values())}
        countries = ["Indonesia", "China", "Malaysia", "Brazil", "Singapore"]
        conn.execute(QUERIES["reactions"], facts | shares | {"links": _LINKS, "countries": countries})


def _top_up(conn: Connection[TupleRow], account_id: int, day_ms: int, messages: float) -> None:
    """Where there is not enough for two such days, pay for a week."""
    day_micros = int(messages * _MEAN_MICROS)
    if billing.read_wallet(conn, account_id).balance_micros < 2 * day_micros:
        hundreds = 1 + 7 * day_micros // (100 * billing.MICROS)
        conn.execute(
            QUERIES["top_up"], {"account": account_id, "ms": day_ms, "micros": hundreds * 100 * billing.MICROS}
        )


def _code_ids() -> dict[str, int]:
    return {row.iso: row.code_id for row in load_countries()}
