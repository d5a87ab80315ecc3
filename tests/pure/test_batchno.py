"""Batch numbers: unique by construction, for clocks that jump and processes that stop, start and share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.messaging import BatchNumbers, Exhausted
from tocsin.messaging.batchno import SLOTS, Span

NOW_MS = 1_795_000_000_000
AHEAD_MS = 50


def _grant(*slots: int, floor_ms: int = 0, ceiling_ms: int = NOW_MS + AHEAD_MS) -> BatchNumbers:
    numbers = BatchNumbers()
    numbers.grant({slot: Span(floor_ms, ceiling_ms) for slot in slots})
    return numbers


def test_the_form_is_that_of_the_page() -> None:
    assert str(_grant(42).take(NOW_MS)) == f"{NOW_MS}0042"
    assert len(str(_grant(0).take(NOW_MS))) == 17


def test_without_slots_there_is_no_number() -> None:
    with pytest.raises(Exhausted):
        BatchNumbers().take(NOW_MS)
    numbers = _grant(1)
    numbers.grant({})
    with pytest.raises(Exhausted):
        numbers.take(NOW_MS)


def test_the_ceiling_is_respected() -> None:
    numbers = _grant(1, 2)
    taken: list[int] = []
    _take_some(numbers, taken, NOW_MS, 10 * AHEAD_MS)
    assert len(taken) == len(set(taken)) == 2 * (AHEAD_MS + 1)
    assert max(taken) // SLOTS == NOW_MS + AHEAD_MS
    assert numbers.last_ms == NOW_MS + AHEAD_MS
    with pytest.raises(Exhausted):
        _grant(1).take(NOW_MS + AHEAD_MS + 1)  # a clock beyond the lease, or a lease that was not renewed


def test_a_slot_that_is_used_up_does_not_stop_the_others() -> None:
    """After the clock was set back a slot may be used up for hours."""
    numbers = BatchNumbers()
    hour_ms = 3_600_000
    numbers.grant({1: Span(NOW_MS + hour_ms, NOW_MS + hour_ms), 2: Span(0, NOW_MS + AHEAD_MS)})
    taken = [numbers.take(NOW_MS) for _ in range(10)]
    assert {number % SLOTS for number in taken} == {2}
    assert len(set(taken)) == 10


def test_a_renewal_forgets_nothing() -> None:
    numbers = _grant(1)
    taken = [numbers.take(NOW_MS) for _ in range(20)]
    numbers.grant({1: Span(0, NOW_MS + 2 * AHEAD_MS)})
    taken += [numbers.take(NOW_MS - 1000) for _ in range(20)]
    assert taken == sorted(set(taken))


class _Table:
    """The leases as the database keeps them: a mark for each slot, raised before it is used."""

    def __init__(self, slots: int) -> None:
        self.free = set(range(slots))
        self.high = dict.fromkeys(range(slots), 0)

    def lease(self, count: int, now_ms: int) -> dict[int, Span]:
        spans = {}
        for slot in sorted(self.free, key=lambda each: self.high[each])[:count]:
            self.free.remove(slot)
            floor = self.high[slot]
            self.high[slot] = max(floor, now_ms) + AHEAD_MS
            spans[slot] = Span(floor, self.high[slot])
        return spans

    def renew(self, numbers: BatchNumbers, now_ms: int) -> dict[int, Span]:
        for slot in numbers.slots:
            self.high[slot] = max(self.high[slot], max(numbers.last_ms, now_ms) + AHEAD_MS)
        return {slot: Span(0, self.high[slot]) for slot in numbers.slots}


_steps = st.lists(
    st.tuples(st.sampled_from(["take", "take", "take", "renew", "restart", "stolen"]), st.integers(0, 2), st.integers(-500, 500)),
    max_size=120,
)  # fmt: skip


@given(_steps)
def test_no_number_comes_twice(steps: list[tuple[str, int, int]]) -> None:
    """Three processes over few slots; each step sees a clock of its own, up to half a second off either way."""
    table = _Table(5)
    processes = [BatchNumbers() for _ in range(3)]
    taken: list[int] = []
    for what, which, drift_ms in steps:
        numbers, now_ms = processes[which], NOW_MS + drift_ms
        if what == "take":
            try:
                taken.append(numbers.take(now_ms))
            except Exhausted:
                continue
        elif what == "renew" and numbers.slots:
            numbers.grant(table.renew(numbers, now_ms))
        elif what == "renew":
            numbers.grant(table.lease(2, now_ms))
        else:
            table.free.update(numbers.slots)
            if what == "restart":
                processes[which] = BatchNumbers()
                processes[which].grant(table.lease(2, now_ms))
            else:  # its lease ended while it was stopped: another takes the slots, and it goes on with what it was granted
                other = processes[(which + 1) % 3]
                table.free.update(other.slots)
                other.grant(table.lease(4, now_ms))
                _take_some(numbers, taken, now_ms)
                numbers.grant({})
    assert len(taken) == len(set(taken))


def _take_some(numbers: BatchNumbers, taken: list[int], now_ms: int, most: int = 3) -> None:
    for _ in range(most):
        try:
            taken.append(numbers.take(now_ms))
        except Exhausted:
            return
