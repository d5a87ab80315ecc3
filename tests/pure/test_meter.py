"""What a link counts of its carrier's answers."""

from __future__ import annotations

from tocsin.carriers.meter import Meter
from tocsin.traffic import LinkState, Outcome, OutcomeKind


class Watch:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def answers(kind: OutcomeKind, count: int) -> list[Outcome]:
    return [Outcome(bytes(16), 1, 1, kind, 7.0) for _ in range(count)]


def test_each_answer_is_counted_under_its_kind_and_ends_what_was_in_flight() -> None:
    meter = Meter(Watch())
    meter.hand(20)
    for kind in OutcomeKind:
        meter.count(answers(kind, int(kind) + 1))
    state = meter.read(2, 3, window=50)
    assert (state.accepted, state.temporary, state.permanent, state.throttled, state.unknown) == (1, 2, 3, 4, 5)
    assert (state.binds, state.binds_wanted, state.window, state.in_flight) == (2, 3, 50, 5)


def test_the_rate_is_that_of_the_last_whole_seconds() -> None:
    watch = Watch()
    meter = Meter(watch)
    for _ in range(60):
        meter.count(answers(OutcomeKind.ACCEPTED, 10))
        watch.now += 1
    assert meter.read(1, 1).rate_per_s == 10
    watch.now += 10
    assert meter.read(1, 1).rate_per_s == 0


def test_the_last_error_is_kept_and_short() -> None:
    meter = Meter(Watch())
    meter.count(answers(OutcomeKind.THROTTLED, 1))
    meter.count(answers(OutcomeKind.ACCEPTED, 1))
    assert (meter.read(1, 1).last_error, meter.read(1, 1).last_error_at) == ("the carrier throttled", 7.0)
    meter.fail("x" * 10_000, 8.0)
    assert len(meter.read(1, 1).last_error) == 200


def test_down_is_who_wants_binds_and_has_none() -> None:
    assert LinkState(0, 2).down
    assert not LinkState(1, 2).down
    assert not LinkState(0, 0).down
