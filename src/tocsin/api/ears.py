"""What hears carriers' calls in this process, opened once for each state of a channel's settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from tocsin.carriers import BadConfigError, ChannelFacts, Ear, open_ear
from tocsin.routing import Channel, Table

log = logging.getLogger(__name__)


class Known(NamedTuple):
    """A channel and its ear; None: its carrier does not call, or its settings are bad."""

    channel: Channel
    ear: Ear | None


class Ears:
    """Of all channels."""

    def __init__(self, table: Table, open_sealed: Callable[[str], str]) -> None:
        self._table = table
        self._open_sealed = open_sealed
        self._known: dict[str, Known] = {}

    def of(self, name: str) -> Known | None:
        """By the channel's name; None: there is no such channel."""
        channel = self._table.channel_by_name(name)
        if channel is None:
            return None
        known = self._known.get(name)
        if known is None or known.channel is not channel:
            known = self._known[name] = Known(channel, self._open(channel))
        return known

    def _open(self, channel: Channel) -> Ear | None:
        try:
            return open_ear(channel.kind, ChannelFacts(channel.id, channel.name, channel.config), self._open_sealed)
        except BadConfigError as error:
            log.error("%s", error)  # noqa: TRY400  (the sentence says all)
            return None
