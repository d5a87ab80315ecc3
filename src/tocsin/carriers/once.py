"""One message over a link of its own, for a test of a channel: of carriers whose links share nothing with others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tocsin.carriers.model import Probe
from tocsin.carriers.words import describe_outcome
from tocsin.traffic import Feedback, Inbound, Link, Outcome, OutcomeKind, Receipt, Submission


class _OneAnswer:
    """A sink for one outcome. What else comes is not taken, so that the carrier keeps it for a worker."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes and not self.answer.done():
            self.answer.set_result(outcomes[0])

    async def receipts(self, receipts: Sequence[Receipt]) -> None:  # noqa: ARG002  every sink's
        raise RuntimeError("a test takes no receipts")

    async def inbound(self, replies: Sequence[Inbound]) -> None:  # noqa: ARG002  every sink's
        raise RuntimeError("a test takes no replies")

    async def feedback(self, feedback: Sequence[Feedback]) -> None:  # noqa: ARG002  every sink's
        raise RuntimeError("a test takes no feedback")


async def send_once(link: Link, message: Submission) -> Probe:
    """What the carrier answers to this message. The caller bounds the time."""
    sink = _OneAnswer()
    await link.open(sink)
    try:
        await link.submit([message])
        outcome = await sink.answer
    finally:
        await link.close()
    return Probe(outcome.kind is OutcomeKind.ACCEPTED, [describe_outcome(outcome)], outcome)
