"""An email's texts, filled for each recipient as they were measured."""

from __future__ import annotations

import pytest

from tocsin.messaging.letters import Letter, read_values, word_values

GIVEN = {"name": "friend", "day": "Mon & Tue"}


def test_the_recipients_value_wins_and_the_rest_is_everybodys() -> None:
    letter = Letter("Hi {name}", "Hi ${name}, {{day}} {other}", GIVEN)
    assert letter.fill({}) == ("Hi friend", "Hi friend, Mon & Tue {other}")
    assert letter.fill({"name": "Tom"}) == ("Hi Tom", "Hi Tom, Mon & Tue {other}")
    assert letter.fill({}) == ("Hi friend", "Hi friend, Mon & Tue {other}")


def test_html_is_escaped_in_content_alone_and_a_subject_stays_one_line() -> None:
    letter = Letter("{a}", "<p>{a}</p>", {})
    assert letter.fill({"a": "<b>\r\nBcc: x"}) == ("<b> Bcc: x", "<p>&lt;b&gt;\r\nBcc: x</p>")


@pytest.mark.parametrize("names", [None, {"name", "a"}])
@pytest.mark.parametrize("own", [{}, {"a": "<>&\"'\n" * 9, "name": "x"}])
def test_what_is_measured_is_what_is_filled(names: set[str] | None, own: dict[str, str]) -> None:
    letter = Letter("{name} {a}", "<b>{a}{a} {name}</b> {color: red}", GIVEN, names)
    filled = letter.fill(own)
    assert letter.measure(own) == (len(filled.subject), len(filled.content))


def test_values_are_stored_and_read() -> None:
    assert (word_values({}), read_values("")) == ("", {})
    assert read_values(word_values(GIVEN)) == GIVEN
