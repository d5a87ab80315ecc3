"""The price list: what is shown is what an accept charges, found by name, code and number."""

from __future__ import annotations

import csv
import io

import psycopg
import pytest

from tests.doors.console import log_in, read
from tocsin import billing
from tocsin.billing import Offer, PriceRule, Span
from tocsin.kit.clock import now_ms

ID, US, CA = 10007, 10225, 10036


def give_plan(dsn: str, account_id: int, *rules: tuple[int, int | None, str, int | None, int]) -> None:
    """A plan of its own with these prices (product, country, prefix, channel, micros)."""
    with psycopg.connect(dsn) as conn:
        plan = billing.add_plan(conn, f"p{account_id}-{now_ms()}", charge_failed=False)
        billing.import_prices(conn, [PriceRule(plan, *rule) for rule in rules])
        conn.execute("UPDATE account SET plan_id = %s WHERE id = %s", (plan, account_id))


def test_an_offer_is_what_an_accept_charges() -> None:
    rules = [
        PriceRule(1, 1, None, "", None, 100), PriceRule(1, 1, ID, "", None, 90), PriceRule(1, 1, ID, "62811", None, 80),
        PriceRule(1, 1, None, "62812", 7, 70), PriceRule(1, 1, None, "1", None, 60), PriceRule(2, 1, ID, "", None, 1),
    ]  # fmt: skip
    offer = Offer(1, rules)
    assert offer.find(1, "62", ID) == Span(90, 90)
    assert offer.find(1, "86", 10001) == Span(100, 100)
    assert offer.find(1, "62811", ID) == Span(80, 80)
    assert offer.find(1, "62812", ID) == Span(70, 90), "over channel 7, and over others"
    assert offer.find(1, "1", US) == Span(60, 60), "a prefix goes before a country"
    assert offer.find(2, "62", ID) is None
    assert offer.list_prefixes(ID, "62") == ["62811", "62812"]
    assert offer.list_prefixes(ID, "62", "628115") == ["62811"]
    assert offer.list_prefixes(US, "1") == []


@pytest.mark.parametrize(
    "asked", ["indonesia", "印度尼西亚", "印度尼西", "ID", "id", "+62", "62", "006281234567890", "10007"]
)
def test_a_country_is_found(project: str, asked: str) -> None:
    client, me = log_in("viewer")
    give_plan(
        project, me.account_id, (1, None, "", None, 100_000), (1, ID, "", None, 21_500), (1, ID, "62811", None, 33_000)
    )
    text = read(client.get("/prices/", {"q": asked}))
    table = text.split('id="prices"')[1]
    assert "Indonesia" in table
    assert "0.0215" in table
    assert "United States" not in table
    assert ("0.033" in table) == (asked != "006281234567890")
    assert table.count("–") >= 3, "of the other products there is no price"
    assert "given back too" in text


def test_what_is_not_found_is_said(project: str) -> None:
    text = read(log_in()[0].get("/prices/", {"q": "Atlantis<"}))
    assert "No country fits" in text
    assert 'value="Atlantis&lt;"' in text


def test_the_list_goes_by_pages_and_each_country_comes_once(project: str) -> None:
    import re

    client, _ = log_in()
    seen: list[str] = []
    query = ""
    for _ in range(9):
        text = read(client.get(f"/prices/{query}"))
        seen += re.findall(r"([A-Z]{2}) \+[0-9]+</span>", text)
        found = re.search(r'href="(\?q=&amp;after=[A-Z]{2})"', text)
        if found is None:
            break
        query = found[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) > 200


def test_the_file_has_all_and_is_of_this_account(project: str) -> None:
    client, me = log_in()
    give_plan(
        project, me.account_id, (1, ID, "", None, 21_500), (1, ID, "62811", None, 33_000), (5, None, "", None, 1_000)
    )
    rows = list(csv.reader(io.StringIO(read(client.get("/prices/prices.csv"))[1:])))
    assert [row[1:] for row in rows[1:]] == [
        ["", "", "", "Email", "per mail", "0.001", "0.001", "USD"],
        ["ID", "62", "", "SMS", "per part", "0.0215", "0.0215", "USD"],
        ["ID", "62", "62811", "SMS", "per part", "0.033", "0.033", "USD"],
    ]
    give_plan(project, me.account_id, (1, ID, "", None, 50_000))
    assert "0.0215" not in read(client.get("/prices/")), "prices that changed are seen at once"
    assert "0.0215" not in read(log_in()[0].get("/prices/prices.csv"))
