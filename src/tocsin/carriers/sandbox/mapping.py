"""From submissions to what the sandbox keeps, answers and sends back later, by the fates of their numbers.

Pure: submissions, settings and `now` in, a Plan out. It must not remember anything between two calls. Ordinary numbers
go by columns, not one by one: this runs for every part of every message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tocsin.carriers.sandbox.config import SandboxConfig
from tocsin.carriers.sandbox.fates import Answer, Fate, When, find_fate, may_have_fate
from tocsin.traffic import Feedback, Inbound, Outcome, OutcomeKind, Reason, Receipt, Submission

CHUNK = 250
"""Receipts in one event."""

_SOON_MS = 500
"""Between an intermediate state and the end, and between a receipt and the person's reply."""

_READER = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1"
)
"""Whose program opens and clicks."""

_SPREAD = 8
"""Steps over which receipts are spread: an event for each, not for each message."""


class Terms(NamedTuple):
    """The settings as delays, worked out once for a link."""

    delay_ms: dict[When, int]
    spread_ms: int
    replies: bool
    undelivered_percent: int = 0


class Body(msgspec.Struct, omit_defaults=True, gc=False):
    """What an event hands in, as stored (JSON): receipts of one reason by columns, or replies."""

    at: float
    reason: Reason = Reason.SENDING
    ids: list[str] = []
    phones: list[str] = []
    talk_s: int = 0
    replies: list[Inbound] = []
    feedback: list[Feedback] = []

    def receipts(self) -> list[Receipt]:
        """The receipts, row by row."""
        reason, at, talk_s = self.reason, self.at, self.talk_s
        return [
            Receipt(carrier_id, phone, reason, at, talk_s)
            for carrier_id, phone in zip(self.ids, self.phones, strict=True)
        ]


class Event(msgspec.Struct):
    """Something to hand in after `delay_ms`; `then` are answers that wait until it was handed in."""

    delay_ms: int
    body: Body
    then: list[Outcome] = []


class Plan(msgspec.Struct):
    """What becomes of some submissions.

    Each is in `refused`, or in `kept` and in one of `answers`, `hanging` (UNKNOWN, later) and an event's `then`.
    """

    kept: list[Submission]
    kept_ids: list[str]
    refused: list[Outcome]
    answers: list[Outcome]
    hanging: list[Outcome]
    events: list[Event]


def work_out_terms(config: SandboxConfig, receipt_timeout_s: float) -> Terms:
    """Delays from the moment of the submit, in milliseconds."""
    answer_ms = config.submit_delay_ms
    usual_ms = answer_ms + config.receipt_delay_ms
    after_s = config.after_timeout_s
    if after_s is None:
        after_s = receipt_timeout_s + max(5.0, receipt_timeout_s / 50)
    delay_ms = {
        When.USUAL: usual_ms,
        When.SOON: usual_ms + _SOON_MS,
        When.LATE: answer_ms + int(config.late_receipt_s * 1000),
        When.AFTER_TIMEOUT: answer_ms + int(after_s * 1000),
    }
    return Terms(delay_ms, config.receipt_jitter_ms, config.record_replies, config.undelivered_percent)


def name_carrier_ids(stem: str, first: int, count: int) -> list[str]:
    """Carrier ids: opaque to everybody else; in ascending order, which keeps the platform's index small."""
    return [f"{stem}{number:07x}" for number in range(first, first + count)]


def plan_submissions(submissions: Sequence[Submission], ids: Sequence[str], terms: Terms, now: float) -> Plan:
    """The fate of each submission; `ids` are carrier ids, one for each. `now` in epoch seconds."""
    marked = [i for i, submission in enumerate(submissions) if may_have_fate(submission)]
    plan = Plan(list(submissions), list(ids), [], [], [], [])
    fates = [(submissions[i], ids[i], fate) for i in marked if (fate := find_fate(submissions[i])) is not None]
    if fates:
        special = {carrier_id for _, carrier_id, _ in fates}
        plain = [pair for pair in zip(submissions, ids, strict=True) if pair[1] not in special]
        plan.kept, plan.kept_ids = [s for s, _ in plain], [carrier_id for _, carrier_id in plain]
    _plan_ordinary(plan, terms, now)
    if fates:
        _plan_fates(plan, fates, terms, now)
    return plan


def refuse(submissions: Sequence[Submission], kind: OutcomeKind, now: float) -> list[Outcome]:
    """The same answer to each."""
    return [Outcome(s.message_id, s.attempt, s.part, kind, now) for s in submissions]


def _plan_ordinary(plan: Plan, terms: Terms, now: float) -> None:
    accepted = OutcomeKind.ACCEPTED
    plan.answers = [
        Outcome(s.message_id, s.attempt, s.part, accepted, now, carrier_id)
        for s, carrier_id in zip(plan.kept, plan.kept_ids, strict=True)
    ]
    usual_ms = terms.delay_ms[When.USUAL]
    ids, phones = plan.kept_ids, [s.phone for s in plan.kept]
    if terms.undelivered_percent:
        # All parts of a message end alike.
        lost = [int.from_bytes(s.message_id[14:16], "big") % 100 < terms.undelivered_percent for s in plan.kept]
        for end, which in ((Reason.UNDELIVERED, True), (Reason.SUCCESS, False)):
            chosen = [i for i, value in enumerate(lost) if value is which]
            _book(plan, usual_ms, end, [ids[i] for i in chosen], [phones[i] for i in chosen], now)
        return
    if terms.spread_ms == 0:
        _book(plan, usual_ms, Reason.SUCCESS, ids, phones, now)
        return
    # The low bits of an id count up: they spread evenly without a die.
    steps = [s.message_id[15] % _SPREAD for s in plan.kept]
    for step in sorted(set(steps)):
        chosen = [i for i, value in enumerate(steps) if value == step]
        delay_ms = usual_ms + terms.spread_ms * step // _SPREAD
        _book(plan, delay_ms, Reason.SUCCESS, [ids[i] for i in chosen], [phones[i] for i in chosen], now)


def _book(
    plan: Plan, delay_ms: int, end: Reason | tuple[Reason, int], ids: list[str], phones: list[str], now: float
) -> None:
    """`end`: a reason, with the seconds of a call where there are any."""
    reason, talk_s = end if isinstance(end, tuple) else (end, 0)
    at = now + delay_ms / 1000
    for i in range(0, len(ids), CHUNK):
        body = Body(at, reason, ids[i : i + CHUNK], phones[i : i + CHUNK], talk_s)
        plan.events.append(Event(delay_ms, body))


def _plan_fates(plan: Plan, fates: Sequence[tuple[Submission, str, Fate]], terms: Terms, now: float) -> None:
    columns: dict[tuple[int, Reason, int], tuple[list[str], list[str]]] = {}
    for submission, carrier_id, fate in fates:
        if fate.refuse is not None and submission.attempt <= fate.refuse_up_to:
            reason = fate.refuse_reason
            plan.refused.append(
                Outcome(submission.message_id, submission.attempt, submission.part, fate.refuse, now, None, reason)
            )
            continue
        plan.kept.append(submission)
        plan.kept_ids.append(carrier_id)
        if fate.answer is Answer.AFTER_RECEIPT:
            body = Body(now, Reason.SUCCESS, [carrier_id], [submission.phone])
            plan.events.append(Event(0, body, [_answer(submission, OutcomeKind.ACCEPTED, now, carrier_id)]))
            continue
        _plan_answer(plan, submission, carrier_id, fate, now)
        last = submission.part == submission.parts
        for sign in fate.receipts:
            reason = sign.last if last and sign.last is not None else sign.reason
            talk_s = min(sign.talk_s, submission.longest_s)
            ids, phones = columns.setdefault((terms.delay_ms[sign.when], reason, talk_s), ([], []))
            ids.append(carrier_id)
            phones.append(submission.phone)
        if fate.feedback:
            _plan_feedback(plan, carrier_id, fate, terms.delay_ms[When.SOON], now)
        if fate.reply and last and terms.replies:
            _plan_reply(plan, submission, fate.reply, terms.delay_ms[When.SOON], now)
    for (delay_ms, reason, talk_s), (ids, phones) in columns.items():
        _book(plan, delay_ms, (reason, talk_s), ids, phones, now)


def _answer(submission: Submission, kind: OutcomeKind, now: float, carrier_id: str | None = None) -> Outcome:
    return Outcome(submission.message_id, submission.attempt, submission.part, kind, now, carrier_id)


def _plan_answer(plan: Plan, submission: Submission, carrier_id: str, fate: Fate, now: float) -> None:
    if fate.answer is Answer.PROMPT:
        plan.answers.append(_answer(submission, OutcomeKind.ACCEPTED, now, carrier_id))
    elif fate.answer is Answer.LOST:
        plan.answers.append(_answer(submission, OutcomeKind.UNKNOWN, now))
    else:
        plan.hanging.append(_answer(submission, OutcomeKind.UNKNOWN, now))


def _plan_reply(plan: Plan, submission: Submission, content: str, delay_ms: int, now: float) -> None:
    at = now + delay_ms / 1000
    reply = Inbound(submission.phone, submission.sender, content, at)
    plan.events.append(Event(delay_ms, Body(at, replies=[reply])))


def _plan_feedback(plan: Plan, carrier_id: str, fate: Fate, delay_ms: int, now: float) -> None:
    at = now + delay_ms / 1000
    told = [Feedback(carrier_id, kind, at, _READER) for kind in fate.feedback]
    plan.events.append(Event(delay_ms, Body(at, feedback=told)))


class Allowance:
    """Parts that may still pass: `per_s` a second, up to a second's worth saved up. Time is an argument."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._left = float(per_s)
        self._at: float | None = None

    def take(self, wanted: int, now: float) -> int:
        """How many of `wanted` may pass at `now` (seconds of a clock that does not go back)."""
        if self._at is not None:
            self._left = min(float(self._per_s), self._left + (now - self._at) * self._per_s)
        self._at = now
        granted = min(wanted, int(self._left))
        self._left -= granted
        return granted
