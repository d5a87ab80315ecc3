"""The carriers that must pass the suite, each with what a test needs to make it behave and to look behind it.

A new carrier adds a class and a line in CASES of conftest.py; the tests stay as they are. A behaviour that a carrier cannot
have at all (a message of one request has no last part) is not among its `behaviours`, and the tests that need it are not
collected for it; those of REQUIRED every carrier has.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

import psycopg

from tests.conformance.sink import RecordingSink
from tocsin.carriers import ChannelFacts, open_link
from tocsin.traffic import Link

HANG_S = 0.4
"""What a test that waits for silence says as `hang_s`: no other answer of its link may be counted on then."""

PATIENCE_S = 60
"""What a link waits for an answer otherwise: a busy machine is slow, and no test of it."""

LATE_S = 0.6
LEASE_S = 0.6  # `lease_s` of a test in which leases run out; a store that is slow beside it changes the order of events
CHANNEL = 7

NUMBERS = {
    "deliver": "8613800000000",
    "refuse": "8120009901",
    "number error": "8120009902",
    "no receipt": "8120009904",
    "throttle": "8120009905",
    "temporary": "8120009906",
    "hang": "8120009908",
    "late": "8120009909",
    "early": "8120009910",
    "doubled": "8120009911",
    "reply": "8120009913",
    "blacklist": "8120009915",
    "last part fails": "8120009916",
    "intermediate": "8120009917",
    "drop": "8120009918",
    "silent": "8120009919",
}
"""Behaviours, and the sandbox's numbers for them."""

REQUIRED = frozenset({"deliver", "refuse", "throttle", "temporary", "hang", "drop", "late", "doubled"})


class CarrierCase(Protocol):
    """One carrier under test. Behaviours are words: deliver, refuse, blacklist, throttle, ..."""

    behaviours: frozenset[str]

    async def open(self, sink: RecordingSink, **terms: float) -> Link:
        """An open link to the same channel of the same carrier; what the carrier brings goes to the sink, by whatever way.

        `terms`: hang_s (PATIENCE_S), answer_s, receipt_s, rate, lease_s.
        """

    def phone(self, behaviour: str) -> str:
        """A number that makes the carrier behave so."""

    async def taken(self) -> Counter[tuple[bytes, int]]:
        """How often the carrier has each (message id, part)."""

    async def owed(self) -> int:
        """Hand-ins that the carrier still owes to the platform."""

    async def close(self) -> None:
        """End what is not a link."""


class SandboxCase:
    """The shipped sandbox."""

    behaviours = frozenset(NUMBERS)

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def make_link(self, **terms: float) -> Link:
        config = {
            "unknown_after_s": terms.get("hang_s", PATIENCE_S),
            "late_receipt_s": LATE_S,
            "lease_s": terms.get("lease_s", 10.0),
            "receipt_delay_ms": int(terms.get("receipt_s", 0) * 1000),
            "submit_delay_ms": int(terms.get("answer_s", 0) * 1000),
            "rate_parts_per_s": int(terms["rate"]) if "rate" in terms else None,
        }
        return open_link("sandbox", ChannelFacts(CHANNEL, "under test", config), self._dsn)

    async def open(self, sink: RecordingSink, **terms: float) -> Link:
        link = self.make_link(**terms)
        await link.open(sink)
        return link

    def phone(self, behaviour: str) -> str:
        return NUMBERS[behaviour]

    async def taken(self) -> Counter[tuple[bytes, int]]:
        async with await psycopg.AsyncConnection.connect(self._dsn) as conn:
            cursor = await conn.execute("SELECT uuid_send(message_id), part FROM sandbox_submit")
            return Counter([(bytes(row[0]), row[1]) for row in await cursor.fetchall()])

    async def owed(self) -> int:
        async with await psycopg.AsyncConnection.connect(self._dsn) as conn:
            row = await (await conn.execute("SELECT count(*) FROM sandbox_event")).fetchone()
            return int(row[0]) if row else 0

    async def close(self) -> None:
        pass
