"""What a link counts of its carrier's answers, for its LinkState. Whoever writes a link gives it a Meter and its sink a
Metered; nothing here is a task or a timer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tocsin.kit import clock
from tocsin.traffic import Feedback, Inbound, LinkState, Outcome, OutcomeKind, Receipt, Sink

_SPAN_S = 5
_ERROR_MOST = 200
_SAID = {
    OutcomeKind.TEMPORARY: "a submit failed for the moment",
    OutcomeKind.THROTTLED: "the carrier throttled",
    OutcomeKind.UNKNOWN: "a submit was not answered",
}


class Meter:
    """Counters of one link. `monotonic_s`: for tests."""

    def __init__(self, monotonic_s: Callable[[], float] = clock.monotonic_s) -> None:
        self._monotonic_s = monotonic_s
        self._kinds = [0] * len(OutcomeKind)
        self._handed = 0
        self._seconds: dict[int, int] = {}  # second -> parts answered in it; the last few
        self._error = ""
        self._error_at = 0.0

    def hand(self, parts: int) -> None:
        """So many were taken to be handed over."""
        self._handed += parts

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Answers that came."""
        if not outcomes:
            return
        kinds = self._kinds
        for outcome in outcomes:
            kinds[outcome.kind] += 1
        second = int(self._monotonic_s())
        self._seconds[second] = self._seconds.get(second, 0) + len(outcomes)
        if len(self._seconds) > 2 * _SPAN_S:
            self._seconds = {at: n for at, n in self._seconds.items() if at > second - 2 * _SPAN_S}
        last = outcomes[-1]
        if last.kind in _SAID:
            self.fail(_SAID[last.kind], last.at)

    def fail(self, sentence: str, at: float) -> None:
        """Something went wrong at `at` (epoch seconds). No secrets: people read it."""
        self._error, self._error_at = sentence[:_ERROR_MOST], at

    def read(self, binds: int, binds_wanted: int, window: int = 0, receipt_delay_ms: int = 0) -> LinkState:
        """The state, with what the link knows itself."""
        now = int(self._monotonic_s())
        answered = sum(n for at, n in self._seconds.items() if now - _SPAN_S <= at < now)
        accepted, temporary, permanent, throttled, unknown = self._kinds
        return LinkState(
            binds, binds_wanted, window, max(0, self._handed - sum(self._kinds)), answered / _SPAN_S, accepted, temporary,
            permanent, throttled, unknown, self._error, self._error_at, receipt_delay_ms,
        )  # fmt: skip


class Metered:
    """A sink that counts what passes."""

    def __init__(self, sink: Sink, meter: Meter) -> None:
        self._sink = sink
        self._meter = meter

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self._meter.count(outcomes)
        self._sink.outcomes(outcomes)

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        await self._sink.receipts(receipts)

    async def inbound(self, replies: Sequence[Inbound]) -> None:
        await self._sink.inbound(replies)

    async def feedback(self, feedback: Sequence[Feedback]) -> None:
        await self._sink.feedback(feedback)
