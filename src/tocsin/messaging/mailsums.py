"""What was done with the emails of a batch, summed up and one by one, for its account's people.

A batch of emails has so many thousand receivers at most, and its events lie together in an index: they are counted as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.messaging.store import QUERIES
from tocsin.traffic import ReactionKind

NEWEST_EVENT = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""A key above all others: the first page is before it."""


class Part(NamedTuple):
    """Events of one link, country or device, and the emails of which they are."""

    name: str
    events: int
    emails: int


@dataclass(slots=True)
class MailSums:
    """Emails of which somebody did it, by kind; `machines`: of which a machine did; and opens and clicks of people by what."""

    people: dict[ReactionKind, int] = field(default_factory=dict)
    machines: dict[ReactionKind, int] = field(default_factory=dict)
    events: dict[ReactionKind, int] = field(default_factory=dict)  # of people
    links: list[Part] = field(default_factory=list)
    countries: list[Part] = field(default_factory=list)
    devices: list[Part] = field(default_factory=list)


class MailEvent(NamedTuple):
    """One of them. `machine`: what asked in place of a person, "" for a person; `at`: epoch seconds."""

    id: str
    kind: ReactionKind
    at: float
    url: str
    machine: str
    country: str
    city: str
    device_type: str
    device_name: str
    message_id: str  # UUID in hex
    address: str


def read_mail_sums(conn: Connection[TupleRow], account_id: int, batch_no: int) -> MailSums:
    """Of a batch of the account."""
    sums = MailSums()
    lists = {"link": sums.links, "country": sums.countries, "device": sums.devices}
    for what, name, machine, events, emails in conn.execute(
        QUERIES["reaction_sums"], {"batch": batch_no, "account": account_id}
    ):
        if what == "kind":
            (sums.machines if machine else sums.people)[ReactionKind(int(name))] = emails
            if not machine:
                sums.events[ReactionKind(int(name))] = events
        else:
            lists[what].append(Part(name, events, emails))
    return sums


def page_mail_events(
    conn: Connection[TupleRow], account_id: int, batch_no: int, before: str, limit: int
) -> list[MailEvent]:
    """Of a batch of the account, the latest first."""
    params = {"batch": batch_no, "account": account_id, "before": before, "limit": limit}
    rows = conn.execute(QUERIES["reaction_page"], params)
    return [MailEvent(row[0], ReactionKind(row[1]), *row[2:]) for row in rows]
