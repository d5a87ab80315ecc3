"""What only a channel to an upstream platform does: messages of one text go together, and a lost answer is found out."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.conformance.messages import submission
from tests.conformance.sink import RecordingSink
from tests.conformance.test_answers import answered
from tests.conformance.tocsin_case import DROP_ONCE, TocsinCase, Upstream
from tests.poll import until
from tocsin.traffic import Link, OutcomeKind, Product


@pytest.fixture
async def case(upstream: Upstream) -> AsyncIterator[TocsinCase]:
    made = TocsinCase(upstream)
    yield made
    await made.close()


@pytest.fixture
async def link(case: TocsinCase, sink: RecordingSink) -> AsyncIterator[Link]:
    opened = await case.open(sink)
    yield opened
    await opened.close()


async def test_a_lost_answer_is_found_out_by_asking_again(case: TocsinCase, sink: RecordingSink, link: Link) -> None:
    sent = [submission(DROP_ONCE)]
    await link.submit(sent)
    (outcome,) = await answered(sink, sent)
    assert outcome.kind == OutcomeKind.ACCEPTED
    assert await case.taken() == Counter({(sent[0].message_id, 1): 1})
    await until(lambda: sink.receipt_rows)
    assert sink.receipt_rows[0][1].carrier_id == outcome.carrier_id


async def test_messages_of_one_text_go_up_together(
    case: TocsinCase, upstream: Upstream, sink: RecordingSink, link: Link
) -> None:
    """Requests of 200 numbers at most; the number that is there twice needs one more."""
    phones = [f"6281240{i:06d}" for i in range(449)]
    sent = [msgspec.structs.replace(submission(phone), text="text 00 1") for phone in [phones[0], *phones]]
    await link.submit(sent)
    outcomes = await answered(sink, sent)
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert len({outcome.carrier_id for outcome in outcomes}) == len(sent)
    assert await case.taken() == Counter({(b"\x00", 1): len(sent)})
    assert case.batches() == 4
    await until(lambda: len(sink.receipt_rows) == len(sent))
    phone_of = {outcome.carrier_id: each.phone for outcome, each in zip(outcomes, sent, strict=True)}
    assert {receipt.carrier_id: receipt.phone for _, receipt in sink.receipt_rows} == phone_of


async def test_what_is_no_sms_is_left_to_another_route(case: TocsinCase, sink: RecordingSink, link: Link) -> None:
    sent = [msgspec.structs.replace(submission("6281240000001"), product=Product.MMS), submission("6281240000001")]
    await link.submit(sent)
    kinds = [outcome.kind for outcome in await answered(sink, sent)]
    assert kinds == [OutcomeKind.TEMPORARY, OutcomeKind.ACCEPTED]
    assert set(await case.taken()) == {(sent[1].message_id, 1)}
