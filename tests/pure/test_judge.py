"""What a carrier's answers come to: done, another try, another route, or the end."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tocsin.messaging import Claimed, Open, Text, Verdicts, judge, merge_retries
from tocsin.messaging.submit import FIRST_RETRY_S, LONGEST_RETRY_S, THROTTLED_TRIES
from tocsin.queue import Retry
from tocsin.routing import Channel
from tocsin.traffic import Outcome, OutcomeKind, Reason

ACCEPTED, TEMPORARY, PERMANENT, THROTTLED, UNKNOWN = OutcomeKind
HERE, NEXT, AT = 7, 8, 1_700_000_000.0
ID = bytes(range(16))
TEXT = Text("hello", "", 1, AT + 3600, None)


def make_channel(policy: str = "leave", max_attempts: int = 8) -> Channel:
    return Channel(
        id=HERE, name="c", kind="sandbox", paused=False, rate=None, window=100, unknown_policy=policy,
        max_attempts=max_attempts, config={},
    )  # fmt: skip


def judge_one(
    answers: Mapping[int, OutcomeKind],
    channel: Channel | None = None,
    *,
    attempt: int = 1,
    taken: bool = False,
    unknown: frozenset[int] = frozenset(),
    reason: Reason = Reason.SENDING,
) -> Verdicts:
    """`answers`: by part; `taken`, `unknown`: by earlier attempts."""
    message = Claimed(ID, 1, attempt, 1, 3, 17, 1, "6281", 10007, len(answers), 300_000, HERE)
    entry = Open(message, TEXT, set(), taken=taken, unknown=unknown)
    entry.answers = [Outcome(ID, attempt, part, kind, AT, None, reason) for part, kind in answers.items()]
    verdicts = judge([entry], channel or make_channel(), lambda _message, _text, _present: NEXT)
    assert verdicts.done == [entry]
    return verdicts


def find_verdict(verdicts: Verdicts) -> str:
    """Every message leaves in exactly one way, and what a carrier has is watched unless it ended."""
    assert len(verdicts.retries) + len(verdicts.ends) <= 1
    assert not (verdicts.ends and verdicts.watch)
    if verdicts.ends:
        return "end"
    if verdicts.retries:
        return "retry, watched" if verdicts.watch else "retry"
    assert verdicts.watch == [ID]
    return "watched"


@pytest.mark.parametrize(
    ("answers", "policy", "expected"),
    [
        ([ACCEPTED], "leave", "watched"),
        ([ACCEPTED, ACCEPTED], "resend", "watched"),
        ([UNKNOWN], "leave", "watched"),
        ([UNKNOWN], "resend", "retry, watched"),
        ([UNKNOWN, ACCEPTED], "leave", "watched"),
        ([UNKNOWN, ACCEPTED], "resend", "retry, watched"),
        ([TEMPORARY], "leave", "retry"),
        ([TEMPORARY, TEMPORARY], "leave", "retry"),
        ([THROTTLED], "leave", "retry"),
        ([ACCEPTED, TEMPORARY], "leave", "retry, watched"),
        ([ACCEPTED, THROTTLED], "leave", "retry, watched"),
        ([UNKNOWN, TEMPORARY], "leave", "retry, watched"),
        ([PERMANENT], "leave", "end"),
        ([ACCEPTED, PERMANENT], "leave", "end"),
        ([PERMANENT, TEMPORARY], "resend", "end"),
        ([UNKNOWN, PERMANENT], "resend", "end"),
    ],
)
def test_first_attempts(answers: list[OutcomeKind], policy: str, expected: str) -> None:
    verdicts = judge_one(dict(enumerate(answers, 1)), make_channel(policy))
    assert find_verdict(verdicts) == expected


@pytest.mark.parametrize("kind", [TEMPORARY, THROTTLED, UNKNOWN])
def test_attempts_are_counted(kind: OutcomeKind) -> None:
    channel = make_channel("resend", max_attempts=3)
    most = 3 * THROTTLED_TRIES if kind is THROTTLED else 3
    assert judge_one({1: kind}, channel, attempt=most - 1).retries[0].attempt == most
    last = judge_one({1: kind}, channel, attempt=most)
    assert not last.retries
    assert find_verdict(last) == ("watched" if kind is UNKNOWN else "end")


def test_a_throttled_part_among_others_still_tries_longer() -> None:
    verdicts = judge_one({1: TEMPORARY, 2: THROTTLED}, make_channel(max_attempts=2), attempt=2)
    assert find_verdict(verdicts) == "retry"


def test_exhaustion_ends_what_was_never_handed_over() -> None:
    (end,) = judge_one({1: TEMPORARY}, make_channel(max_attempts=1)).ends
    assert (end.reason, end.submitted_at, end.version, end.before) == (Reason.SEND_FAILED, None, 1, Reason.SENDING)


def test_exhaustion_leaves_what_a_carrier_has_in_part_to_its_receipts() -> None:
    channel = make_channel(max_attempts=1)
    assert find_verdict(judge_one({1: TEMPORARY}, channel, taken=True)) == "watched"
    assert find_verdict(judge_one({1: ACCEPTED, 2: TEMPORARY}, channel)) == "watched"


def test_exhaustion_leaves_what_a_carrier_may_have_to_its_receipt() -> None:
    verdicts = judge_one({1: TEMPORARY}, make_channel("resend", 2), attempt=2, taken=True, unknown=frozenset({1}))
    assert find_verdict(verdicts) == "watched"


def test_a_refusal_is_the_end_with_the_carriers_reason() -> None:
    (end,) = judge_one({1: PERMANENT}, reason=Reason.BLACKLISTED).ends
    assert (end.reason, end.submitted_at, end.at, end.channel_id) == (Reason.BLACKLISTED, None, AT, HERE)
    (end,) = judge_one({1: PERMANENT}).ends
    assert end.reason is Reason.REJECTED


def test_a_refused_part_of_a_message_that_was_handed_over() -> None:
    for verdicts in (judge_one({1: ACCEPTED, 2: PERMANENT}), judge_one({2: PERMANENT}, taken=True)):
        (end,) = verdicts.ends
        assert end.submitted_at == AT


def test_a_refusal_is_not_the_end_while_an_earlier_attempt_of_the_part_may_arrive() -> None:
    channel = make_channel("resend")
    verdicts = judge_one({1: PERMANENT}, channel, attempt=2, taken=True, unknown=frozenset({1}))
    assert find_verdict(verdicts) == "watched"
    verdicts = judge_one({1: ACCEPTED, 2: PERMANENT}, channel, attempt=2, taken=True, unknown=frozenset({1}))
    assert find_verdict(verdicts) == "end"


@pytest.mark.parametrize(
    ("answers", "taken", "expected"),
    [
        ([TEMPORARY], False, NEXT),
        ([THROTTLED, TEMPORARY], False, NEXT),
        ([TEMPORARY], True, HERE),
        ([ACCEPTED, TEMPORARY], False, HERE),
        ([UNKNOWN, TEMPORARY], False, HERE),
        ([UNKNOWN], False, HERE),
    ],
)
def test_the_next_route_only_while_no_part_is_handed_over(
    answers: list[OutcomeKind], taken: bool, expected: int
) -> None:
    (retry,) = judge_one(dict(enumerate(answers, 1)), make_channel("resend"), taken=taken).retries
    assert (retry.channel_id, retry.ids, retry.account_id, retry.priority) == (expected, [ID], 3, 1)


@pytest.mark.parametrize("attempt", [1, 2, 5, 12, 79])
def test_waits_grow_and_are_spread(attempt: int) -> None:
    middle = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** (attempt - 1))
    waits = {judge_one({1: THROTTLED}, attempt=attempt).retries[0].wait_s for _ in range(20)}
    assert len(waits) > 1
    assert all(0.7 * middle <= wait <= 1.3 * middle for wait in waits)


def test_retries_of_one_kind_travel_together() -> None:
    ids = [bytes([i]) * 16 for i in range(120)]
    retries = [Retry(HERE, 1, 3, 2, 0.5, [i]) for i in ids] + [
        Retry(HERE, 1, 4, 2, 0.5, [ID]),
        Retry(HERE, 0, 3, 2, 0.5, [ID]),
    ]
    merged = merge_retries(retries)
    assert [len(retry.ids) for retry in merged] == [50, 50, 20, 1, 1]
    assert [i for retry in merged[:3] for i in retry.ids] == ids
