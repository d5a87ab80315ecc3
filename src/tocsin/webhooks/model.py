"""Shapes of the context: what is pushed to whom, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

import msgspec

KINDS = ("sms", "mms", "vos", "mail", "uplink", "tracking")
"""What an account may want pushed; one URL each."""

ROWS_PER_PUSH = 50
"""The page: one request will not exceed 50 reports."""


class Endpoint(NamedTuple):
    """Where one account wants one kind pushed. `secret` is sealed."""

    id: int
    account_id: int
    kind: str
    url: str
    secret: str
    paused: bool
    failing_since: float | None  # epoch seconds


class OutboxRow(NamedTuple):
    """Ready rows for one endpoint: reports joined by commas, or one reply. `ids`: the messages in it."""

    endpoint_id: int
    n: int
    ids: list[bytes]
    body: bytes
    late: bool = False  # an older row of one of its messages may still wait


class Push(msgspec.Struct, gc=False):
    """One outbox row in hand."""

    id: int
    seq: int
    n: int
    attempts: int  # before this one
    fixed: bool
    late: bool
    webhook_id: str
    body: bytes


class Verdict(IntEnum):
    """What becomes of an outbox row after an attempt; the numbers are those of queries.sql."""

    TAKEN = 0
    RETRY = 1
    ASIDE = 2


class Attempt(NamedTuple):
    """One try to push one row, and what follows from it."""

    push: Push
    at: float  # epoch seconds
    took_ms: int
    http_status: int  # 0: no answer
    error: str
    answer: str
    verdict: Verdict
    delay_ms: int = 0  # RETRY: until the next try
    halves: tuple[tuple[int, bytes], ...] = ()  # RETRY: split into these (rows, body)
    request: str = ""  # "": not kept
    answer_head: str = ""


class NewEndpoint(NamedTuple):
    """`secret` is shown once: None where the endpoint was there before and keeps its own."""

    id: int
    secret: str | None


class EndpointView(NamedTuple):
    """An endpoint as an operator sees it."""

    id: int
    account: str
    kind: str
    url: str
    paused_at: datetime | None
    paused_reason: str
    failing_since: datetime | None
    waiting: int  # rows of the outbox, counted up to 10,000
    aside: int  # the same
    oldest: datetime | None  # since when the first of them waits


class AttemptView(NamedTuple):
    """A try as people see it. `request` and `answer_head` are "" where they were not kept, and in lists."""

    id: int
    endpoint_id: int
    webhook_id: str
    at: datetime
    took_ms: int
    http_status: int | None
    n: int
    error: str
    answer: str
    test: bool
    request: str
    answer_head: str
