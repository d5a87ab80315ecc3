"""Routes and prices of a number, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tocsin.accounts import Account
from tocsin.billing import NO_PLAN, Plan, PriceBook, PriceRule
from tocsin.routing import NOWHERE, Case, Channel, Country, Pick, RouteRule, Table
from tocsin.routing.table import Rules, by_code, by_id, by_product

ACCOUNT, PLAN, SMS = 7, 3, 1
US, JAMAICA, INDONESIA = 10228, 10108, 10007
NEAR, FAR, THIRD = 1, 2, 3


def country(code_id: int, iso: str, calling_code: int) -> Country:
    return Country(
        code_id=code_id,
        iso=iso,
        calling_code=calling_code,
        name=iso,
        name_zh=iso,
        enabled=True,
        template_required=False,
    )


def channel(channel_id: int, *, paused: bool = False, kind: str = "smpp") -> Channel:
    return Channel(
        id=channel_id, name=f"c{channel_id}", kind=kind, paused=paused, rate=None, window=10,
        unknown_policy="leave", max_attempts=8, config={},
    )  # fmt: skip


def account(account_id: int = ACCOUNT, plan_id: int = PLAN) -> Account:
    return Account(
        id=account_id, name="acme", plan_id=plan_id, charge_failed=True, locked=False, language="en", currency="USD",
        allow=(), rate_per_s=None, max_parts=10, eight_fields=False, swap_uplink=False, keys=(), grants={},
    )  # fmt: skip


def route(
    route_id: int,
    channel_id: int,
    *,
    account_id: int | None = None,
    plan_id: int | None = None,
    country_id: int | None = None,
    prefix: str = "",
    preference: int = 0,
    **more: Any,
) -> RouteRule:
    return RouteRule(route_id, account_id, plan_id, SMS, country_id, prefix, channel_id, preference, **more)


def price(micros: int, country_id: int | None = None, prefix: str = "", channel_id: int | None = None) -> PriceRule:
    return PriceRule(PLAN, SMS, country_id, prefix, channel_id, micros)


def cost(micros: int, channel_id: int, country_id: int | None = None, prefix: str = "") -> PriceRule:
    return PriceRule(NO_PLAN, SMS, country_id, prefix, channel_id, micros)


def case(
    sender: str = "", *, action: int = 1, pinned: int | None = None, at_s: float = 0.0, product: int = SMS
) -> Case:
    return Case(product, action, sender, pinned, at_s)


def table(
    routes: list[RouteRule],
    prices: list[PriceRule],
    paused: set[int] | None = None,
    plan: Plan | None = None,
    costs: Sequence[PriceRule] = (),
) -> Table:
    made = Table()
    made.take(
        Rules(
            by_id(
                [
                    *(channel(each, paused=each in (paused or set())) for each in (NEAR, FAR, THIRD)),
                    channel(4, kind="sandbox"),
                ]
            ),
            by_code([country(US, "US", 1), country(JAMAICA, "JM", 1), country(INDONESIA, "ID", 62)]),
            by_product(routes),
            PriceBook(prices),
            {plan.id: plan} if plan else {},
            PriceBook(costs),
        )
    )
    return made


def pick(made: Table, phone: str, country_id: int, pinned: int | None = None, **asked: Any) -> Pick | None:
    way = made.way(account(), country_id, case(pinned=pinned, **asked))
    if way is None:
        return None
    found = way.pick(phone)
    if way.constant is not None:
        assert found is way.constant
    return found


ANY = [route(1, NEAR)]


def test_one_route_and_one_price_are_a_constant() -> None:
    made = table(ANY, [price(5)])
    way = made.way(account(), INDONESIA, case())
    assert way is not None
    assert way.constant == Pick((NEAR,), 5)
    assert way.pick("6281234567801") is way.constant


def test_a_way_is_remembered_until_the_rules_change() -> None:
    made = table(ANY, [price(5)])
    assert made.way(account(), INDONESIA, case()) is made.way(account(8), INDONESIA, case())


@pytest.mark.parametrize(
    ("prices", "why"),
    [
        ([price(1, prefix="62811"), price(9, INDONESIA, "", NEAR), price(9)], "prefix before channel"),
        (
            [price(1, prefix="6281", channel_id=NEAR), price(9, prefix="6281"), price(9, INDONESIA)],
            "channel, same prefix",
        ),
        (
            [price(1, prefix="62811"), price(9, prefix="6281", channel_id=NEAR)],
            "a longer prefix before a channel's own",
        ),
        ([price(1, None, "", NEAR), price(9, INDONESIA)], "channel before country"),
        ([price(1, INDONESIA, "", NEAR), price(9, None, "", NEAR)], "the channel's for the country"),
        ([price(1, INDONESIA), price(9), price(9, JAMAICA)], "country before all"),
        ([price(1), price(9, INDONESIA, "", FAR), price(9, prefix="62812")], "what fits, of what does not"),
        ([price(1, INDONESIA, "62811"), price(9, None, "62811")], "the country breaks a tie of prefixes"),
        ([price(1, prefix="6"), price(9)], "a prefix shorter than the calling code"),
    ],
)
def test_price(prices: list[PriceRule], why: str) -> None:
    assert pick(table(ANY, prices), "6281199999999", INDONESIA) == Pick((NEAR,), 1), why


def test_countries_of_one_calling_code_are_told_apart_by_the_number() -> None:
    prices = [price(10, US), price(20, JAMAICA), price(30, US, "1876555")]
    made = table(ANY, prices)
    assert pick(made, "12125550100", US) == Pick((NEAR,), 10)
    assert pick(made, "18765000000", JAMAICA) == Pick((NEAR,), 20)
    # The longest prefix comes before the number's region, whatever country its row names.
    assert pick(made, "18765550000", JAMAICA) == Pick((NEAR,), 30)


def test_no_route_or_no_price_leads_nowhere() -> None:
    assert pick(table([], [price(5)]), "6281", INDONESIA) is None
    assert pick(table(ANY, []), "6281", INDONESIA) is None
    assert pick(table(ANY, [price(5, US)]), "6281", INDONESIA) is None
    assert table(ANY, [price(5)]).way(account(plan_id=4), INDONESIA, case()) is None
    assert table(ANY, [price(5)]).way(account(), INDONESIA, case(product=2)) is None
    assert table(ANY, [price(5)]).way(account(), 99, case()) is None


def test_only_numbers_under_the_prefix_have_a_price() -> None:
    made = table(ANY, [price(5, prefix="62811")])
    assert pick(made, "6281100000000", INDONESIA) == Pick((NEAR,), 5)
    assert pick(made, "6281200000000", INDONESIA) is None


def test_free_is_a_price() -> None:
    assert pick(table(ANY, [price(0)]), "6281", INDONESIA) == Pick((NEAR,), 0)


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ([route(1, FAR), route(2, NEAR, plan_id=PLAN)], "plan before any"),
        ([route(1, FAR, plan_id=PLAN), route(2, NEAR, account_id=ACCOUNT)], "account before plan"),
        ([route(1, FAR, plan_id=PLAN, prefix="62811"), route(2, NEAR, account_id=ACCOUNT)], "account before prefix"),
        ([route(1, FAR, country_id=INDONESIA), route(2, NEAR, prefix="62")], "prefix before country"),
        ([route(1, FAR, prefix="6281"), route(2, NEAR, prefix="62811")], "the longest prefix"),
        ([route(1, FAR), route(2, NEAR, country_id=INDONESIA, preference=9)], "country before preference"),
        ([route(1, FAR, account_id=8), route(2, FAR, plan_id=4), route(3, NEAR)], "others' routes are not ours"),
        ([route(1, FAR, country_id=US), route(2, FAR, prefix="62812"), route(3, NEAR)], "routes to elsewhere"),
    ],
)
def test_the_most_specific_route_wins_alone(routes: list[RouteRule], why: str) -> None:
    assert pick(table(routes, [price(5)]), "6281199999999", INDONESIA) == Pick((NEAR,), 5), why


def test_equals_follow_preference_without_repeats() -> None:
    routes = [route(1, FAR, preference=3), route(2, THIRD, preference=1), route(3, NEAR, preference=2)]
    routes.append(route(4, THIRD, preference=4))
    assert pick(table(routes, [price(5)]), "6281", INDONESIA) == Pick((THIRD, NEAR, FAR), 5)


def test_the_price_is_of_the_channel_that_is_tried_first() -> None:
    routes = [route(1, FAR, preference=1), route(2, NEAR)]
    assert pick(table(routes, [price(5, None, "", FAR), price(6)]), "6281", INDONESIA) == Pick((NEAR, FAR), 6)
    assert pick(table(routes, [price(5, None, "", FAR)]), "6281", INDONESIA) == Pick((FAR,), 5)


def test_new_messages_go_round_a_paused_channel() -> None:
    routes = [route(1, NEAR), route(2, FAR, preference=1)]
    assert pick(table(routes, [price(5)], {NEAR}), "6281", INDONESIA) == Pick((FAR, NEAR), 5)
    assert pick(table(routes, [price(5)], {NEAR, FAR}), "6281", INDONESIA) == Pick((NEAR, FAR), 5)


def test_a_pinned_channel_needs_a_price_but_no_route() -> None:
    made = table(ANY, [price(5, INDONESIA), price(4, None, "", THIRD)])
    assert pick(made, "6281", INDONESIA, FAR) == Pick((FAR,), 5)
    assert pick(made, "6281", INDONESIA, THIRD) == Pick((THIRD,), 4)
    assert pick(made, "1212", US, FAR) is None
    assert pick(made, "6281", INDONESIA, 99) is None


def test_a_sandbox_never_stands_in_for_a_real_carrier() -> None:
    sandbox = 4
    routes = [route(1, sandbox), route(2, NEAR, preference=1), route(3, FAR, preference=2)]
    assert pick(table(routes, [price(5)]), "6281", INDONESIA) == Pick((NEAR, FAR), 5)
    assert pick(table(routes, [price(5)], {NEAR, FAR}), "6281", INDONESIA) == Pick((NEAR, FAR), 5)
    assert pick(table(routes[:1], [price(5)]), "6281", INDONESIA) == Pick((sandbox,), 5)


def test_a_route_to_a_channel_that_is_not_known_yet_is_passed_over() -> None:
    assert pick(table([route(1, 99), route(2, NEAR)], [price(5)]), "6281", INDONESIA) == Pick((NEAR,), 5)


EMAIL = 5


def email_table(routes: list[RouteRule], prices: list[PriceRule]) -> Table:
    made = table([], [])
    of_email = [each._replace(product=EMAIL) for each in routes], [each._replace(product=EMAIL) for each in prices]
    made.take(made._rules._replace(routes=by_product(of_email[0]), prices=PriceBook(of_email[1])))
    return made


def test_addresses_of_email_meet_only_rules_of_every_country() -> None:
    made = email_table(
        [route(1, NEAR, country_id=US), route(2, FAR, prefix="1"), route(3, THIRD)],
        [price(9, country_id=US), price(8, prefix="1"), price(7)],
    )
    way = made.way(account(), NOWHERE, case(product=EMAIL))
    assert way is not None
    assert way.constant == Pick((THIRD,), 7)
    assert way.pick("123@qq.com") == Pick((THIRD,), 7)


@pytest.mark.parametrize(
    ("routes", "prices"),
    [([route(1, NEAR, country_id=US)], [price(7)]), ([route(1, NEAR)], [price(7, prefix="1")]), ([route(1, NEAR)], [])],
)
def test_email_without_such_a_route_or_price_goes_nowhere(routes: list[RouteRule], prices: list[PriceRule]) -> None:
    assert email_table(routes, prices).way(account(), NOWHERE, case(product=EMAIL)) is None


def test_a_country_that_is_not_known_is_no_country_of_email() -> None:
    assert email_table([route(1, NEAR)], [price(7)]).way(account(), 4711, case(product=EMAIL)) is None
