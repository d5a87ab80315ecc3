"""A past for the demo account, so that its pages have something to show: batches of all products over some weeks.

Made up, but whole: see sends.py. The same seed makes the same past, counted back from now. It must not touch any account but
the demo's, and sends nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.bootstrap.sends import Kind, Owner, Send, write_reactions, write_replies, write_send
from tocsin.traffic import Priority, Product, ReactionKind, Reason

BATCH_MOST: Final = 10_000
DAY_MS: Final = 86_400_000
_HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 9, 10, 11, 12, 11, 10, 9, 9, 8, 6, 4, 2)
"""Weights of the hours of a day."""

# ISO code, weight, delivered of 10,000.
_COUNTRIES: Final = (
    ("ID", 30, 9610), ("CN", 18, 9820), ("MY", 9, 9540), ("TH", 8, 9490), ("VN", 8, 8930),
    ("PH", 8, 9150), ("IN", 7, 9020), ("BR", 5, 9330), ("TR", 3, 9270), ("SG", 2, 9850),
    ("GB", 1, 9790), ("US", 1, 9580),
)  # fmt: skip


_SALE: Final = (
    "Summer sale: 30 % off everything until Sunday, in our shops and online. Show this message at the counter,"
    " or use the code SUN30 when you pay, on any day. Reply STOP to opt out of our news."
)
KINDS: Final = (
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

_REPLIES: Final = ("STOP", "Thanks!", "OK", "Who is this?", "1", "谢谢", "退订", "Call me please", "YES")


class Written(NamedTuple):
    """What was added."""

    batches: int
    messages: int


class Plan(NamedTuple):
    """About so many messages over so many days back from `end_ms`."""

    seed: int
    messages: int
    days: int
    end_ms: int

    @property
    def begin_ms(self) -> int:
        """Where the first day begins."""
        return self.end_ms - self.days * DAY_MS


def write_traffic(conn: Connection[TupleRow], owner: Owner, plan: Plan, tell: Callable[[int], None]) -> Written:
    """Add its batches; `tell` hears how many messages there are so far. In the caller's transaction."""
    batches = written = 0
    for turn, (day_ms, share) in enumerate(_days(plan)):
        dice = random.Random(f"{plan.seed}/{turn}")  # noqa: S311  it makes up a past
        for at, send in enumerate(_sends(dice, day_ms, round(plan.messages * share))):
            keyed = send._replace(key=f"{plan.seed}/{turn}/{at}")
            count = write_send(conn, owner, keyed)
            _write_answers(conn, owner, keyed)
            written += count
            batches += count > 0
        tell(written)
    return Written(batches, written)


def _days(plan: Plan) -> Iterator[tuple[int, float]]:
    """Begin of each day (epoch ms), the oldest first, and its share of all messages: a little more each week, less on Sundays."""
    weights = [
        (1 + turn / plan.days) * (0.55 if (plan.begin_ms // DAY_MS + turn + 4) % 7 in {0, 6} else 1)
        for turn in range(1, plan.days + 1)
    ]
    for turn, weight in enumerate(weights):
        yield plan.begin_ms + turn * DAY_MS, weight / sum(weights)


def _sends(dice: random.Random, day_ms: int, messages: int) -> Iterator[Send]:
    """The batches of the 24 hours from `day_ms` on, in their order; without keys."""
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


def _describe(dice: random.Random, ms: int, n: int) -> Send:
    kind = dice.choices(KINDS, [each.weight for each in KINDS])[0]
    iso, _, delivered = dice.choices(_COUNTRIES, [each[1] for each in _COUNTRIES])[0]
    ends, limits = _fates(kind.product, delivered + dice.randint(-120, 120))
    return Send("", ms, 1 if kind.product is Product.VOICE_OTP else n, kind, iso, dice.choice(kind.texts), ends, limits)


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


def _write_answers(conn: Connection[TupleRow], owner: Owner, send: Send) -> None:
    """Replies to texts, and what was done with emails."""
    if send.kind.product is Product.SMS and send.kind.priority is not Priority.VERIFY:
        write_replies(conn, owner, send, _REPLIES)
    if send.kind.product is Product.EMAIL:
        kinds = {
            ReactionKind.OPENED: 4100,
            ReactionKind.CLICKED: 900,
            ReactionKind.UNSUBSCRIBED: 40,
            ReactionKind.COMPLAINED: 6,
        }
        write_reactions(conn, owner, send, kinds)
