"""Whether a process's clock agrees with the database's, and what the database's clock says between two answers."""

from __future__ import annotations

import pytest

from tocsin.kit import clock
from tocsin.queue import DatabaseClock

DAYS_S = 3 * 86_400.0


class OwnClock:
    """A process's clock that is `off_s` from the true one."""

    def __init__(self, off_s: float = 0.0) -> None:
        self.off_s = off_s

    def __call__(self) -> float:
        return clock.now_s() + self.off_s


def ask(known: DatabaseClock, database_s: float | None = None) -> None:
    known.note(known.read(), clock.now_s() if database_s is None else database_s)


@pytest.mark.parametrize(("off_s", "right"), [(0.0, True), (4.0, True), (-4.0, True), (6.0, False), (-6.0, False)])
def test_a_few_seconds_are_allowed(off_s: float, right: bool) -> None:
    known = DatabaseClock(5.0, OwnClock(off_s))
    assert not known.is_right(), "nobody knows it yet"
    ask(known)
    assert known.is_right() is right
    assert known.ahead_s() == pytest.approx(off_s, abs=0.5)


@pytest.mark.parametrize("off_s", [DAYS_S, -DAYS_S])
def test_a_jump_is_seen_before_the_database_is_asked_again(off_s: float) -> None:
    own = OwnClock()
    known = DatabaseClock(5.0, own)
    ask(known)
    own.off_s = off_s
    assert not known.is_right()
    assert known.ahead_s() == pytest.approx(off_s, abs=0.5)
    assert known.now_s() == pytest.approx(clock.now_s(), abs=0.5), "it follows the database all the same"
    ask(known)
    assert not known.is_right()
    own.off_s = 0.0
    assert known.is_right(), "it goes on by itself"


def test_a_server_whose_clock_jumps_is_not_believed() -> None:
    known = DatabaseClock(5.0)
    ask(known)
    ask(known, clock.now_s() + DAYS_S)
    assert not known.is_right()
    assert known.ahead_s() == pytest.approx(-DAYS_S, abs=0.5)


def test_a_slow_answer_is_no_wrong_clock() -> None:
    """The database read its clock at any moment between question and answer."""
    for within_s in (0.0, 15.0, 30.0):
        known = DatabaseClock(5.0)
        known.note(clock.now_s() - 30.0, clock.now_s() - within_s)
        assert known.is_right()
        assert known.now_s() <= clock.now_s() + 0.5
