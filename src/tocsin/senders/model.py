"""Sending domains as values."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class SenderError(ValueError):
    """What cannot be done with a sender, as one sentence for the operator."""


class DomainRow(NamedTuple):
    """A sending domain as people read it. `domain`: lower case, ASCII."""

    domain: str
    account: str
    verified: bool
    created_at: datetime
