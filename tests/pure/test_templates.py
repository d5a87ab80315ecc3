"""Templates of SMS, MMS and voice, and the values for them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import Template, parse_template, read_params

texts = st.text(st.sampled_from("ab {}123,码😀$"), max_size=30)


@pytest.mark.parametrize(
    ("text", "pieces", "count"),
    [
        ("Your code is {1}.", ("Your code is ", 1, "."), 1),
        ("{1}，您的验证码是{2}", (1, "，您的验证码是", 2), 2),
        ("no variable", ("no variable",), 0),
        ("{2} of {1}, {2}", (2, " of ", 1, ", ", 2), 2),
        ("a{1}{2}", ("a", 1, 2), 2),
        ("costs ${1}", ("costs $", 1), 1),
        ("a { b {1", ("a { b {1",), 0),
        ("a } b {1}", ("a } b ", 1), 1),
        ("x" * 1021 + "{1}", ("x" * 1021, 1), 1),
        ("a" + "".join(f"{{{n}}}" for n in range(50, 0, -1)), ("a", *range(50, 0, -1)), 50),
    ],
)
def test_what_is_a_template(text: str, pieces: tuple[str | int, ...], count: int) -> None:
    assert parse_template(text) == Template(pieces, count)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs text of its own"),
        ("   ", "needs text of its own"),
        ("{1}", "needs text of its own"),
        ("{1} {2}\n", "needs text of its own"),
        ("a{0}", "{0} is none"),
        ("a{0}{1}", "{0} is none"),
        ("a{2}", "{1} is missing"),
        ("a{1}{3}", "{2} is missing"),
        ("a{51}", "{51} is too high"),
        ("a" + "".join(f"{{{n}}}" for n in range(1, 52)), "{51} is too high"),
        ("a{01}", "{01} is no variable"),
        ("a{99999}", "{99999} is no variable"),
        ("a{1 }", "{1 } is no variable"),
        ("a{-1}", "{-1} is no variable"),
        ("a{１}", "{１} is no variable"),
        ("a{name}", "{name} is no variable: write {1}, {2} and so on"),
        ("a{}", "{} is no variable"),
        ("a{{1}}", "{{1}} is no variable"),
        ("a{1}}", "{1}} is no variable"),
        ("x" * 1022 + "{1}", "at most 1024 characters"),
        ("😀" * 513, "at most 1024 characters"),
        ("a\0", "NUL character"),
        ("a\ud800", "lone surrogate"),
    ],
)
def test_what_is_none(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_template(text)


@given(text=texts)
def test_pieces_are_the_text(text: str) -> None:
    try:
        template = parse_template(text)
    except ValueError:
        return
    assert "".join(f"{{{piece}}}" if isinstance(piece, int) else piece for piece in template.pieces) == text
    assert {piece for piece in template.pieces if isinstance(piece, int)} == set(range(1, template.count + 1))
    assert "" not in template.pieces


def test_fill_is_one_pass() -> None:
    template = parse_template("{1} and {2}, {1}!")
    assert template.fill(["{2}", "{1}"]) == "{2} and {1}, {2}!"
    assert template.fill(["", "\\1 %s"]) == " and \\1 %s, !"
    assert parse_template("no variable").fill([]) == "no variable"


@given(values=st.lists(st.text(max_size=9), max_size=6))
def test_fill_puts_every_value_in_its_place(values: list[str]) -> None:
    text = "<" + "|".join(f"{{{n}}}" for n in range(1, len(values) + 1)) + ">"
    assert parse_template(text).fill(values) == f"<{'|'.join(values)}>"


@pytest.mark.parametrize("params", [[], ["a"], ["a", "b", "c"]])
def test_a_wrong_number_of_values(params: list[str]) -> None:
    with pytest.raises(ValueError, match=f"has 2 variables, templateParams has {len(params)} values"):
        parse_template("a{1}b{2}").fill(params)


def test_a_value_that_is_far_too_long_is_still_too_long_and_not_more() -> None:
    template = parse_template("a" + "{1}" * 300)
    assert len(template.fill(["x" * 1_000_000])) == 1 + 300 * 1025


@pytest.mark.parametrize("value", [None, "", "  ", "null", "[]", " [] ", [], ()])
def test_no_values(value: object) -> None:
    assert read_params(value) == []


@pytest.mark.parametrize(
    ("value", "params"),
    [
        (["1234", "5 min"], ["1234", "5 min"]),
        ('["1234", "5 min"]', ["1234", "5 min"]),
        (' ["\\u7801", ""] ', ["码", ""]),
        ([1234, 5.0, 2.5, -7, ""], ["1234", "5", "2.5", "-7", ""]),
        ("[1234, 5.0, 2.5, 12345678901234567890]", ["1234", "5", "2.5", "12345678901234567890"]),
    ],
)
def test_values(value: object, params: list[str]) -> None:
    assert read_params(value) == params


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("1234", "templateParams must be an array of strings"),
        ('"1234"', "templateParams must be an array of strings"),
        ({"1": "a"}, "templateParams must be an array of strings"),
        (True, "templateParams must be an array of strings"),
        ("1234,5", "templateParams cannot be read as JSON"),
        ("['a']", "templateParams cannot be read as JSON"),
        ('["\ud800"]', "templateParams cannot be read as JSON"),
        ("[" * 100_000, "templateParams is nested too deeply"),
        (["a", None], "templateParams[1] must be a string or a number"),
        ([True], "templateParams[0] must be a string or a number"),
        ([["a"]], "templateParams[0] must be a string or a number"),
        ('[{"a": 1}]', "templateParams[0] must be a string or a number"),
        (["a\0"], "templateParams[0] has a NUL character"),
        (["\udfff"], "templateParams[0] has a lone surrogate"),
        ([10**5000], "templateParams[0] has too many digits"),
    ],
)
def test_bad_values_are_named(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        read_params(value)


@given(text=st.text(st.sampled_from('[]{},:"\\u0a1.5e-nultrfs \ud800'), max_size=25))
def test_any_text_is_values_or_a_sentence(text: str) -> None:
    try:
        params = read_params(text)
    except ValueError as error:
        params = [str(error)]
        faults = ["must be an array", "cannot be read as JSON", "must be a string or a number", "too deeply", "NUL"]
        if not any(fault in str(error) for fault in faults):
            raise
    assert all(isinstance(each, str) for each in params)
