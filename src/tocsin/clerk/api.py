"""The API as a clerk calls it: what it needs of an answer. Who makes the calls is given to it when the process is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What the API said. `reached` False: nothing is known; the same call with the same key finds out."""

    reached: bool
    status: int
    message: str
    data: Mapping[str, Any]


Call = Callable[[str, Mapping[str, Any], str], Reply]
"""(account, body, idempotency key) -> reply."""


class Api(NamedTuple):
    """`quote`: what a send of SMS would be; `send`: send it."""

    quote: Call
    send: Call
    idempotency_s: float
