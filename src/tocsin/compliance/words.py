"""Sensitive words in a text, however they are dressed up: full width, capitals, separators between the letters.

Texts and words are brought into one form: NFKC, case folded, all that is neither letter nor digit dropped. What
is dropped is remembered: "this hit" holds no word of its last letter and "hit". A word that reaches over a gap must begin and
end where words begin and end; scripts that write without gaps (Chinese, Japanese, Korean ...) know no such edges.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from functools import cache
from itertools import accumulate
from typing import Any, Final, NamedTuple

from ahocorasick import Automaton

# Drawn over or between letters without being one: soft hyphen, joiners, marks, selectors. Not a gap either.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u0300-\u036f\u180e\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    "\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]"
)
_LAST_MARK: Final = 0xABFF
_GAPLESS_FROM: Final = 0x2E80  # CJK and what follows it
_GAPLESS: Final = range(0x0E00, 0x1100)  # Thai, Lao, Tibetan, Burmese


class Normal(NamedTuple):
    """A text as it is compared: its letters and digits, and before which of them something was dropped."""

    letters: str
    starts: list[int]  # places of `letters` at which a run begins, ascending; the first is 0


def normalise(text: str) -> Normal:
    """The form in which texts and words are compared."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text).casefold())
    # Folding may leave what NFKC would compose.
    runs = _run_pattern().findall(unicodedata.normalize("NFKC", plain))
    return Normal("".join(runs), list(accumulate(map(len, runs[:-1]), initial=0)))


@cache
def _run_pattern() -> re.Pattern[str]:
    r"""Letters, digits, and the vowel signs of scripts that write them as marks, which \w does not know."""
    marks = "".join(chr(code) for code in range(0x0370, _LAST_MARK) if unicodedata.category(chr(code)) in {"Mn", "Mc"})
    return re.compile(rf"(?:[^\W_]|[{marks}])+")


class WordList:
    """An automaton over all words: the time of a search is that of the text, not of the list."""

    def __init__(self, words: Iterable[tuple[str, str]] = ()) -> None:
        """`words`: as they are shown, and as `normalise` makes them."""
        self._automaton: Any = Automaton()
        for shown, normal in words:
            self._automaton.add_word(normal, (len(normal), shown))
        self.count = len(self._automaton)
        if self.count:
            self._automaton.make_automaton()

    def find(self, text: str) -> str | None:
        """The first word (by its end) that the text holds, as it is shown; None: none."""
        if not self.count:
            return None
        normal = normalise(text)
        for last, (length, shown) in self._automaton.iter(normal.letters):
            if _counts(normal, last + 1 - length, last + 1):
                return str(shown)
        return None


def _counts(normal: Normal, start: int, end: int) -> bool:
    """Whether letters `start` to `end` may be read as one word."""
    letters, starts = normal
    run = bisect_right(starts, start) - 1
    run_end = starts[run + 1] if run + 1 < len(starts) else len(letters)
    if end <= run_end:
        return True
    begins = starts[run] == start or _is_edge(letters, start)
    last_run = bisect_right(starts, end - 1) - 1
    last_end = starts[last_run + 1] if last_run + 1 < len(starts) else len(letters)
    return begins and (last_end == end or _is_edge(letters, end))


def _is_edge(letters: str, at: int) -> bool:
    """Whether a word may begin or end between the letters `at - 1` and `at` of one run."""
    return _is_gapless(letters[at - 1]) or _is_gapless(letters[at])


def _is_gapless(letter: str) -> bool:
    code = ord(letter)
    return code >= _GAPLESS_FROM or code in _GAPLESS
