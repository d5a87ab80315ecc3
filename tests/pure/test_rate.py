"""Shares of a channel's rate: whatever processes do, together they never send more than the rate allows."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tests.flows.windows import most_in_a_window
from tocsin.queue import EPOCH_S, Bucket, epoch_of, place

BURST_S = 0.05
WAITS = st.lists(st.floats(0.0, 0.4), min_size=1, max_size=200)


def spend_all(bucket: Bucket, waits: list[float], now: float) -> list[float]:
    """Send whatever there is room for after each wait; the instants of the parts."""
    sent: list[float] = []
    for wait in waits:
        now += wait
        room = bucket.room(now)
        bucket.spend(room)
        sent += [now] * room
    return sent


def give_shares(bucket: Bucket, rates: list[int], delay_s: float) -> None:
    """Epochs 0, 1, ... of a database whose clock equals ours; each answer took `delay_s`."""
    for epoch, rate in enumerate(rates):
        at = epoch * EPOCH_S
        bucket.give(place(epoch, rate, at, at - delay_s / 2, at + delay_s / 2))


@given(st.integers(1, 5000), WAITS)
def test_one_process_never_sends_more_than_its_share(rate: int, waits: list[float]) -> None:
    bucket = Bucket()
    bucket.give(place(0, rate, 0.0, 0.0, 0.0))
    sent = spend_all(bucket, waits, 0.0)
    assert all(0 <= at < EPOCH_S for at in sent)
    assert most_in_a_window(sent) <= rate * (1 + BURST_S) + 1


@given(st.integers(1, 500), st.lists(st.floats(0.0, 0.045), min_size=1, max_size=20))
def test_a_busy_process_that_wakes_a_little_late_uses_its_share_well(rate: int, lates: list[float]) -> None:
    bucket = Bucket()
    bucket.give(place(0, rate, 0.0, 0.0, 0.0))
    now, sent, steps = 0.0, 0, itertools.cycle(lates)
    while now < EPOCH_S - 0.3:
        now += max(bucket.wait_s(now), 1e-4) + next(steps)
        room = bucket.room(now)
        bucket.spend(room)
        sent += room
    assert rate * now * 0.99 - 2 <= sent <= rate * now + 1


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=2, max_size=4),
    WAITS, WAITS, st.floats(0.0, 0.3), st.floats(0.0, 0.3),
)  # fmt: skip
def test_two_processes_together_never_exceed_the_rate_in_any_second(
    shares: list[tuple[int, int]], first: list[float], second: list[float], delay: float, other_delay: float
) -> None:
    one, two = Bucket(), Bucket()
    give_shares(one, [share[0] for share in shares], delay)
    give_shares(two, [share[1] for share in shares], other_delay)
    sent = spend_all(one, first, 0.0) + spend_all(two, second, 0.0)
    rate = max(sum(share) for share in shares)
    assert most_in_a_window(sent) <= rate * (1 + BURST_S) + 2


@given(st.integers(1, 1000), st.floats(0.0, 4.9), st.floats(5.0, 1e6))
def test_a_paused_process_wakes_with_a_share_that_is_over(rate: int, before: float, pause: float) -> None:
    bucket = Bucket()
    bucket.give(place(0, rate, 0.0, 0.0, 0.0))
    bucket.spend(bucket.room(before))
    assert bucket.room(before + pause) == 0
    assert bucket.wait_s(before + pause) <= 0.2


@given(st.integers(1, 1000), st.floats(0.0, 3.0), st.floats(0.0, 3.0), st.integers(0, 10_000))
def test_a_share_lies_inside_its_epoch_however_long_the_answer_took(
    rate: int, there: float, back: float, epoch: int
) -> None:
    """The database's clock was read somewhere between question and answer; at both extremes the share is within."""
    asked, database_s = 50.0, epoch * EPOCH_S + 1.0
    answered = asked + there + back
    share = place(epoch, rate, database_s, asked, answered)
    for read_at in (asked, asked + there, answered):
        offset = database_s - read_at  # database clock less ours, if the clock was read then
        assert share.starts + offset >= epoch * EPOCH_S - 1e-6
        assert share.ends + offset <= (epoch + 1) * EPOCH_S + 1e-6


@given(st.integers(1, 100), st.integers(2, 500))
def test_who_sent_more_than_it_had_waits_longer(rate: int, parts: int) -> None:
    """A message of many parts borrows, and the rate holds over time."""
    bucket = Bucket()
    bucket.give(place(0, rate, 0.0, 0.0, 0.0))
    assert bucket.room(1.0) >= 1
    had = bucket.room(1.0)
    bucket.spend(parts)
    if parts > had:
        assert bucket.room(1.0) == 0
        assert bucket.room(min(4.999, 1.0 + (parts - had) / rate - 1e-3)) <= 1


@given(st.floats(0.0, 1e10))
def test_epochs_follow_each_other_without_a_gap(at: float) -> None:
    epoch = epoch_of(at)
    assert epoch * EPOCH_S <= at < (epoch + 1) * EPOCH_S


def test_a_share_is_known_once_and_old_ones_are_forgotten() -> None:
    bucket = Bucket()
    for epoch in range(5):
        assert bucket.wants(epoch)
        bucket.give(place(epoch, 10, 0.0, 0.0, 0.0))
        assert not bucket.wants(epoch)
    assert bucket.wants(0)
    bucket.give(place(4, 99, 0.0, 0.0, 0.0))  # the first answer holds
    assert bucket.room(4 * EPOCH_S + 1.0) <= 1
    assert bucket.wait_s(4 * EPOCH_S + 1.0) <= 0.1


def test_what_was_saved_up_is_not_sent_in_an_epoch_without_a_share() -> None:
    bucket = Bucket()
    give_shares(bucket, [100, 0], 0.0)
    assert bucket.room(4.9) == 6
    assert bucket.room(5.1) == 0


def test_no_share_means_nothing_goes() -> None:
    bucket = Bucket()
    assert bucket.room(1.0) == 0
    bucket.give(place(0, 0, 0.0, 0.0, 0.0))
    assert bucket.room(2.0) == 0
    assert 0 < bucket.wait_s(2.0) <= 0.2
