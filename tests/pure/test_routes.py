"""Rules by action, sender and hours; shares by weight; what costs exclude and order. Without a database."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pure.test_way import (
    ACCOUNT,
    EMAIL,
    FAR,
    INDONESIA,
    NEAR,
    PLAN,
    THIRD,
    account,
    case,
    cost,
    email_table,
    pick,
    price,
    route,
    table,
)
from tocsin.billing import Plan
from tocsin.content import choose_by_lot
from tocsin.kit.clock import UTC
from tocsin.routing import NOWHERE, Pick, RouteRule, Table, Why
from tocsin.routing.rules import LEVELS, measure
from tocsin.routing.way import leaves_margin
from tocsin.traffic import Priority

PHONE = "6281199999999"
VERIFY, NOTIFICATION, MARKETING = Priority.VERIFY, Priority.NOTIFICATION, Priority.MARKETING
SANDBOX = 4
SETTINGS_OF_LEVELS: list[dict[str, Any]] = [
    {"account_id": ACCOUNT}, {"prefix": "62811"}, {"country_id": INDONESIA}, {"sender": "ACME"}, {"action": 1},
    {"start_minute": 0, "end_minute": 1439, "zone": "UTC"},
]  # fmt: skip
NUMBERS = [f"62812{n:08d}" for n in range(4000)]


def at(text: str, zone: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def hours(start: int, end: int, zone: str = "UTC") -> dict[str, Any]:
    return {"start_minute": start * 60, "end_minute": end * 60, "zone": zone}


def channels(made: Table, phone: str = PHONE, **asked: Any) -> tuple[int, ...]:
    found = pick(made, phone, INDONESIA, **asked)
    return found.channels if found else ()


def test_a_rule_of_an_action_holds_for_it_alone() -> None:
    made = table([route(1, FAR), route(2, NEAR, action=MARKETING)], [price(5)])
    assert channels(made, action=MARKETING) == (NEAR,)
    assert channels(made, action=VERIFY) == channels(made, action=NOTIFICATION) == (FAR,)
    only = table([route(2, NEAR, action=VERIFY)], [price(5)])  # the least number is an action too
    assert channels(only, action=VERIFY) == (NEAR,)
    assert channels(only, action=MARKETING) == ()


def test_a_rule_of_a_sender_holds_for_exactly_it() -> None:
    made = table([route(1, FAR), route(2, NEAR, sender="ACME")], [price(5)])
    assert channels(made, sender="ACME") == (NEAR,)
    assert channels(made, sender="acme") == channels(made, sender="") == channels(made, sender="OTHER") == (FAR,)


@pytest.mark.parametrize("level", range(5))
def test_each_level_goes_before_all_that_follow_it(level: int) -> None:
    """A rule that says this one thing wins against one that says all the others below it, whatever their preferences."""
    below = {name: value for settings in SETTINGS_OF_LEVELS[level + 1 :] for name, value in settings.items()}
    routes = [
        route(1, FAR, preference=-9, **below),
        route(2, NEAR, preference=9, **SETTINGS_OF_LEVELS[level]),
    ]
    assert channels(table(routes, [price(5)]), sender="ACME", at_s=3600.0) == (NEAR,)
    found = table(routes, [price(5)]).explain(account(), INDONESIA, case("ACME", at_s=3600.0), PHONE)
    assert [(each.route.id, each.why, each.detail) for each in found.verdicts] == [
        (2, Why.CARRIES, ""), (1, Why.OUTRANKED, LEVELS[level]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "start", "end", "is_open"),
    [
        ("2026-01-05 08:59:59", 9, 17, False),
        ("2026-01-05 09:00:00", 9, 17, True),
        ("2026-01-05 16:59:59", 9, 17, True),
        ("2026-01-05 17:00:00", 9, 17, False),
        ("2026-01-05 21:59:59", 22, 6, False),
        ("2026-01-05 22:00:00", 22, 6, True),
        ("2026-01-06 00:00:00", 22, 6, True),
        ("2026-01-06 05:59:59", 22, 6, True),
        ("2026-01-06 06:00:00", 22, 6, False),
        ("2026-01-05 23:59:59", 22, 0, True),
        ("2026-01-06 00:00:00", 22, 0, False),
    ],
)
def test_hours_are_on_the_clock_of_their_zone(now: str, start: int, end: int, is_open: bool) -> None:
    made = table([route(1, FAR), route(2, NEAR, **hours(start, end, "Asia/Jakarta"))], [price(5)])
    assert channels(made, at_s=at(now, "Asia/Jakarta")) == ((NEAR,) if is_open else (FAR,))


@pytest.mark.parametrize(
    ("utc", "shown", "is_open"),
    [  # In Berlin 02:00 to 03:00 is skipped on 2026-03-29, and comes twice on 2026-10-25.
        ("2026-03-29 00:59:59", "01:59", False),
        ("2026-03-29 01:00:00", "03:00", False),
        ("2026-10-25 00:00:00", "02:00", True),
        ("2026-10-25 01:30:00", "02:30", True),
        ("2026-10-25 02:00:00", "03:00", False),
    ],
)
def test_hours_follow_a_change_of_the_clocks(utc: str, shown: str, is_open: bool) -> None:
    now_s = at(utc, "UTC")
    assert datetime.fromtimestamp(now_s, ZoneInfo("Europe/Berlin")).strftime("%H:%M") == shown
    made = table([route(1, FAR), route(2, NEAR, **hours(2, 3, "Europe/Berlin"))], [price(5)])
    assert channels(made, at_s=now_s) == ((NEAR,) if is_open else (FAR,))


def test_a_zone_that_is_not_known_is_never_open() -> None:
    made = table([route(1, FAR), route(2, NEAR, **hours(0, 23, "Mars/Olympus"))], [price(5)])
    assert channels(made, at_s=0.0) == (FAR,)


@given(
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"]),
    now_s=st.integers(1_700_000_000, 1_900_000_000),
)
def test_what_holds_now_holds_until_its_span_ends(start: int, end: int, zone: str, now_s: int) -> None:
    made = table([route(1, FAR), route(2, NEAR, start_minute=start, end_minute=end, zone=zone)], [price(5)])
    first_s, end_s = made.span(account(), case(at_s=now_s))
    assert first_s <= now_s < end_s <= now_s + 60
    seen = {channels(made, at_s=at_s) for at_s in (first_s, now_s, end_s - 1)}
    # The clock alone, read another way.
    local = datetime.fromtimestamp(now_s, UTC).astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    is_open = start <= minute < end if start < end else not end <= minute < start
    assert seen == {(NEAR,) if is_open else (FAR,)}


def test_only_rules_with_hours_end_a_span() -> None:
    forever = (float("-inf"), float("inf"))
    plain = table([route(1, NEAR), route(2, FAR, action=1, sender="ACME")], [price(5)])
    assert plain.span(account(), case(at_s=1e9)) == forever
    others = table([route(1, NEAR), route(2, FAR, account_id=8, **hours(1, 2))], [price(5)])
    assert others.span(account(), case(at_s=1e9)) == forever
    assert others.span(account(8), case(at_s=1e9 + 7)) == (999_999_960.0, 1_000_000_020.0)
    assert others.span(account(8), case(at_s=1e9, product=2)) == forever


def test_sends_that_no_rule_tells_apart_share_a_way() -> None:
    made = table([route(1, NEAR), route(2, FAR, sender="ACME")], [price(5)])
    ways = [
        made.way(account(), INDONESIA, case(sender, action=action, at_s=at_s))
        for sender, action, at_s in (("", 0, 1.0), ("OTHER", 2, 1e9), ("ACME", 1, 5.0))
    ]
    assert ways[0] is ways[1]
    assert ways[0] is not ways[2]


WEIGHTS = st.lists(st.integers(1, 1000), min_size=2, max_size=3)


@settings(max_examples=20)
@given(weights=WEIGHTS)
def test_equals_share_the_numbers_by_weight(weights: list[int]) -> None:
    routes = [route(n, n, weight=weight) for n, weight in enumerate(weights, 1)]
    made = table(routes, [price(5)])
    first = Counter(channels(made, phone)[0] for phone in NUMBERS)
    for n, weight in enumerate(weights, 1):
        wanted = weight / sum(weights)
        # Five standard deviations of a fair lot.
        slack = 5 * (wanted * (1 - wanted) / len(NUMBERS)) ** 0.5 + 1 / len(NUMBERS)
        assert abs(first[n] / len(NUMBERS) - wanted) <= slack, (weights, first)
    orders = {channels(made, phone) for phone in NUMBERS[:500]}
    assert {frozenset(order) for order in orders} == {frozenset(range(1, len(weights) + 1))}


@settings(max_examples=20)
@given(weights=st.lists(st.integers(1, 1000), min_size=3, max_size=3), gone=st.integers(1, 3))
def test_a_number_keeps_its_channel_when_another_goes(weights: list[int], gone: int) -> None:
    routes = [route(n, n, weight=weight) for n, weight in enumerate(weights, 1)]
    whole, paused = table(routes, [price(5)]), table(routes, [price(5)], {gone})
    less = table([each for each in routes if each.channel_id != gone], [price(5)])
    for phone in NUMBERS[:100]:
        before = channels(whole, phone)
        left = tuple(each for each in before if each != gone)
        assert channels(less, phone) == left
        assert channels(paused, phone) == (*left, gone)
        assert channels(table(routes, [price(5)]), phone) == before  # another process


def test_the_share_of_a_channel_grows_and_no_number_moves_between_the_others() -> None:
    light = table([route(n, n) for n in (NEAR, FAR, THIRD)], [price(5)])
    heavy = table([route(NEAR, NEAR, weight=300), route(FAR, FAR), route(THIRD, THIRD)], [price(5)])
    moved = [(channels(light, phone)[0], channels(heavy, phone)[0]) for phone in NUMBERS]
    assert {pair for pair in moved if pair[0] != pair[1]} == {(FAR, NEAR), (THIRD, NEAR)}


def test_preference_goes_before_weight() -> None:
    routes = [route(1, NEAR, weight=1), route(2, FAR, preference=1, weight=1000), route(3, THIRD, preference=1)]
    made = table(routes, [price(5)])
    assert {channels(made, phone) for phone in NUMBERS[:200]} == {(NEAR, FAR, THIRD), (NEAR, THIRD, FAR)}


def test_shares_are_of_a_prefix_too_and_each_has_the_price_of_its_own_first_channel() -> None:
    routes = [route(1, THIRD), route(2, NEAR, prefix="62812"), route(3, FAR, prefix="62812")]
    made = table(routes, [price(9), price(5, channel_id=NEAR), price(6, channel_id=FAR)])
    picks = {pick(made, phone, INDONESIA) for phone in NUMBERS[:200]}
    assert picks == {Pick((NEAR, FAR), 5), Pick((FAR, NEAR), 6)}
    assert pick(made, "6281312345678", INDONESIA) == Pick((THIRD,), 9)
    assert made.way(account(), INDONESIA, case()).constant is None  # type: ignore[union-attr]


def test_addresses_of_email_are_shared_whatever_their_capitals() -> None:
    made = email_table([route(1, NEAR), route(2, FAR)], [price(7)])
    way = made.way(account(), NOWHERE, case(product=EMAIL))
    assert way is not None
    picks = [way.pick(f"user{n}@example.com") for n in range(200)]
    assert picks == [way.pick(f"User{n}@EXAMPLE.com") for n in range(200)]
    assert {each and each.channels for each in picks} == {(NEAR, FAR), (FAR, NEAR)}


def plan(margin: int | None = None, *, by_cost: bool = False) -> Plan:
    return Plan(PLAN, "acme's", min_margin_percent=margin, by_cost=by_cost)


ORDERED = [route(1, NEAR), route(2, FAR, preference=1), route(3, THIRD, preference=2)]


def test_a_channel_that_leaves_too_little_is_not_used() -> None:
    costs = [cost(95, NEAR), cost(90, FAR)]
    assert pick(table(ORDERED, [price(100)], None, plan(10), costs), PHONE, INDONESIA) == Pick((FAR, THIRD), 100)
    assert pick(table(ORDERED, [price(100)], None, plan(11), costs), PHONE, INDONESIA) == Pick((THIRD,), 100)
    assert pick(table(ORDERED, [price(100)], None, plan(), costs), PHONE, INDONESIA) == Pick((NEAR, FAR, THIRD), 100)
    assert pick(table(ORDERED[:2], [price(100)], None, plan(50), costs), PHONE, INDONESIA) is None


def test_what_stands_behind_is_measured_by_the_price_that_is_charged() -> None:
    costs = [cost(40, NEAR), cost(90, FAR)]
    prices = [price(100, channel_id=FAR), price(50, channel_id=NEAR), price(50, channel_id=THIRD)]
    made = table(ORDERED, prices, None, plan(10), costs)
    assert pick(made, PHONE, INDONESIA) == Pick((NEAR, THIRD), 50)  # FAR would cost more than the 50 that were charged


def test_costs_are_of_the_longest_prefix_and_of_the_country() -> None:
    costs = [cost(10, NEAR), cost(99, NEAR, INDONESIA), cost(20, NEAR, prefix="62811"), cost(1, FAR, prefix="628119")]
    made = table(ORDERED, [price(100)], None, plan(50), costs)
    assert pick(made, "6281112345678", INDONESIA) == Pick((NEAR, FAR, THIRD), 100)
    assert pick(made, "6281312345678", INDONESIA) == Pick((FAR, THIRD), 100)


def test_a_pinned_channel_must_leave_its_margin_too() -> None:
    made = table([], [price(100)], None, plan(10), [cost(95, NEAR), cost(9, FAR)])
    assert pick(made, PHONE, INDONESIA, NEAR) is None
    assert pick(made, PHONE, INDONESIA, FAR) == Pick((FAR,), 100)


@given(price=st.integers(0, 10**9), cost=st.integers(0, 10**9), percent=st.integers(0, 99))
def test_a_margin_is_a_share_of_the_price(price: int, cost: int, percent: int) -> None:
    assert leaves_margin(price, cost, percent) == (cost * 100 <= price * (100 - percent))
    assert leaves_margin(price, None, percent)
    assert leaves_margin(price, cost, None)


def test_the_cheapest_goes_first_where_the_plan_says_so() -> None:
    routes = [route(1, NEAR, weight=1000), route(2, FAR), route(3, THIRD)]
    costs = [cost(30, NEAR), cost(20, FAR), cost(5, NEAR, prefix="62813")]
    made = table(routes, [price(100)], None, plan(by_cost=True), costs)
    assert {channels(made, phone) for phone in NUMBERS[:100]} == {(FAR, NEAR, THIRD)}  # what is not known comes last
    assert channels(made, "6281312345678") == (NEAR, FAR, THIRD)
    assert channels(table(routes, [price(100)], {FAR}, plan(by_cost=True), costs)) == (NEAR, THIRD, FAR)
    # Preference is the operator's word and goes first; equal costs share.
    preferred = table([route(1, NEAR, preference=-1), *routes[1:]], [price(100)], None, plan(by_cost=True), costs)
    assert channels(preferred)[0] == NEAR
    even = table(routes[:2], [price(100)], None, plan(by_cost=True), [cost(7, NEAR), cost(7, FAR)])
    assert {channels(even, phone)[0] for phone in NUMBERS[:300]} == {NEAR, FAR}


def test_the_explanation_names_what_becomes_of_each_rule() -> None:
    now_s = at("2026-01-05 12:00:00", "UTC")
    routes = [
        route(1, NEAR), route(2, SANDBOX), route(3, FAR, preference=1), route(4, THIRD, preference=2),
        route(5, THIRD, prefix="62899"), route(6, THIRD, action=MARKETING), route(7, THIRD, sender="OTHER"),
        route(8, THIRD, **hours(1, 2)), route(9, NEAR, preference=3, **hours(1, 2)), route(10, THIRD, account_id=99),
    ]  # fmt: skip
    prices = [price(100, channel_id=NEAR), price(10, channel_id=FAR), price(50, channel_id=THIRD)]
    made = table(routes, prices, {THIRD}, plan(20), [cost(90, NEAR), cost(1, FAR)])
    found = made.explain(account(), INDONESIA, case("ACME", at_s=now_s), PHONE)
    assert {each.route.id: each.why for each in found.verdicts} == {
        1: Why.UNDER_MARGIN, 2: Why.SANDBOX, 3: Why.CARRIES, 4: Why.CARRIES, 5: Why.PREFIX, 6: Why.ACTION, 7: Why.SENDER,
        8: Why.HOURS, 9: Why.HOURS,
    }  # fmt: skip
    assert [each.channel_id for each in found.offers] == [NEAR, FAR, THIRD]
    assert found.pick == pick(made, PHONE, INDONESIA, sender="ACME", at_s=now_s) == Pick((FAR, THIRD), 10)


def test_the_explanation_of_no_price_at_all() -> None:
    made = table([route(1, NEAR), route(2, FAR, preference=1)], [price(5, channel_id=FAR)])
    found = made.explain(account(), INDONESIA, case(), PHONE)
    assert [each.why for each in found.verdicts] == [Why.NO_PRICE, Why.CARRIES]
    assert made.explain(account(plan_id=4), INDONESIA, case(), PHONE).pick is None


RULES = st.lists(
    st.builds(
        lambda n, channel, prefix, action, sender, preference, weight, own: (
            route(
                n, channel, prefix=prefix, action=action, sender=sender, preference=preference, weight=weight,
                account_id=ACCOUNT if own else None,
            )
        ),
        st.integers(1, 99), st.integers(1, 4), st.sampled_from(["", "62", "6281", "62811", "62899"]),
        st.sampled_from([None, 0, 1]), st.sampled_from(["", "ACME"]), st.integers(0, 1), st.integers(1, 1000), st.booleans(),
    ),
    max_size=8,
)  # fmt: skip


@given(
    routes=RULES,
    sender=st.sampled_from(["", "ACME", "X"]),
    action=st.integers(0, 2),
    phone=st.sampled_from([PHONE, "6281312345678", "6289912345678"]),
    paused=st.sets(st.integers(1, 3)),
    margin=st.sampled_from([None, 50]),
    by_cost=st.booleans(),
)
def test_the_explanation_is_what_routing_does(
    routes: list[RouteRule], sender: str, action: int, phone: str, paused: set[int], margin: int | None, by_cost: bool
) -> None:
    costs = [cost(80, NEAR), cost(10, FAR, prefix="628"), cost(60, FAR)]
    prices = [price(100), price(40, channel_id=THIRD, prefix="6281")]
    made = table(routes, prices, paused, plan(margin, by_cost=by_cost), costs)
    found = made.explain(account(), INDONESIA, case(sender, action=action), phone)
    assert found.pick == pick(made, phone, INDONESIA, sender=sender, action=action)
    carrying = {each.route.channel_id for each in found.verdicts if each.why is Why.CARRIES}
    assert carrying == set(found.pick.channels if found.pick else ())
    assert len({measure(each.route) for each in found.verdicts if each.why is Why.CARRIES}) <= 1
    assert sorted(each.route.id for each in found.verdicts) == sorted(each.id for each in routes)


@given(names=st.sets(st.text(min_size=1, max_size=11), min_size=2, max_size=5))
def test_a_name_that_comes_takes_its_own_and_moves_nothing_else(names: set[str]) -> None:
    listed = sorted(names)
    for fewer, more in pairwise([listed[:-1], listed]):
        for phone in NUMBERS[:50]:
            before, after = choose_by_lot(phone, fewer), choose_by_lot(phone, more)
            assert after in {before, listed[-1]}


def test_names_share_the_addresses_evenly() -> None:
    found = Counter(choose_by_lot(phone, ["ACME", "ACME2", "acme-3"]) for phone in NUMBERS)
    assert all(abs(count - len(NUMBERS) / 3) < 5 * (len(NUMBERS) * 2 / 9) ** 0.5 for count in found.values())
