"""What is suggested for a name that does not exist."""

from __future__ import annotations

import pytest

from tocsin.kit.suggest import UnknownNameError, suggest

VERBS = ["account", "channel", "country", "ledger", "webhook"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("acount", "did you mean account?"),
        ("CHANEL", "did you mean channel?"),
        ("cou", "did you mean country?"),
        ("fly", ""),
        ("", ""),
        ("c", ""),
        ("x" * 100_000, ""),
    ],
)
def test_a_close_name_is_suggested_and_no_other(word: str, said: str) -> None:
    assert suggest(word, VERBS) == said


def test_three_at_most_are_named() -> None:
    assert suggest("shop1", [f"shop{n}" for n in range(2, 9)]).count("shop") == 3


def test_what_people_write_leads_to_the_name() -> None:
    assert suggest("indonesa", {"ID": "ID", "Indonesia": "ID"}) == "did you mean ID?"


def test_an_unknown_name_says_what_helps() -> None:
    assert str(UnknownNameError("route", "7", "see the list")) == "there is no route 7: see the list"
    assert str(UnknownNameError("plan", "x")) == "there is no plan x"


def test_the_same_beginning_counts_more_than_the_same_end() -> None:
    assert suggest("VERIFICATION", ["MARKETING", "VERIFY", "NOTIFICATION"]) == "did you mean VERIFY?"
