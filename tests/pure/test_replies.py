"""Which replies opt out and in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.compliance import IN_WORDS, OUT_WORDS, OptIn, OptOut, read_reply

OUTS = [(word, language) for language, words in OUT_WORDS.items() for word in words]
INS = [(word, language) for language, words in IN_WORDS.items() for word in words]


@pytest.mark.parametrize("form", ["{}", " {}\n", "“{}”!", "{}.", "{}。"])
def test_every_word_of_the_table(form: str) -> None:
    for word, language in OUTS:
        assert read_reply(form.format(word)) == OptOut(language), word
        assert read_reply(form.format(word.lower())) == OptOut(language), word
    for word, language in INS:
        assert read_reply(form.format(word)) == OptIn(language), word


@pytest.mark.parametrize(
    "content",
    ["STOP", "Stop!", "stop", "ＳＴＯＰ", "S.T.O.P.", "opt-out", "OptOut", "Stop all", "t d", "退 订", "【退订】"],
)
def test_dresses(content: str) -> None:
    assert isinstance(read_reply(content), OptOut)


@pytest.mark.parametrize(
    "content",
    [
        "", " ", "...", "please stop", "stop it", "STOP START", "don't stop", "YES", "NO", "N", "Y", "退订了吗", "如何退订",
        "TDX", "1", "🙂", "stop" * 100,
    ],
)  # fmt: skip
def test_what_chooses_nothing(content: str) -> None:
    assert read_reply(content) is None


def test_the_page_that_teaches_them_has_the_same_tables() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "guard-your-sends.md"
    rows = [
        line.strip("| ").split(" | ")
        for line in page.read_text(encoding="utf-8").splitlines()
        if ", answered in" in line
    ]
    written = [(row[0], tuple(row[1].split(", "))) for row in rows]
    assert written == [
        ("out, answered in English", OUT_WORDS["en"]),
        ("out, answered in Chinese", OUT_WORDS["zh"]),
        ("in again, answered in English", IN_WORDS["en"]),
        ("in again, answered in Chinese", IN_WORDS["zh"]),
    ]


def test_no_word_is_in_both_tables() -> None:
    assert len({read_reply(word) for word, _ in OUTS} & {read_reply(word) for word, _ in INS}) == 0


@given(st.text(max_size=100))
def test_any_reply_can_be_read(content: str) -> None:
    assert read_reply(content) is None or len(content) <= 64
