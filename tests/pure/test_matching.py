"""Which of many templates a content fits, against a plain search written apart from the shipped one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.content import Template, TemplateSet, parse_template


def fits_plainly(content: str, template: Template, value_chars: int) -> bool:
    """Tries every length of every variable."""
    marked = "".join(piece if isinstance(piece, str) else "\0" for piece in template.pieces)
    wanted = re.sub(r"\s+", " ", marked).strip()
    text = re.sub(r"\s+", " ", content).strip()

    @cache
    def rest_fits(at: int, start: int) -> bool:
        if at == len(wanted):
            return start == len(text)
        if wanted[at] != "\0":
            return text[start : start + 1] == wanted[at] and rest_fits(at + 1, start + 1)
        ends = range(start + 1, min(start + value_chars, len(text)) + 1)
        return any(rest_fits(at + 1, end) for end in ends)

    return rest_fits(0, 0)


def find_plainly(content: str, templates: Iterable[tuple[int, Template]], value_chars: int) -> int | None:
    return next((number for number, each in templates if fits_plainly(content, each, value_chars)), None)


def build(*texts: str) -> list[tuple[int, Template]]:
    """Ids from 101 on, in order."""
    return [(101 + place, parse_template(text)) for place, text in enumerate(texts)]


pieces = st.one_of(
    st.just(0), st.text(st.sampled_from("ab "), min_size=1, max_size=4), st.sampled_from(["码", "😀", "\n", "aab"])
)


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """Of few letters, so that literals recur in values and in each other; variables side by side too."""
    drawn = draw(
        st.lists(pieces, min_size=1, max_size=7).filter(
            lambda each: any(isinstance(p, str) and p.strip() for p in each)
        )
    )
    text, number = "", 0
    for piece in drawn:
        if isinstance(piece, str):
            text += piece
        else:
            number += 1
            text += f"{{{number}}}"
    return parse_template(text)


contents = st.text(st.sampled_from("ab 码😀\n"), max_size=24)


@settings(max_examples=150)
@given(template=templates(), content=contents, value_chars=st.integers(1, 5))
@example(
    template=parse_template("a{1}b{2}c"), content="aXbbYYc", value_chars=2
)  # the first b leaves too much behind it
@example(template=parse_template("a{1}{2}{3}b{4}c"), content="aXXXbXXbc", value_chars=2)  # and the second one nothing
def test_one_template_against_the_plain_search(template: Template, content: str, value_chars: int) -> None:
    expected = 7 if fits_plainly(content, template, value_chars) else None
    assert TemplateSet([(7, template)], value_chars).find(content) == expected


@settings(max_examples=150)
@given(template=templates(), value_chars=st.integers(1, 5), data=st.data())
def test_nearly_or_wholly_filled_against_the_plain_search(
    template: Template, value_chars: int, data: st.DataObject
) -> None:
    values = st.text(st.sampled_from("ab 码"), min_size=0, max_size=value_chars + 1)
    content = template.fill([data.draw(values) for _ in range(template.count)])
    if content and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(content) - 1))
        content = content[:place] + data.draw(st.sampled_from(["", "a", "b", "  "])) + content[place + 1 :]
    expected = 7 if fits_plainly(content, template, value_chars) else None
    assert TemplateSet([(7, template)], value_chars).find(content) == expected


@settings(max_examples=300)
@given(
    literals=st.lists(st.text(st.sampled_from("ab"), min_size=1, max_size=2), min_size=2, max_size=5),
    value_chars=st.integers(1, 3),
    data=st.data(),
)
@example(literals=["a", "bb", "c"], value_chars=2, data=None).via("the second bb begins within the first")
def test_literals_that_recur_in_values(literals: list[str], value_chars: int, data: st.DataObject | None) -> None:
    template = parse_template(join_literals(literals))
    values = st.text(st.sampled_from("ab"), max_size=value_chars + 1)
    content = template.fill([data.draw(values) for _ in literals[1:]]) if data else "aXbbbYYc"
    expected = 7 if fits_plainly(content, template, value_chars) else None
    assert TemplateSet([(7, template)], value_chars).find(content) == expected


def join_literals(literals: list[str]) -> str:
    """With a variable between each two."""
    return literals[0] + "".join(f"{{{number}}}{literal}" for number, literal in enumerate(literals[1:], 1))


def make_text(random: Random) -> str:
    """A template of few letters, in a shape of its own."""
    text, count = random.choice(["", "a", "ab ", "码"]), random.randint(0, 3)
    for number in range(1, count + 1):
        text += f"{{{number}}}" + "".join(random.choices("ab 码😀", k=random.randint(0, 6)))
    return text + "b"


@settings(max_examples=40)
@given(random=st.randoms(use_true_random=True), value_chars=st.integers(1, 5))
def test_many_templates_against_the_plain_search(random: Random, value_chars: int) -> None:
    numbered = [(number, parse_template(make_text(random))) for number in range(random.randint(33, 120))]
    ready = TemplateSet(numbered, value_chars)
    for _, chosen in random.sample(numbered, 3):
        values = ["".join(random.choices("ab码", k=random.randint(1, value_chars))) for _ in range(chosen.count)]
        content = chosen.fill(values)
        for each in (content, content[:-1], "b" + content[1:]):
            assert ready.find(each) == find_plainly(each, numbered, value_chars)


LETTERS = "abcdefghij"
SETS = {
    "one prefix": [f"[Shop] Your order {{1}} is {a}{b} now, {c} {{2}}" for a in LETTERS for b in LETTERS for c in "xyz"],
    "variable first": [f"{{1}} {a}{b} at {{2}} {c}" for a in LETTERS for b in LETTERS for c in "xyz"],
    "short literals": [f"{{1}}{a}{{2}}{b}{{3}}{c}" for a in LETTERS for b in LETTERS for c in "xyz"],
    "numbers at the end": [f"Hello {{1}}, your code from shop {{2}} #{n}" for n in range(300)],
    "Chinese": [f"【品牌】尊敬的{{1}}，{a}{b}是{{2}}。{c}退订" for a in "验证码订单号快" for b in "余额积分" for c in "请勿告"],
    "plain": [f"Plain {n}" if n % 2 else f"Plain {n} {{1}}" for n in range(300)],
    "nested": ["a" * n + "{1}" + "b" * (50 - n) for n in range(50)],
}  # fmt: skip


@pytest.mark.parametrize("texts", SETS.values(), ids=SETS)
def test_each_of_some_hundred_is_found_and_what_nearly_fits_is_not(texts: list[str]) -> None:
    numbered = build(*texts)
    ready = TemplateSet(numbered)
    for number, template in numbered[::40]:
        content = template.fill(["Q7" for _ in range(template.count)])
        assert ready.find(content) == number
        for near in (content[:-1] + "~", "~" + content[1:], content[: len(content) // 2], content + "!~"):
            assert ready.find(near) == find_plainly(near, numbered, 500)


@pytest.mark.parametrize(
    ("template", "content", "fits"),
    [
        ("Your code is {1}.", "Your code is 1234.", True),
        ("Your code is {1}.", "your code is 1234.", False),
        ("Your code is {1}.", "Your code is .", False),
        ("Your code is {1}.", "  Your  code\r\nis 1234. ", True),
        ("Your code is {1}.", "Your code is\u3000 1234.", True),
        ("Your\ncode is {1}.", "Your code is 1234.", True),
        ("Your code is {1}.", "Your code is   .", False),
        ("Your code is {1}", "Your code is {1}", True),
        ("a {1} b", "a b", False),
        ("a{1}a", "aa", False),
        ("a{1}b{2}c", "abXXc", False),
        ("a{1}b{2}c", "aXXbc", False),
        ("a{1}a", "aaa", True),
        ("a{1}{2}", "ab", False),
        ("a{1}{2}", "abc", True),
        ("a{1}b{1}", "a1b2", True),
        ("plain", "plain", True),
        ("plain", " plain\n", True),
        ("plain", "plain.", False),
        ("plain", "", False),
        ("尊敬的{1}，您好", "尊敬的王先生，您好", True),
        ("a{1}", "a" + "x" * 500, True),
        ("a{1}", "a" + "x" * 501, False),
        ("a{1}{2}", "a" + "x" * 1000, True),
        ("a{1}{2}", "a" + "x" * 1001, False),
        ("a{1}b{2}", "a" + "b" * 900, True),
        ("a{1}b{2}b", "a" + "x" * 501 + "b" * 300, False),
        ("a{1}😀", "a\U0001f600😀", True),
    ],
)
def test_what_fits(template: str, content: str, fits: bool) -> None:
    assert TemplateSet(build(template)).find(content) == (101 if fits else None)


def test_the_first_that_fits_counts() -> None:
    assert TemplateSet(build("a{1}", "a{1}c", "abc")).find("abc") == 101
    assert TemplateSet(build("abc", "a{1}")).find("abc") == 101
    assert TemplateSet(build("a{1}c", "a{1}")).find("abd") == 102
    assert TemplateSet(build("a {1}", "a  {1}")).find("a b") == 101


def test_an_empty_set_fits_nothing() -> None:
    assert TemplateSet([]).find("") is None
    assert TemplateSet([]).find("a") is None


def test_a_lone_surrogate_is_a_character_like_others() -> None:
    ready = TemplateSet(build("a{1}b", *(f"{letter}{{1}}{n}" for letter in LETTERS for n in range(10))))
    assert ready.find("a\ud800b") == 101
    assert ready.find("\udfffb") is None


def test_contents_made_to_run_away_end() -> None:
    many = parse_template("a" + "".join(f"{{{n}}}a" for n in range(1, 51)))
    ready = TemplateSet([(number, many) for number in range(50)])
    assert ready.find("a" * 1023 + "b") is None
    assert ready.find("a" * 1024) == 0
    assert ready.find("ab" * 10_000_000) is None
    assert ready.find("a" + "b" * 501 + "a" * 500) is None
