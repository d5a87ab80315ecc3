"""Placeholders of emails: what is filled, what stays, what is HTML, how values are read."""

from __future__ import annotations

import re
from collections import ChainMap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import compile_text, fill_text, is_html, names_in, read_placeholders

VALUES = {
    "name": "Tom",
    "city": "Köln & Bonn",
    "first name": "Tim",
    "姓名": "王",
    "1": "one",
    "a": "{name}",
    "empty": "",
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("nothing here", "nothing here"),
        ("{name} ${name} {{name}}", "Tom Tom Tom"),
        ("{姓名}{1}{first name}[{empty}]", "王oneTim[]"),
        ("{a}{name}", "{name}Tom"),  # one pass
        ("{other} ${other} {{other}} {Name}", "{other} ${other} {{other}} {Name}"),
        ("{ name } {name", "{ name } {name"),
        ("{{name} {name}} ${{name}} {{{name}}} $${name}", "{Tom Tom} $Tom {Tom} $Tom"),
        ("${city}", "Köln & Bonn"),
        ("p {color:red} .x{name}", "p {color:red} .xTom"),
        ("{}{{}}${}", "{}{{}}${}"),
        ("\\1 \\g<0> %s {name}", "\\1 \\g<0> %s Tom"),
        ("{" + "n" * 65 + "}", "{" + "n" * 65 + "}"),
    ],
)
def test_fill(text: str, filled: str) -> None:
    assert fill_text(text, VALUES) == filled
    assert compile_text(text).fill(VALUES) == filled
    assert compile_text(text, VALUES).measure(VALUES) == len(filled)


def test_the_recipients_value_wins() -> None:
    merged = ChainMap({"name": "Tom"}, {"name": "all", "city": "Rome"})
    assert fill_text("{name}, {city}", merged) == "Tom, Rome"


def test_values_are_escaped_in_html_and_flattened_in_a_subject() -> None:
    values = {"x": '<b>"Tom\'s" & co</b>', "y": "a\r\nBcc: b@example.com\u2028c"}
    escaped = "&lt;b&gt;&quot;Tom&#x27;s&quot; &amp; co&lt;/b&gt;"
    assert fill_text("<p>{x}</p>", values, escape_html=True) == f"<p>{escaped}</p>"
    assert fill_text("{x} & {y}", values) == f"{values['x']} & {values['y']}"
    assert fill_text("{x}: {y}", values, one_line=True) == f"{values['x']}: a Bcc: b@example.com c"
    assert fill_text("{x}: {y}", values, one_line=True, escape_html=True) == f"{escaped}: a Bcc: b@example.com c"


def test_only_the_names_that_may_be_given_are_cut_out() -> None:
    text = compile_text("{a}{b}", {"a"})
    assert text.fill({"a": "1", "b": "2"}) == "1{b}"
    assert text.fill({}) == "{a}{b}"


def test_a_filling_that_would_be_huge_is_measured_without_being_built() -> None:
    text = compile_text("{a}" * 100_000, escape_html=True)
    assert text.measure({"a": "&" * 1_000_000}) == 100_000 * 5_000_000


names = st.sampled_from(["a", "b", "long_name"])


@given(
    parts=st.lists(st.one_of(st.text("xyz<&. \n", max_size=5), names.map(lambda n: (n,))), max_size=10),
    values=st.dictionaries(names, st.text(st.sampled_from("{}$ab<&\n"), max_size=8)),
    forms=st.lists(st.sampled_from(["{%s}", "${%s}", "{{%s}}"]), min_size=10, max_size=10),
)
def test_any_mixture(parts: list[str | tuple[str]], values: dict[str, str], forms: list[str]) -> None:
    text = filled = ""
    for part, form in zip(parts, forms, strict=False):
        raw = part if isinstance(part, str) else form % part
        text += raw
        filled += raw if isinstance(part, str) else values.get(part[0], raw)
    assert fill_text(text, values) == filled
    assert compile_text(text).measure(values) == len(filled)
    assert names_in(text) == {part[0] for part, _ in zip(parts, forms, strict=False) if isinstance(part, tuple)}


@given(text=st.text(st.sampled_from("{}$a b"), max_size=30), value=st.text(max_size=5))
def test_without_values_nothing_changes_and_measure_agrees(text: str, value: str) -> None:
    assert fill_text(text, {}) == text
    values = {"a": value, "a b": value}
    for escape_html in (False, True):
        compiled = compile_text(text, values, escape_html=escape_html)
        assert compiled.measure(values) == len(compiled.fill(values))


def test_names() -> None:
    text = "{name} ${order.no} {{x-1}} {姓名} {1} p{color:red} { a } {a b} {-x} {} {{{deep}}} {a\nb}"
    assert names_in(text) == {"name", "order.no", "x-1", "姓名", "1", "deep"}


@pytest.mark.parametrize(
    "content",
    ["<p>hi</p>", "a<br>b", "<BR/>", "<!DOCTYPE html>\n", '<a href="x">y', "a </div>", "<table\nwidth=1>", "<h1>", "<img src=x />"],
)  # fmt: skip
def test_html(content: str) -> None:
    assert is_html(content)


@pytest.mark.parametrize(
    "content",
    [
        "", "hi", "a < b and c > d", "1<2", "Tom <tom@example.com>", "see <https://example.com/a>", "<name>", "x <y and y> z", "<p",
        "p>", "< p>", "<pp>", "<3", "&lt;p&gt;", "<!-- note -->", "{<}>", "<a\0>",
    ],
)  # fmt: skip
def test_no_html(content: str) -> None:
    assert not is_html(content)


@pytest.mark.parametrize("value", [None, "", " \n", "null", "{}", {}])
def test_no_placeholders(value: object) -> None:
    assert read_placeholders(value) == {}


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ('{"name":"lris"}', {"name": "lris"}),
        (
            {"name": "lris", "n": 3, "price": 2.5, "whole": 4.0},
            {"name": "lris", "n": "3", "price": "2.5", "whole": "4"},
        ),
        ('{"姓名": "王", "a b": ""}', {"姓名": "王", "a b": ""}),
    ],
)
def test_placeholders(value: object, values: dict[str, str]) -> None:
    assert read_placeholders(value) == values


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("name", "placeholders cannot be read as JSON"),
        ("{'name': 'x'}", "placeholders cannot be read as JSON"),
        ("[1]", "placeholders must be an object of names and values"),
        (["name"], "placeholders must be an object of names and values"),
        (7, "placeholders must be an object of names and values"),
        ('{"a":' * 100_000, "placeholders is nested too deeply"),
        ({"name": None}, "placeholders.name must be a string or a number"),
        ({"name": True}, "placeholders.name must be a string or a number"),
        ({"name": {"x": 1}}, "placeholders.name must be a string or a number"),
        ({"name": "\0"}, "placeholders.name has a NUL character"),
        ({"name": "\ud800"}, "placeholders.name has a lone surrogate"),
        ({"": "x"}, "placeholders: a name has 1 to 64 characters, and no braces"),
        ({"n" * 65: "x"}, "placeholders: a name has 1 to 64 characters, and no braces"),
        ({"{n}": "x"}, "placeholders: a name has 1 to 64 characters, and no braces"),
    ],
)
def test_bad_placeholders_are_named(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        read_placeholders(value)


def test_the_field_of_a_recipient_is_named() -> None:
    with pytest.raises(ValueError, match=r"^emails\[2\]\.placeholders\.name must be"):
        read_placeholders({"name": []}, "emails[2].placeholders")


@pytest.mark.parametrize("piece", ["<a ", "<", "</a ", "<a", "{", "{{a", "${", "{" + "a" * 65, "{a}"])
def test_texts_made_to_run_away_end(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert not is_html(text)
    assert fill_text(text, {"b": "x"}) == text
