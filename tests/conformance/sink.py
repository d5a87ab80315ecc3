"""A sink that writes down what it is given and can be told to be slow or to refuse."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tocsin.traffic import Feedback, Inbound, Outcome, Receipt


class Key(NamedTuple):
    """One try of one part."""

    message_id: bytes
    attempt: int
    part: int


class RefusedError(Exception):
    """What the sink raises when it is told to."""


class RecordingSink:
    """Everything in order of arrival; `at_s` are monotonic seconds."""

    def __init__(self) -> None:
        self.outcome_rows: list[tuple[float, Outcome]] = []
        self.receipt_rows: list[tuple[float, Receipt]] = []
        self.replies: list[Inbound] = []
        self.told: list[Feedback] = []
        self.refusals = 0
        self.calls = 0
        self.most_calls = 0
        self.most_receipts = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.refuse_calls = 0

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self.outcome_rows += [(time.monotonic(), outcome) for outcome in outcomes]

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        self.calls += 1
        self.most_calls = max(self.most_calls, self.calls)
        self.most_receipts = max(self.most_receipts, len(receipts))
        try:
            await self.gate.wait()
            if self.refuse_calls:
                self.refuse_calls -= 1
                self.refusals += 1
                raise RefusedError
            self.receipt_rows += [(time.monotonic(), receipt) for receipt in receipts]
        finally:
            self.calls -= 1

    async def inbound(self, replies: Sequence[Inbound]) -> None:
        self.replies += replies

    async def feedback(self, feedback: Sequence[Feedback]) -> None:
        self.told += feedback

    def answers(self) -> dict[Key, Outcome]:
        """The outcome of each try; AssertionError if one was answered twice."""
        counts = Counter(Key(o.message_id, o.attempt, o.part) for _, o in self.outcome_rows)
        twice = [key for key, count in counts.items() if count > 1]
        assert not twice, f"answered more than once: {twice[:3]}"
        return {Key(o.message_id, o.attempt, o.part): o for _, o in self.outcome_rows}

    def receipt_counts(self) -> Counter[str]:
        """Receipts by carrier id."""
        return Counter(receipt.carrier_id for _, receipt in self.receipt_rows)
