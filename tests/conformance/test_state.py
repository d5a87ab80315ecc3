"""A link says how it is: bound, what it answered, what is under way."""

from __future__ import annotations

from tests.conformance.cases import CarrierCase
from tests.conformance.conftest import OpenLink
from tests.conformance.messages import submission
from tests.conformance.sink import RecordingSink
from tests.poll import until

NONE = (0, 0, 0, 0, 0)


async def test_a_link_counts_its_answers(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink, hang_s=3)
    await until(lambda: not link.state().down)
    first = link.state()
    assert (first.accepted, first.temporary, first.permanent, first.throttled, first.unknown) == NONE
    behaviours = ("deliver", "refuse", "throttle", "temporary", "hang", "deliver")
    await link.submit([submission(case.phone(behaviour)) for behaviour in behaviours])
    await until(lambda: len(sink.outcome_rows) >= 5)
    await until(lambda: link.state().in_flight == 0)
    state = link.state()
    assert (state.accepted, state.temporary, state.permanent, state.throttled, state.unknown) == (2, 1, 1, 1, 1)
    assert state.binds <= state.binds_wanted
    assert state.last_error


async def test_what_is_not_answered_is_in_flight(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink, answer_s=0.3)
    await until(lambda: not link.state().down)
    await link.submit([submission(case.phone("deliver")) for _ in range(7)])
    assert link.state().in_flight == 7
    await until(lambda: link.state().in_flight == 0)
    await link.close()
