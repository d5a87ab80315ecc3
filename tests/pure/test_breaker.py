"""When a breaker opens and closes, and which channels messages go round."""

from __future__ import annotations

import random

import msgspec
import pytest

from tocsin.routing import Channel, Health
from tocsin.routing.breaker import ANYWHERE, CLOSED, DOWN, HALF_OPEN, OPEN, BreakerTerms, Watched, add, judge

TERMS = BreakerTerms()
INDONESIA, CHINA = 10007, 10001
A, B, C = 1, 2, 3


def watched(good: int, total: int, day: tuple[int, int], state: str = CLOSED, before: float = 0.0) -> Watched:
    return Watched(A, INDONESIA, [good, total], *day, state, before)


# --- the last finals


def test_the_last_finals_are_a_whole_window_and_no_more() -> None:
    recent: list[int] = []
    for _ in range(1000):
        recent = add(recent, 3, 7, 200)
    assert sum(recent[1::2]) == 200
    assert sum(recent[::2]) == pytest.approx(200 * 3 / 7, abs=2)


def test_a_large_count_does_not_hide_what_came_after_it() -> None:
    recent = add([], 4500, 5000, 200)
    assert recent == [180, 200]
    recent = add(recent, 0, 100, 200)
    assert recent == [90, 100, 0, 100]
    assert add(recent, 0, 150, 200) == [0, 50, 0, 150]
    assert add(recent, 7, 200, 200) == [7, 200]


def test_counts_are_kept_bounded_whatever_comes() -> None:
    chance = random.Random(7)
    recent: list[int] = []
    for _ in range(5000):
        total = chance.randint(-3, 4)
        recent = add(recent, chance.randint(-5, 5), total, 10_000)
        assert len(recent) <= 400
        assert all(0 <= good <= total for good, total in zip(recent[::2], recent[1::2], strict=True))
    assert 1000 < sum(recent[1::2]) <= 10_000


# --- the verdict


@pytest.mark.parametrize(
    ("good", "total", "day", "after"),
    [
        (89, 200, (900, 1000), OPEN),
        (91, 200, (900, 1000), CLOSED),
        (90, 200, (900, 1000), CLOSED),  # just half is not below half
        (0, 199, (900, 1000), CLOSED),  # too few
        (0, 200, (100, 199), CLOSED),  # too few to compare with
        (0, 200, (0, 200), CLOSED),  # it never delivered: there is nothing that it fell from
        (0, 200, (200, 400), OPEN),
        (1, 200, (4, 400), CLOSED),  # a channel that is always so
    ],
)
def test_it_opens_below_half_of_the_day(good: int, total: int, day: tuple[int, int], after: str) -> None:
    assert judge(watched(good, total, day), TERMS) == after


def test_factor_and_window_are_settings() -> None:
    assert judge(watched(0, 10, (20, 20)), BreakerTerms(window=10)) == OPEN
    assert judge(watched(0, 500, (900, 1000)), BreakerTerms(factor=0.0)) == CLOSED
    assert judge(watched(160, 200, (900, 1000)), BreakerTerms(factor=0.9)) == OPEN


@pytest.mark.parametrize(
    ("good", "total", "after"), [(9, 9, HALF_OPEN), (10, 10, CLOSED), (5, 10, CLOSED), (4, 10, OPEN), (0, 10, OPEN)]
)
def test_what_tries_closes_it_or_opens_it_anew(good: int, total: int, after: str) -> None:
    """Measured against the day before the opening, not against a day that has the fall in it."""
    assert judge(watched(good, total, (100, 1000), HALF_OPEN, 0.9), TERMS) == after


def test_an_open_one_waits_for_its_time_whatever_comes() -> None:
    assert judge(watched(200, 200, (900, 1000), OPEN, 0.9), TERMS) == OPEN


# --- the order


def make(paused: tuple[int, ...] = (), **states: str) -> Health:
    """`states`: by channel's letter, to Indonesia."""
    blank = Channel(
        id=0, name="", kind="smpp", paused=False, rate=None, window=1, unknown_policy="leave", max_attempts=1, config={}
    )  # fmt: skip
    channels = {i: msgspec.structs.replace(blank, id=i, paused=i in paused) for i in (A, B, C)}
    health = Health(channels.get)
    health.take({({"a": A, "b": B, "c": C}[name], INDONESIA): state for name, state in states.items()})
    return health


def test_while_all_are_well_the_route_is_what_it_was() -> None:
    channels = (A, B, C)
    assert make().order(channels, INDONESIA) is channels


def test_an_open_one_goes_behind_those_that_are_well() -> None:
    assert make(a=OPEN).order((A, B, C), INDONESIA) == (B, C, A)
    assert make(a=OPEN, b=OPEN).order((A, B, C), INDONESIA) == (C, A, B)
    assert make(a=OPEN).order((A, B, C), CHINA) == (A, B, C)


def test_where_there_is_no_other_the_message_still_goes_there() -> None:
    assert make(a=OPEN).order((A,), INDONESIA) == (A,)
    assert make(a=OPEN, b=OPEN).order((A, B), INDONESIA) == (A, B)
    assert make(paused=(B,), a=OPEN).order((A, B), INDONESIA) == (A, B)


def test_one_that_is_down_is_gone_round_to_every_country() -> None:
    health = make()
    health.take({(A, ANYWHERE): DOWN})
    assert health.order((A, B), INDONESIA) == health.order((A, B), CHINA) == (B, A)


@pytest.mark.parametrize("percent", [0.5, 1.0, 7.0, 100.0])
def test_a_half_open_one_gets_its_share(percent: float) -> None:
    health = make(a=HALF_OPEN)
    health.share_percent = percent
    firsts = [health.order((A, B), INDONESIA)[0] for _ in range(10_000)]
    assert firsts.count(A) == pytest.approx(100 * percent, abs=1)


def test_a_half_open_one_that_would_not_be_first_is_not_put_first() -> None:
    health = make(b=HALF_OPEN)
    assert {health.order((A, B), INDONESIA) for _ in range(500)} == {(A, B)}
