"""What workers write down of their links once a second, and what others read: people, /metrics, fail-over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.kit.db import Session
from tocsin.queue.store import QUERIES
from tocsin.traffic import LinkState


class LiveChannel(msgspec.Struct, frozen=True):
    """A channel's links in all processes together, and its lane. Counters are parts, what waits is messages."""

    id: int
    name: str
    kind: str
    links: int  # processes whose row is fresh
    binds: int
    binds_wanted: int
    window: int
    in_flight: int
    rate_per_s: float
    accepted: int
    temporary: int
    permanent: int
    throttled: int
    unknown: int
    last_error: str
    last_error_at: float  # epoch seconds; 0: never
    receipt_delay_ms: int
    waiting: int
    delayed: int  # for a later try
    in_hand: int
    oldest_s: float  # since when the oldest waiting item is ready

    @property
    def down(self) -> bool:
        """No link of any process stands."""
        return self.binds_wanted > 0 and self.binds == 0

    @property
    def errors(self) -> int:
        """Parts that were not accepted."""
        return self.temporary + self.permanent + self.throttled + self.unknown


class Outage(NamedTuple):
    """Whether a channel can carry what waits for it."""

    channel_id: int
    name: str
    paused: bool
    unbound: bool  # no link of any process stands at this moment, or there is none
    down: bool  # and that for as long as its setting says
    aged: bool  # something waits longer than its setting says
    queue_age_s: float
    marked: bool  # new messages go round it, because it is down

    @property
    def troubled(self) -> bool:
        """What waits should go elsewhere. What waits for a paused channel was meant to wait."""
        return (self.down or self.aged) and not self.paused

    @property
    def unfit(self) -> bool:
        """Nothing should come here from elsewhere."""
        return self.unbound or self.aged or self.paused


async def write_states(session: Session, process: int, states: Mapping[int, LinkState]) -> None:
    """The links of a process, by channel. What it had and has no more is gone. Raises LOST."""
    rows = [{"channel_id": channel, **msgspec.structs.asdict(state)} for channel, state in states.items()]
    params = {"states": msgspec.json.encode(rows).decode(), "process": process}
    await session.run(QUERIES["put_states"], params)


async def forget_states(session: Session) -> None:
    """Rows of processes that are gone."""
    await session.run(QUERIES["forget_states"])


async def read_live(session: Session) -> list[LiveChannel]:
    """All channels, by name. Raises LOST."""
    return [LiveChannel(*row) for row in await session.rows(QUERIES["live_channels"])]


async def read_outages(session: Session) -> list[Outage]:
    """Of all channels. Raises LOST."""
    return [Outage(*row) for row in await session.rows(QUERIES["outages"])]


def list_live(conn: Connection[TupleRow]) -> list[LiveChannel]:
    """The same for the command line."""
    return [LiveChannel(*row) for row in conn.execute(QUERIES["live_channels"])]
