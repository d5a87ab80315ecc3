"""Which state follows which, what several parts and attempts come to, and when money goes back."""

from __future__ import annotations

from itertools import permutations, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.messaging.lifecycle import FOLLOWS, decide, follows, gives_back
from tocsin.traffic import Reason

FINALS = [reason for reason in Reason if reason is not Reason.SENDING]
FAILURES = [reason for reason in FINALS if reason is not Reason.SUCCESS]
Key = tuple[int, int]


@pytest.mark.parametrize(("present", "news"), list(product(Reason, Reason)))
def test_the_whole_table(present: Reason, news: Reason) -> None:
    late_delivery = present is Reason.NO_RECEIPT and news is Reason.SUCCESS
    assert follows(present, news) is (present is Reason.SENDING or late_delivery)


def test_no_state_is_final_and_listed_without_need() -> None:
    assert set(FOLLOWS) == {Reason.SENDING, Reason.NO_RECEIPT}


@pytest.mark.parametrize(
    ("reason", "handed_over", "charge_failed"), list(product(Reason, (True, False), (True, False)))
)
def test_what_is_given_back(reason: Reason, handed_over: bool, charge_failed: bool) -> None:
    back = gives_back(reason, handed_over=handed_over, charge_failed=charge_failed)
    if reason in {Reason.SUCCESS, Reason.SENDING}:
        assert not back
    elif not handed_over:
        assert back
    else:
        assert back is not charge_failed


def test_one_part_one_attempt() -> None:
    assert decide(1, {(1, 1)}, {}) is None
    for reason in FINALS:
        assert decide(1, {(1, 1)}, {(1, 1): reason}) is reason


def test_a_part_that_was_not_handed_over_yet_is_waited_for() -> None:
    assert decide(2, {(1, 1)}, {(1, 1): Reason.SUCCESS}) is None
    assert decide(2, set(), {}) is None


def test_a_lost_part_ends_the_message_at_once() -> None:
    handed = {(1, 1), (2, 1), (3, 1)}
    assert decide(3, handed, {(2, 1): Reason.UNDELIVERED}) is Reason.UNDELIVERED
    assert decide(3, handed, {(3, 1): Reason.EXPIRED, (1, 1): Reason.SUCCESS}) is Reason.EXPIRED


def test_a_failed_attempt_is_not_final_while_another_is_open() -> None:
    handed = {(1, 1), (1, 2)}
    assert decide(1, handed, {(1, 1): Reason.UNDELIVERED}) is None
    assert decide(1, handed, {(1, 2): Reason.UNDELIVERED}) is None
    assert decide(1, handed, {(1, 1): Reason.UNDELIVERED, (1, 2): Reason.SUCCESS}) is Reason.SUCCESS
    assert decide(1, handed, {(1, 2): Reason.SUCCESS}) is Reason.SUCCESS


def test_the_last_attempt_of_the_first_lost_part_names_the_reason() -> None:
    receipts = {
        (1, 1): Reason.SUCCESS, (2, 1): Reason.UNDELIVERED, (2, 2): Reason.EXPIRED, (2, 10): Reason.NUMBER_ERROR,
        (3, 1): Reason.REJECTED,
    }  # fmt: skip
    for order in permutations(receipts):
        assert decide(3, dict.fromkeys(order).keys(), receipts) is Reason.NUMBER_ERROR


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[Key], dict[Key, Reason]]:
    """(parts, what was handed over, the final receipt of each of them)."""
    parts = draw(st.integers(1, 4))
    handed = [(part, attempt) for part in range(1, parts + 1) for attempt in range(1, draw(st.integers(1, 3)) + 1)]
    reasons = st.sampled_from([Reason.SUCCESS, Reason.SUCCESS, Reason.UNDELIVERED, Reason.EXPIRED, Reason.NUMBER_ERROR])
    return parts, handed, {key: draw(reasons) for key in handed}


def run_through(parts: int, handed: list[Key], order: list[Key], finals: dict[Key, Reason]) -> Reason:
    """The end, when receipts come one after the other and the first final state stays."""
    present, seen = Reason.SENDING, {}
    for key in order:
        seen[key] = finals[key]
        verdict = decide(parts, set(handed), seen)
        if verdict is not None and follows(present, verdict):
            present = verdict
    return present


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_receipts_does_not_matter(history: tuple[int, list[Key], dict[Key, Reason]], dice: Random) -> None:
    parts, handed, finals = history
    order = list(handed)
    dice.shuffle(order)
    end = run_through(parts, handed, order, finals)
    attempts = {part: [finals[key] for key in handed if key[0] == part] for part in range(1, parts + 1)}
    delivered = all(Reason.SUCCESS in ends for ends in attempts.values())
    assert (end is Reason.SUCCESS) is delivered
    if not delivered:
        lost = [ends for ends in attempts.values() if Reason.SUCCESS not in ends]
        assert any(end in ends for ends in lost)


@given(histories(), st.randoms(use_true_random=False))
def test_receipts_that_come_twice_change_nothing(
    history: tuple[int, list[Key], dict[Key, Reason]], dice: Random
) -> None:
    parts, handed, finals = history
    order = list(handed)
    dice.shuffle(order)
    doubled = [key for key in order for _ in range(2)]
    assert run_through(parts, handed, doubled, finals) is run_through(parts, handed, order, finals)


@given(histories())
def test_the_order_of_hand_over_does_not_matter(history: tuple[int, list[Key], dict[Key, Reason]]) -> None:
    parts, handed, finals = history
    ends = {decide(parts, dict.fromkeys(order).keys(), finals) for order in (handed, handed[::-1])}
    assert len(ends) == 1
