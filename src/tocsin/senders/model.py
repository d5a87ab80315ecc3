"""Sending domains as values."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from tocsin.kit.suggest import UnknownNameError


class SenderError(ValueError):
    """What cannot be done with a sender, as one sentence for the operator."""


class SenderNameError(UnknownNameError, SenderError):
    """A name that does not exist; the command line says which ones are close."""


class DomainRow(NamedTuple):
    """A sending domain as people read it. `domain`: lower case, ASCII."""

    domain: str
    account: str
    verified: bool
    created_at: datetime
