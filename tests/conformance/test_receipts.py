"""Receipts come asynchronously, at least once, and are not forgotten before they were taken."""

from __future__ import annotations

import asyncio

from tests.conformance.cases import LATE_S, LEASE_S, CarrierCase
from tests.conformance.conftest import OpenLink, needs
from tests.conformance.messages import SENDER, parts_of, submission
from tests.conformance.sink import RecordingSink
from tests.conformance.test_answers import settled
from tests.poll import until
from tocsin.traffic import Reason


@needs("early")
async def test_early_receipt_comes_before_the_answer(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink, receipt_s=0.2)
    sink.gate.clear()
    early, usual = submission(case.phone("early")), submission(case.phone("deliver"))
    await link.submit([early, usual])
    await until(lambda: sink.calls and sink.outcome_rows)
    assert [outcome.message_id for _, outcome in sink.outcome_rows] == [usual.message_id]
    sink.gate.set()
    await until(lambda: len(sink.outcome_rows) == 2 and len(sink.receipt_rows) == 2)
    (first_s, first), _ = sink.receipt_rows
    answered_s, outcome = sink.outcome_rows[1]
    assert (outcome.message_id, outcome.carrier_id) == (early.message_id, first.carrier_id)
    assert first_s <= answered_s


@needs("early")
async def test_early_receipt_that_is_refused_does_not_hold_the_answer(
    case: CarrierCase, sink: RecordingSink, opened: OpenLink
) -> None:
    link = await opened(sink, lease_s=LEASE_S)
    sink.refuse_calls = 1
    await link.submit([submission(case.phone("early"))])
    await until(lambda: len(sink.outcome_rows) == 1 and len(sink.receipt_rows) == 1)
    assert sink.outcome_rows[0][0] < sink.receipt_rows[0][0]


@needs("doubled")
async def test_doubled_receipt(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    await link.submit([submission(case.phone("doubled"))])
    await until(lambda: len(sink.receipt_rows) == 2)
    assert list(sink.receipt_counts().values()) == [2]
    await settled(case)


@needs("late")
async def test_late_receipt(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    began_s = asyncio.get_running_loop().time()
    late, usual = submission(case.phone("late")), submission(case.phone("deliver"))
    await link.submit([late, usual])
    await until(lambda: len(sink.receipt_rows) == 2)
    came_s = {receipt.phone: at_s - began_s for at_s, receipt in sink.receipt_rows}
    assert came_s.keys() == {usual.phone, late.phone}
    assert came_s[late.phone] >= LATE_S * 0.95


@needs("intermediate")
async def test_intermediate_state_comes_first(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    await link.submit([submission(case.phone("intermediate"))])
    await until(lambda: len(sink.receipt_rows) == 2)
    assert [receipt.reason for _, receipt in sink.receipt_rows] == [Reason.SENDING, Reason.SUCCESS]
    assert len(sink.receipt_counts()) == 1


@needs("last part fails")
async def test_a_receipt_for_each_part(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    await link.submit(parts_of(case.phone("last part fails"), 3))
    await until(lambda: len(sink.receipt_rows) == 3)
    part_of = {outcome.carrier_id: outcome.part for _, outcome in sink.outcome_rows}
    reasons = {part_of[receipt.carrier_id]: receipt.reason for _, receipt in sink.receipt_rows}
    assert reasons == {1: Reason.SUCCESS, 2: Reason.SUCCESS, 3: Reason.UNDELIVERED}


@needs("reply")
async def test_a_person_replies(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    sent = [submission(case.phone("reply"))] if link.whole else parts_of(case.phone("reply"), 2)
    await link.submit(sent)
    await until(lambda: sink.replies and len(sink.receipt_rows) == len(sent))
    (reply,) = sink.replies
    assert (reply.user_number, reply.service_number, reply.content) == (case.phone("reply"), SENDER, "I want it")


async def test_refused_receipts_come_again(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink, lease_s=LEASE_S)
    sink.refuse_calls = 3
    for _ in range(5):
        await link.submit([submission(case.phone("deliver")) for _ in range(80)])
    await until(lambda: len(sink.receipt_rows) == 400)
    assert sink.refusals == 3
    await settled(case)
    assert set(sink.receipt_counts().values()) == {1}
