"""Sensitive words: found in every dress, and by the same rule as a search that looks at one letter after the other."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.compliance import WordList, normalise


def make(*words: str) -> WordList:
    return WordList((word, normalise(word).letters) for word in words)


@pytest.mark.parametrize(
    "text",
    [
        "casino", "CASINO", "a casino!", "ｃａｓｉｎｏ", "C.A.S.I.N.O", "c a s i n o", "cas-ino", "ca\u200bsino", "ca\nsino",
        "c\u0336a\u0336s\u0336i\u0336no", "onlinecasino88", "casinos", "𝓬𝓪𝓼𝓲𝓷𝓸", "see: c_a_s_i_n_o", "ca\u00adsino", "ⓒⓐⓢⓘⓝⓞ",
    ],
)  # fmt: skip
def test_a_word_in_every_dress(text: str) -> None:
    assert make("Casino").find(text) == "Casino"


@pytest.mark.parametrize("text", ["赌博", "澳门赌博网", "赌 博", "赌*博", "我赌 博彩", "賭博 赌，博"])
def test_a_chinese_word(text: str) -> None:
    assert make("赌博").find(text) == "赌博"


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("shit", "this hit"), ("shit", "push it"), ("ass", "it was so"), ("ass", "gas stop"), ("赌博", "赌"), ("赌博", "博赌"),
        ("casino", "c4sino"), ("casino", ""), ("casino", "..."), ("free money", "carefree money"), ("कि", "का"),
    ],
)  # fmt: skip
def test_what_is_no_hit(word: str, text: str) -> None:
    assert make(word).find(text) is None


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("free money", "get FREE-MONEY now"), ("free money", "freemoney"), ("straße", "STRASSE"), ("café", "CAFÉ"),
        ("कि", "कि"), ("v i p", "VIP"), ("91", "call 9-1 now"), ("ab博", "x ab 博彩"),
    ],
)  # fmt: skip
def test_what_is_a_hit(word: str, text: str) -> None:
    assert make(word).find(text) == word


def test_an_empty_list_finds_nothing_and_the_first_that_ends_is_named() -> None:
    assert make().find("anything") is None
    assert make("abc", "b", "xbc").find("abc") == "b"


# --- against a naive search

_LETTERS = "aAbｂ赌博é1"
_TEXTS = st.text(alphabet=_LETTERS + " .-\u200b_", max_size=24)
_WORDS = st.lists(st.text(alphabet=_LETTERS + " ", min_size=1, max_size=4), max_size=6)


def fold(text: str) -> list[tuple[str, bool]]:
    """(letter, was something dropped before it), one letter after the other."""
    letters: list[tuple[str, bool]] = []
    gap = True
    for char in unicodedata.normalize("NFKC", text).casefold():
        if char == "\u200b":
            continue
        if char.isalnum():
            letters.append((char, gap))
        gap = not char.isalnum()
    return letters


def search(words: list[str], text: str) -> set[str]:
    letters = fold(text)
    found = set()
    for word in words:
        wanted = [letter for letter, _ in fold(word)]
        for start in range(len(letters) - len(wanted) + 1):
            piece = letters[start : start + len(wanted)]
            if not wanted or [letter for letter, _ in piece] != wanted:
                continue
            over_a_gap = any(gap for _, gap in piece[1:])
            if not over_a_gap or (is_edge(letters, start) and is_edge(letters, start + len(wanted))):
                found.add(word)
    return found


def is_edge(letters: list[tuple[str, bool]], at: int) -> bool:
    if at in {0, len(letters)} or letters[at][1]:
        return True
    return any(letter in "赌博" for letter, _ in letters[at - 1 : at + 1])


@given(_WORDS, _TEXTS)
def test_the_automaton_says_what_a_naive_search_says(words: list[str], text: str) -> None:
    words = [word for word in words if fold(word)]
    forms = {normalise(word).letters: word for word in words}  # of two that compare the same the last is shown
    found = WordList((word, form) for form, word in forms.items()).find(text)
    naive = search(list(forms.values()), text)
    assert (found is None) == (not naive)
    assert found is None or found in naive


@given(st.text(max_size=50))
def test_the_form_of_comparison_is_its_own_form(text: str) -> None:
    letters, starts = normalise(text)
    assert normalise(letters).letters == letters
    assert starts == sorted(set(starts))
    assert starts[0] == 0
    assert not letters or starts[-1] < len(letters)
