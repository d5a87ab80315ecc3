"""The sieve: nothing that it holds is missed, and few others are suspects; caps: which hold for whom."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from tocsin.compliance.caps import CapBook
from tocsin.compliance.model import Cap, CapKind
from tocsin.compliance.sieve import Sieve
from tocsin.traffic import Priority

MANY = 100_000


@given(st.lists(st.text(max_size=5)), st.lists(st.text(max_size=5)))
def test_nothing_is_missed(held: list[str], others: list[str]) -> None:
    sieve = Sieve()
    sieve.add(held)
    assert set(sieve.find(held + others)) >= set(range(len(held)))
    assert sieve.find(held) == list(range(len(held)))
    assert sieve.count == len(held)


def test_few_others_are_suspects_and_it_is_small() -> None:
    sieve = Sieve(MANY)
    sieve.add(str(62_811_000_000 + i) for i in range(MANY))
    suspects = len(sieve.find([str(62_812_000_000 + i) for i in range(MANY)]))
    assert 0 < suspects < MANY / 25
    assert sys.getsizeof(sieve._bits) < 20 * MANY
    assert not sieve.is_full
    sieve.add(str(62_813_000_000 + i) for i in range(2 * MANY))
    assert sieve.is_full


def test_an_empty_sieve_suspects_nobody() -> None:
    assert Sieve().find(["1", "2"]) == []


def cap(cap_id: int, **fields: int | None) -> Cap:
    values: dict[str, int | None] = {
        "account_id": 0, "kind": CapKind.NUMBER, "action": None, "country_id": 0, "most": 5, "window_s": 60, "digits": 7,
    }  # fmt: skip
    return Cap(id=cap_id, **{**values, **fields})  # type: ignore[arg-type]


def find(book: CapBook, account_id: int, action: Priority) -> list[int]:
    return [each.id for each in book.find(account_id, action)]


def test_which_caps_hold() -> None:
    book = CapBook(
        [
            cap(1, kind=CapKind.COUNTRY),
            cap(2, action=Priority.VERIFY),
            cap(3, account_id=7, action=Priority.VERIFY),
            cap(4, account_id=8, kind=CapKind.COUNTRY, most=None),
            cap(5, kind=CapKind.SPEND, account_id=8),
            cap(6, account_id=9, country_id=3),
        ]
    )
    assert find(book, 1, Priority.VERIFY) == [2, 1]
    assert find(book, 1, Priority.MARKETING) == [1]
    assert find(book, 7, Priority.VERIFY) == [3, 1]
    assert find(book, 8, Priority.VERIFY) == [2, 5]
    assert find(book, 8, Priority.NOTIFICATION) == [5]
    assert find(book, 9, Priority.NOTIFICATION) == [6, 1]
    assert find(CapBook(), 1, Priority.VERIFY) == []


def test_a_country_without_a_cap_stays_where_another_cap_counts() -> None:
    free = cap(2, country_id=3, most=None)
    assert find(CapBook([cap(1), free]), 1, Priority.VERIFY) == [1, 2]
    assert find(CapBook([free]), 1, Priority.VERIFY) == []
