"""Every submission is answered exactly once, whatever the carrier does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from tests.conformance.cases import HANG_S, REQUIRED, CarrierCase
from tests.conformance.conftest import OpenLink, needs
from tests.conformance.messages import keys, parts_of, submission
from tests.conformance.sink import Key, RecordingSink
from tests.poll import until
from tocsin.traffic import Outcome, OutcomeKind, Reason, Submission


async def answered(sink: RecordingSink, sent: list[Submission], timeout_s: float = 10.0) -> list[Outcome]:
    """The outcomes in the order of `sent`, once all are there."""
    await until(lambda: len(sink.outcome_rows) >= len(sent), timeout_s)
    by_key = sink.answers()
    return [by_key[Key(s.message_id, s.attempt, s.part)] for s in sent]


async def settled(case: CarrierCase) -> None:
    """Wait until the carrier has forgotten all that it had to hand in."""

    async def owes_nothing() -> bool:
        return await case.owed() == 0

    check: Callable[[], bool | Awaitable[bool]] = owes_nothing
    await until(check)


def test_every_carrier_can_do_the_least(case: CarrierCase) -> None:
    assert case.behaviours >= REQUIRED


async def test_a_mix_is_answered_once_each(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink, hang_s=HANG_S)
    words = sorted(case.behaviours)
    sent = [submission(case.phone(words[i % len(words)])) for i in range(400)]
    await asyncio.gather(*[link.submit(sent[i : i + 90]) for i in range(0, len(sent), 90)])
    await answered(sink, sent, 60)
    await link.close()
    assert set(sink.answers()) == keys(sent)


async def test_accepted_has_an_id_of_its_own_and_a_receipt(
    case: CarrierCase, sink: RecordingSink, opened: OpenLink
) -> None:
    link = await opened(sink)
    sent = [submission(f"861380{i:07d}") for i in range(1_000, 1_400)]
    await link.submit(sent)
    outcomes = await answered(sink, sent, 30)
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    await until(lambda: len(sink.receipt_rows) == len(sent), 30)
    phones = {outcome.carrier_id: s.phone for outcome, s in zip(outcomes, sent, strict=True)}
    assert len(phones) == len(sent)
    assert {receipt.carrier_id: receipt.phone for _, receipt in sink.receipt_rows} == phones
    assert {receipt.reason for _, receipt in sink.receipt_rows} == {Reason.SUCCESS}
    assert await case.taken() == Counter({(s.message_id, 1): 1 for s in sent})


@pytest.mark.parametrize(
    ("behaviour", "kind", "reasons"),
    [
        ("refuse", OutcomeKind.PERMANENT, {Reason.REJECTED, Reason.NUMBER_ERROR}),
        ("blacklist", OutcomeKind.PERMANENT, {Reason.BLACKLISTED}),
        ("throttle", OutcomeKind.THROTTLED, {Reason.SENDING}),
        ("temporary", OutcomeKind.TEMPORARY, {Reason.SENDING}),
    ],
)
async def test_what_is_refused_is_not_taken(
    case: CarrierCase, sink: RecordingSink, opened: OpenLink, behaviour: str, kind: OutcomeKind, reasons: set[Reason]
) -> None:
    link = await opened(sink)
    refused, delivered = submission(case.phone(behaviour)), submission(case.phone("deliver"))
    await link.submit([refused, delivered])
    outcomes = await answered(sink, [refused, delivered])
    assert [outcome.kind for outcome in outcomes] == [kind, OutcomeKind.ACCEPTED]
    assert outcomes[0].carrier_id is None
    assert outcomes[0].reason in reasons
    await until(lambda: sink.receipt_rows)
    assert set(await case.taken()) == {(delivered.message_id, 1)}
    assert set(sink.receipt_counts()) == {outcomes[1].carrier_id}


@pytest.mark.parametrize("behaviour", ["throttle", "temporary"])
async def test_the_third_attempt_passes(
    case: CarrierCase, sink: RecordingSink, opened: OpenLink, behaviour: str
) -> None:
    message_id = submission("1").message_id
    tries = [submission(case.phone(behaviour), attempt=i, message_id=message_id) for i in (1, 2, 3)]
    for one in tries:
        # A link each: nothing but the submission itself may count.
        link = await opened(sink)
        await link.submit([one])
        await answered(sink, tries[: one.attempt])
        await link.close()
    outcomes = await answered(sink, tries)
    assert outcomes[0].kind == outcomes[1].kind != OutcomeKind.ACCEPTED
    assert outcomes[2].kind == OutcomeKind.ACCEPTED
    assert await case.taken() == {(message_id, 1): 1}


async def test_over_the_rate_is_throttled(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    began_s = asyncio.get_running_loop().time()
    link = await opened(sink, rate=20)
    sent = [submission(case.phone("deliver")) for _ in range(300)]
    await link.submit(sent)
    kinds = Counter(outcome.kind for outcome in await answered(sink, sent))
    took_s = sink.outcome_rows[-1][0] - began_s
    assert kinds.keys() == {OutcomeKind.ACCEPTED, OutcomeKind.THROTTLED}
    assert 20 <= kinds[OutcomeKind.ACCEPTED] <= 20 * (took_s + 2)  # a second at once, and one that was under way
    assert len(await case.taken()) == kinds[OutcomeKind.ACCEPTED]


@pytest.mark.parametrize(("behaviour", "receipts"), [("hang", 1), ("silent", 0)])
async def test_no_answer_is_unknown_after_a_while(
    case: CarrierCase, sink: RecordingSink, opened: OpenLink, behaviour: str, receipts: int
) -> None:
    link, patient = await opened(sink, hang_s=HANG_S), await opened(sink)
    began_s = asyncio.get_running_loop().time()
    silent, delivered = submission(case.phone(behaviour)), submission(case.phone("deliver"))
    await link.submit([silent])
    (unknown,) = await answered(sink, [silent])
    assert (unknown.kind, unknown.carrier_id) == (OutcomeKind.UNKNOWN, None)
    assert sink.outcome_rows[-1][0] - began_s >= HANG_S * 0.9
    await patient.submit([delivered])
    accepted = (await answered(sink, [silent, delivered]))[1]
    assert (accepted.kind, accepted.carrier_id is None) == (OutcomeKind.ACCEPTED, False)
    await until(lambda: len(sink.receipt_rows) == receipts + 1)
    await settled(case)
    phones = Counter(receipt.phone for _, receipt in sink.receipt_rows)
    assert phones == Counter({silent.phone: receipts, delivered.phone: 1}) - Counter()
    assert set(await case.taken()) == {(silent.message_id, 1), (delivered.message_id, 1)}


@needs("drop")
async def test_a_dropped_answer_is_unknown_at_once(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink, hang_s=600)
    dropped = submission(case.phone("drop"))
    await link.submit([dropped])
    (outcome,) = await answered(sink, [dropped])
    assert (outcome.kind, outcome.carrier_id) == (OutcomeKind.UNKNOWN, None)
    await until(lambda: sink.receipt_rows)
    assert sink.receipt_rows[0][1].phone == dropped.phone
    assert await case.taken() == {(dropped.message_id, 1): 1}


async def test_a_slow_carrier_answers_later(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink, answer_s=0.3)
    began_s = asyncio.get_running_loop().time()
    sent = [submission(case.phone("deliver")) for _ in range(10)]
    await link.submit(sent)
    await until(lambda: len(sink.receipt_rows) == 10)
    outcomes = await answered(sink, sent)
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert sink.outcome_rows[0][0] - began_s >= 0.29


@needs("hang", "silent")
async def test_closed_in_mid_message(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink, hang_s=600)
    sent = [part for _ in range(400) for part in parts_of(case.phone("deliver"), 3)]
    sent += [submission(case.phone(word)) for word in ("hang", "silent", "early") if word in case.behaviours]
    taking = asyncio.create_task(link.submit(sent))
    await until(lambda: sink.outcome_rows)
    await link.close()
    await taking
    answers = sink.answers()
    assert set(answers) == keys(sent)
    taken = await case.taken()
    assert set(taken.values()) == {1}
    for key, outcome in answers.items():
        if outcome.kind == OutcomeKind.TEMPORARY:
            assert (key.message_id, key.part) not in taken
        else:
            assert (key.message_id, key.part) in taken
    rest = await opened(sink)
    expected = {outcome.carrier_id for outcome in answers.values() if outcome.carrier_id}
    await until(lambda: set(sink.receipt_counts()) >= expected, 30)
    await rest.close()


async def test_a_closed_link_takes_nothing(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    await link.close()
    sent = [submission(case.phone("deliver"))]
    await link.submit(sent)
    assert [outcome.kind for outcome in await answered(sink, sent)] == [OutcomeKind.TEMPORARY]
    assert not await case.taken()
