"""Which channels messages should go round, in memory: those whose breaker is open, and those without a link that stands.

While all are well this is one look at an empty dict. A channel is never taken out of a route: where all of them are ill,
their order stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tocsin.routing.breaker import ANYWHERE, HALF_OPEN
from tocsin.routing.model import Channel

SHARE_PERCENT = 1.0


class Health:
    """`states`: by channel and country; empty: all are well. `share_percent`: of what goes to a half-open one."""

    def __init__(self, channel_of: Callable[[int], Channel | None]) -> None:
        self.states: Mapping[tuple[int, int], str] = {}
        self.share_percent = SHARE_PERCENT
        self._channel_of = channel_of
        self._credits: dict[tuple[int, int], float] = {}

    def take(self, states: Mapping[tuple[int, int], str]) -> None:
        """Stand on another state of the table."""
        self.states = states
        self._credits = {key: credit for key, credit in self._credits.items() if key in states}

    def order(self, channels: tuple[int, ...], country_id: int) -> tuple[int, ...]:
        """The channels of one message to that country: those that are ill behind those that are well."""
        if not self.states:
            return channels
        well: list[int] = []
        for channel_id in channels:
            if self._is_well(channel_id, country_id, first=not well):
                well.append(channel_id)
        return (*well, *(channel_id for channel_id in channels if channel_id not in well))

    def _is_well(self, channel_id: int, country_id: int, *, first: bool) -> bool:
        channel = self._channel_of(channel_id)
        if channel is None or channel.paused or (channel_id, ANYWHERE) in self.states:
            return False
        key = (channel_id, country_id)
        state = self.states.get(key)
        if state is None:
            return True
        return state == HALF_OPEN and first and self._is_its_turn(key)

    def _is_its_turn(self, key: tuple[int, int]) -> bool:
        credit = self._credits.get(key, 0.0) + self.share_percent
        self._credits[key] = credit % 100 if credit >= 100 else credit
        return credit >= 100
