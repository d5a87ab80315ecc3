"""Decimal text and micro-units."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from tocsin.billing import MICROS, MoneyError, text_of, to_micros


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0),
        ("0.1", 100_000),
        ("10000", 10_000_000_000),
        ("0.000001", 1),
        ("1.50", 1_500_000),
        ("+2", 2_000_000),
        ("-0.25", -250_000),
        (" 7 ", 7_000_000),
        ("007.5", 7_500_000),
        ("999999999999.999999", 999_999_999_999_999_999),
    ],
)
def test_text_becomes_micros(text: str, micros: int) -> None:
    assert to_micros(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        ".",
        ".5",
        "5.",
        "1e3",
        "1,000",
        "0.0000001",
        "NaN",
        "Infinity",
        "0x10",
        "1_000",
        "１",
        "1 2",
        "--1",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(MoneyError, match="is no amount"):
        to_micros(text)


@pytest.mark.parametrize("text", ["1000000000000", "-1000000000000.000001"])
def test_what_no_wallet_holds_is_refused(text: str) -> None:
    with pytest.raises(MoneyError, match="too much"):
        to_micros(text)


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0"), (100_000, "0.1"), (1, "0.000001"), (-1, "-0.000001"), (10 * MICROS, "10"), (-2_500_000, "-2.5")],
)
def test_micros_become_text_without_trailing_zeros(micros: int, text: str) -> None:
    assert text_of(micros) == text


def test_both_ways_agree_with_decimal() -> None:
    rnd = random.Random(20261123)
    for _ in range(2000):
        micros = rnd.randint(-(10**17), 10**17)
        assert to_micros(text_of(micros)) == micros
        assert Decimal(text_of(micros)) == Decimal(micros) / MICROS
