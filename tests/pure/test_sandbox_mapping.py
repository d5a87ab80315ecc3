"""The sandbox's table of numbers, fate by fate, and its settings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tocsin.carriers import BadConfigError, ChannelFacts, check_config, kinds, list_settings, open_link
from tocsin.carriers.sandbox.config import SandboxConfig
from tocsin.carriers.sandbox.fates import FATES, MAIL_FATES
from tocsin.carriers.sandbox.mapping import (
    CHUNK,
    Allowance,
    Plan,
    name_carrier_ids,
    plan_submissions,
    work_out_terms,
)
from tocsin.kit.ids import Ids
from tocsin.traffic import Outcome, OutcomeKind, Priority, Product, Reason, Submission

NOW = 1_800_000_000.0
IDS = Ids()
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sandbox.md"


def submission(
    phone: str, *, attempt: int = 1, part: int = 1, parts: int = 1, product: Product = Product.SMS
) -> Submission:
    return Submission(
        IDS.one(), attempt, part, parts, product, Priority.NOTIFICATION, phone, "10690000", "text", False, NOW + 3600
    )


def plan(*submissions: Submission, config: SandboxConfig | None = None) -> Plan:
    terms = work_out_terms(config or SandboxConfig(), 600.0)
    return plan_submissions(submissions, name_carrier_ids("c", 0, len(submissions)), terms, NOW)


def coming(planned: Plan) -> list[tuple[Reason, int]]:
    """(reason, delay in ms) of every receipt to come, in order of time."""
    rows = [(event.delay_ms, event.body.reason) for event in planned.events for _ in event.body.ids]
    return [(reason, delay) for delay, reason in sorted(rows)]


def replies(planned: Plan) -> list[str]:
    return [reply.content for event in planned.events for reply in event.body.replies]


def given(planned: Plan) -> list[Outcome]:
    """All answers, whenever they come."""
    later = [outcome for event in planned.events for outcome in event.then]
    return planned.refused + planned.answers + planned.hanging + later


SUCCESS = [(Reason.SUCCESS, 0)]
ACCEPTED, UNKNOWN = OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("fate", "kind", "receipts"),
    [
        ("00", ACCEPTED, SUCCESS),
        ("01", OutcomeKind.PERMANENT, []),
        ("02", ACCEPTED, [(Reason.NUMBER_ERROR, 0)]),
        ("03", ACCEPTED, [(Reason.EXPIRED, 0)]),
        ("04", ACCEPTED, []),
        ("05", OutcomeKind.THROTTLED, []),
        ("06", OutcomeKind.TEMPORARY, []),
        ("07", ACCEPTED, [(Reason.UNDELIVERED, 0)]),
        ("08", UNKNOWN, SUCCESS),
        ("09", ACCEPTED, [(Reason.SUCCESS, 30_000)]),
        ("10", ACCEPTED, SUCCESS),
        ("11", ACCEPTED, SUCCESS * 2),
        ("12", ACCEPTED, [(Reason.SUCCESS, 612_000)]),
        ("13", ACCEPTED, SUCCESS),
        ("14", ACCEPTED, SUCCESS),
        ("15", OutcomeKind.PERMANENT, []),
        ("16", ACCEPTED, [(Reason.UNDELIVERED, 0)]),
        ("17", ACCEPTED, [(Reason.SENDING, 0), (Reason.SUCCESS, 500)]),
        ("18", UNKNOWN, SUCCESS),
        ("19", UNKNOWN, []),
        ("20", ACCEPTED, SUCCESS),
    ],
)
def test_first_attempt(fate: str, kind: OutcomeKind, receipts: list[tuple[Reason, int]]) -> None:
    planned = plan(submission(f"81200099{fate}"))
    assert [outcome.kind for outcome in given(planned)] == [kind]
    assert coming(planned) == receipts
    refused = fate in {"01", "05", "06", "15"}
    assert len(planned.kept) == len(planned.kept_ids) == (0 if refused else 1)


@pytest.mark.parametrize("fate", ["05", "06"])
def test_refused_twice_then_delivered(fate: str) -> None:
    kinds_by_attempt = []
    for attempt in (1, 2, 3, 4):
        planned = plan(submission(f"81200099{fate}", attempt=attempt))
        kinds_by_attempt.append(given(planned)[0].kind)
        assert coming(planned) == (SUCCESS if attempt > 2 else [])
    refused = OutcomeKind.THROTTLED if fate == "05" else OutcomeKind.TEMPORARY
    assert kinds_by_attempt == [refused, refused, ACCEPTED, ACCEPTED]


def test_reasons_of_refusals() -> None:
    planned = plan(submission("8120009901"), submission("8120009915"))
    assert [outcome.reason for outcome in planned.refused] == [Reason.REJECTED, Reason.BLACKLISTED]


def test_answer_waits_for_the_early_receipt() -> None:
    planned = plan(submission("8120009910"), config=SandboxConfig(receipt_delay_ms=5000))
    (event,) = planned.events
    assert (event.delay_ms, len(event.body.ids), len(event.then)) == (0, 1, 1)
    assert event.then[0].carrier_id == event.body.ids[0]
    assert not planned.answers


def test_silence_and_loss_are_told_apart() -> None:
    assert len(plan(submission("8120009908")).hanging) == 1
    assert len(plan(submission("8120009918")).answers) == 1


def test_replies_come_once_for_a_message() -> None:
    parts = [submission("8120009913", part=part, parts=3) for part in (1, 2, 3)]
    planned = plan(*parts, submission("8120009914"))
    assert replies(planned) == ["I want it", "STOP"]
    (first, _) = [event for event in planned.events if event.body.replies]
    assert (first.body.replies[0].user_number, first.body.replies[0].service_number) == ("8120009913", "10690000")
    assert first.delay_ms == 500
    assert replies(plan(*parts, config=SandboxConfig(record_replies=False))) == []


def test_the_last_part_fails() -> None:
    planned = plan(*[submission("8120009916", part=part, parts=3) for part in (1, 2, 3)])
    reasons = {i: event.body.reason for event in planned.events for i in event.body.ids}
    assert [reasons[i] for i in planned.kept_ids] == [Reason.SUCCESS, Reason.SUCCESS, Reason.UNDELIVERED]


@pytest.mark.parametrize("percent", [1, 30, 100])
def test_a_share_of_the_ordinary_is_undelivered(percent: int) -> None:
    planned = plan(
        *[submission("8613800000000") for _ in range(1000)], config=SandboxConfig(undelivered_percent=percent)
    )
    reasons = [reason for reason, _ in coming(planned)]
    assert len(reasons) == 1000
    assert reasons.count(Reason.UNDELIVERED) == pytest.approx(10 * percent, abs=10 * percent * 0.2)
    assert set(reasons) <= {Reason.UNDELIVERED, Reason.SUCCESS}


def test_the_parts_of_a_message_are_undelivered_together() -> None:
    first = submission("8613800000000", parts=3)
    parts = [msgspec.structs.replace(first, part=part) for part in (1, 2, 3)]
    for percent in range(0, 101, 10):
        planned = plan(*parts, config=SandboxConfig(undelivered_percent=percent))
        assert len({event.body.reason for event in planned.events}) == 1


@pytest.mark.parametrize("phone", ["8120009901", "200009901", "12125550009901"])
def test_seven_digits_decide(phone: str) -> None:
    assert plan(submission(phone)).refused


@pytest.mark.parametrize("phone", ["8120009900", "8120009920", "8120009999", "8100099010", "81100991", "009901"])
def test_ordinary_numbers_are_delivered(phone: str) -> None:
    assert coming(plan(submission(phone))) == SUCCESS


def test_other_products_have_other_tables() -> None:
    assert plan(submission("8120009901", product=Product.MMS)).refused
    assert not plan(submission("8120009901", product=Product.VOICE_OTP)).refused


def test_every_submission_is_answered_once_among_many() -> None:
    phones = [f"81200099{i % 25:02d}" if i % 3 else f"8613{i:09d}" for i in range(1_000)]
    sent = [submission(phone) for phone in phones]
    planned = plan(*sent)
    assert sorted(outcome.message_id for outcome in given(planned)) == sorted(s.message_id for s in sent)
    assert len(planned.kept) + len(planned.refused) == len(sent)
    assert len(set(planned.kept_ids)) == len(planned.kept_ids)
    phone_of = {carrier_id: s.phone for s, carrier_id in zip(planned.kept, planned.kept_ids, strict=True)}
    for event in planned.events:
        assert len(event.body.ids) <= CHUNK
        assert [phone_of[i] for i in event.body.ids] == event.body.phones


def test_delays() -> None:
    config = SandboxConfig(submit_delay_ms=100, receipt_delay_ms=1000, late_receipt_s=2.5, after_timeout_s=7)
    delays = [coming(plan(submission(f"81200099{fate}"), config=config))[-1][1] for fate in ("00", "09", "12", "17")]
    assert delays == [1100, 2600, 7100, 1600]
    (event,) = plan(submission("8613800000000"), config=config).events
    assert event.body.at == NOW + 1.1


def test_jitter_spreads_in_few_events() -> None:
    config = SandboxConfig(receipt_delay_ms=1000, receipt_jitter_ms=800)
    # Ids of one millisecond: their last digits count up.
    sent = [msgspec.structs.replace(submission("8613800000000"), message_id=i) for i in IDS.take(160)]
    planned = plan(*sent, config=config)
    by_delay = {event.delay_ms: len(event.body.ids) for event in planned.events}
    assert by_delay == {1000 + 100 * step: 20 for step in range(8)}


def test_default_time_out_is_passed() -> None:
    three_days_s = 72 * 3600.0
    terms = work_out_terms(SandboxConfig(), three_days_s)
    assert max(terms.delay_ms.values()) > three_days_s * 1000
    assert max(work_out_terms(SandboxConfig(), 2.0).delay_ms.values()) == 30_000  # the late one; 7 s for the time-out


def test_carrier_ids_ascend() -> None:
    carrier_ids = name_carrier_ids("0199", 0, 100_000)
    assert carrier_ids == sorted(set(carrier_ids))


def test_allowance() -> None:
    allowance = Allowance(100)
    assert allowance.take(250, 10.0) == 100
    assert allowance.take(250, 10.0) == 0
    assert allowance.take(250, 10.5) == 50
    assert allowance.take(10, 99.0) == 10
    assert allowance.take(250, 99.0) == 90


def test_all_mistakes_of_a_config_are_told() -> None:
    config = {"receipt_delay_ms": -1, "lease_s": "soon", "colour": "blue", "record_replies": "yes"}
    mistakes = check_config("sandbox", config)
    assert [mistake.split(":")[0] for mistake in mistakes] == [
        "colour",
        "receipt_delay_ms",
        "record_replies",
        "lease_s",
    ]
    assert mistakes[1] == "receipt_delay_ms: expected int >= 0, not -1"
    with pytest.raises(
        BadConfigError, match=r"channel first: colour: no such setting.*lease_s: expected float"
    ) as caught:
        open_link("sandbox", ChannelFacts(1, "first", config), "")
    assert caught.value.mistakes == mistakes


def test_settings_may_be_text() -> None:
    assert check_config("sandbox", {"receipt_delay_ms": "20", "record_replies": "false", "after_timeout_s": None}) == []


def test_unknown_kind() -> None:
    assert check_config("smoke", {}) == [f"there is no carrier of kind 'smoke'; there are: {', '.join(kinds())}"]


@pytest.mark.parametrize("kind", kinds())
def test_every_setting_has_help(kind: str) -> None:
    settings = list_settings(kind)
    assert settings
    assert all(setting.help.endswith(".") and setting.kind for setting in settings)


def test_the_page_says_what_the_table_does() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for digits, fate in FATES.items():
        assert f"| 00099{digits} | {fate.says}" in page
    for local, fate in MAIL_FATES.items():
        assert f"| {local} | {fate.says} |" in page
    for setting in list_settings("sandbox"):
        assert f"| `{setting.name}` |" in page
        assert setting.help in page


def test_config_is_complete() -> None:
    assert msgspec.convert({}, SandboxConfig) == SandboxConfig()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("sandbox-bounce@example.com", Reason.NUMBER_ERROR),
        ("Sandbox-Bounce@example.com", Reason.NUMBER_ERROR),
        ("sandbox-softbounce@example.com", Reason.UNDELIVERED),
        ("sandbox-open@example.com", Reason.SUCCESS),
        ("sandbox-click@example.com", Reason.SUCCESS),
        ("sandbox-complain@example.com", Reason.SUCCESS),
        ("sandbox-unsubscribe@example.com", Reason.SUCCESS),
        ("sandbox-other@example.com", Reason.SUCCESS),
        ("bounce@sandbox-bounce.com", Reason.SUCCESS),
        ("tom@x0009902", Reason.SUCCESS),
    ],
)
def test_the_local_part_of_an_address_chooses(address: str, reason: Reason) -> None:
    planned = plan(submission(address, product=Product.EMAIL), submission("tom@example.com", product=Product.EMAIL))
    assert sorted(coming(planned)) == sorted([(reason, 0), (Reason.SUCCESS, 0)])
    assert [outcome.kind for outcome in given(planned)] == [ACCEPTED, ACCEPTED]


def test_a_number_is_no_address() -> None:
    assert coming(plan(submission("sandbox-bounce@example.com", product=Product.SMS))) == SUCCESS
