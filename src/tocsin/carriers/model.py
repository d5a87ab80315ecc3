"""What a link must know about its channel, and how a bad configuration is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

THREE_DAYS_S = 72 * 3600.0


class ChannelFacts(msgspec.Struct, frozen=True):
    """A channel as a link sees it.

    `config` is the channel's own settings as stored (JSON object); `receipt_timeout_s` is how long the platform waits
    for a receipt (contract, section 7).
    """

    id: int
    name: str
    config: Mapping[str, Any] = {}
    receipt_timeout_s: float = THREE_DAYS_S


class SettingFacts(msgspec.Struct, frozen=True):
    """One setting of a carrier, for forms, help pages and error texts."""

    name: str
    kind: str  # "whole number", "number", "yes or no", "text"
    help: str
    default: Any
    required: bool


class BadConfigError(Exception):
    """A channel's configuration cannot be used; `mistakes` has a sentence for every one of them."""

    def __init__(self, channel: str, mistakes: list[str]) -> None:
        super().__init__(f"channel {channel}: " + "; ".join(mistakes))
        self.mistakes = mistakes
