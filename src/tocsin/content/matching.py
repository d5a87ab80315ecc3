"""Does free content fit one of many approved templates?

A variable stands for 1 to 500 characters, each occurrence for its own; literals must be equal, letter for letter. In
both, white space at the ends does not count and a run of it inside counts as one blank, so that a line end or a doubled
blank of a client's form does no harm; a variable cannot stand for what is dropped so.

How it is quick: each template with variables is filed under one piece of its literals (a gram: 4, 2 or 1 UTF-16 units)
that few others have. All grams of the content are looked up at once; only what was filed under one of them is compared.
Nothing here goes back over a choice: a template is compared in one pass, and in the rare case that a variable would
grow too long, in one pass with all places of each literal.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from tocsin.content.templates import Template

VALUE_CHARS: Final = 500
_MARK: Final = "\0"  # a variable; no template has it as text
_MARKS: Final = re.compile(f"{_MARK}+")
_UNITS: Final[dict[int, Literal["Q", "I", "H"]]] = {
    4: "Q",
    2: "I",
    1: "H",
}  # UTF-16 units of a gram, and the C integer of that size
_FEW: Final = 16  # so many under one gram, or twice as many in all, are compared faster than more grams are looked up


class TemplateSet:
    """Approved templates, ready to be asked. Built in about 0.05 ms a template (the longest: 0.4 ms)."""

    def __init__(self, templates: Iterable[tuple[int, Template]], value_chars: int = VALUE_CHARS) -> None:
        """`templates`: (id, template); where several fit, the first one counts. `value_chars`: the most of a variable."""
        ids: dict[_Pattern, int] = {}
        for template_id, template in templates:
            ids.setdefault(_build_pattern(template, value_chars), template_id)
        self._ids = list(ids.values())
        self._patterns = list(ids)
        self._prefixes = [each.prefix for each in self._patterns]
        self._suffixes = [each.suffix for each in self._patterns]
        self._plain = {each.prefix: place for place, each in enumerate(self._patterns) if not each.gaps}
        self._longest = max((each.most for each in self._patterns), default=0)
        self._shelves, self._always = _file_patterns(self._patterns)

    def find(self, content: str) -> int | None:
        """The id of the first template that the content fits; None: it fits none."""
        text = " ".join(content.split())
        if len(text) > self._longest:
            return None
        places = self._list_places(text)
        if text in self._plain:
            places.append(self._plain[text])
        prefixes, suffixes = self._prefixes, self._suffixes
        for place in sorted(places):
            # Most differ here already; a call for each would take longer.
            if not (text.startswith(prefixes[place]) and text.endswith(suffixes[place])):
                continue
            if _fits(text, self._patterns[place]):
                return self._ids[place]
        return None

    def _list_places(self, text: str) -> list[int]:
        """Places of the templates that are filed under a gram of the text, and of those that are under none."""
        places = self._always.copy()
        for shelf in self._shelves:
            for gram in shelf.grams.intersection(_list_grams(text, shelf.width)):
                places += shelf.places[gram]
        return places


class _Shelf(NamedTuple):
    """Places of patterns by a gram of `width` units that each has; `grams` are the keys."""

    width: int
    grams: frozenset[int]
    places: dict[int, list[int]]


class _Gap(NamedTuple):
    """One variable or several side by side: the least and the most characters that they stand for."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class _Pattern:
    """`prefix`, a gap, a literal of `inner`, a gap, ..., `suffix`: one gap more than `inner`, or all is prefix.

    `least` and `most`: characters of a text that fits.
    """

    prefix: str
    inner: tuple[str, ...]
    suffix: str
    gaps: tuple[_Gap, ...]
    least: int
    most: int


def _build_pattern(template: Template, value_chars: int) -> _Pattern:
    marked = "".join([piece if isinstance(piece, str) else _MARK for piece in template.pieces])
    text = " ".join(marked.split())
    literals = _MARKS.split(text)
    runs = [len(run) for run in _MARKS.findall(text)]
    chars, variables = sum(map(len, literals)), sum(runs)
    return _Pattern(
        prefix=literals[0],
        inner=tuple(literals[1:-1]),
        suffix=literals[-1] if runs else "",
        gaps=tuple(_Gap(run, run * value_chars) for run in runs),
        least=chars + variables,
        most=chars + variables * value_chars,
    )


def _list_grams(text: str, width: int) -> list[int]:
    """All pieces of `width` UTF-16 units, as integers; they may begin or end within a surrogate pair."""
    octets = memoryview(text.encode("utf-16-le", "surrogatepass"))
    size, grams = 2 * width, list[int]()
    for start in range(0, size, 2):
        end = start + (len(octets) - start) // size * size
        if end > start:
            grams += octets[start:end].cast(_UNITS[width]).tolist()
    return grams


def _file_patterns(patterns: list[_Pattern]) -> tuple[list[_Shelf], list[int]]:
    """Shelves on which each pattern with gaps lies once, but for shelves that would be nearly empty: their places."""
    shelves, always = list[_Shelf](), list[int]()
    for width, chosen in _choose_grams(patterns).items():
        if len(chosen) <= 2 * _FEW:
            always += chosen
            continue
        places: dict[int, list[int]] = {}
        for place, gram in chosen.items():
            places.setdefault(gram, []).append(place)
        shelves.append(_Shelf(width, frozenset(places), places))
    return shelves, always


def _choose_grams(patterns: list[_Pattern]) -> dict[int, dict[int, int]]:
    """By width, by place: the gram of that pattern that the fewest others have.

    Grams of 4 units are tried first; shorter ones only for patterns that have more than a few beside them there.
    """
    best: dict[int, tuple[int, int, int]] = {}  # place: (how many have it, width, gram)
    waiting = [place for place, each in enumerate(patterns) if each.gaps]
    for width in _UNITS:
        grams = {place: _collect_grams(patterns[place], width) for place in waiting}
        counts = Counter(gram for each in grams.values() for gram in each)
        for place, each in grams.items():
            rarest = min(each, key=counts.__getitem__, default=None)
            if rarest is not None and (place not in best or counts[rarest] < best[place][0]):
                best[place] = counts[rarest], width, rarest
        waiting = [place for place in waiting if place not in best or best[place][0] > _FEW]
    chosen: dict[int, dict[int, int]] = {width: {} for width in _UNITS}
    for place, (_, width, gram) in best.items():
        chosen[width][place] = gram
    return chosen


def _collect_grams(pattern: _Pattern, width: int) -> set[int]:
    """Grams of all literals; a text that fits has every one of them."""
    return {
        gram for literal in (pattern.prefix, *pattern.inner, pattern.suffix) for gram in _list_grams(literal, width)
    }


def _fits(text: str, pattern: _Pattern) -> bool:
    """Prefix and suffix are known to fit. Each literal is taken at its first place behind the one before; if a variable
    grows too long by that, all places count.
    """
    if not pattern.least <= len(text) <= pattern.most:
        return False
    if not pattern.gaps:
        return True
    at, end, is_within = len(pattern.prefix), len(text) - len(pattern.suffix), True
    for literal, gap in zip(pattern.inner, pattern.gaps, strict=False):
        found = text.find(literal, at + gap.least, end)
        if found < 0:
            return False
        is_within = is_within and found - at <= gap.most
        at = found + len(literal)
    last = pattern.gaps[-1]
    if end - at < last.least:
        return False  # every other choice would leave less
    return (is_within and end - at <= last.most) or _fits_somehow(text, pattern)


def _fits_somehow(text: str, pattern: _Pattern) -> bool:
    """Keeps all places where the literals so far may end, in order; prefix, suffix and length are known to fit."""
    ends, end = [len(pattern.prefix)], len(text) - len(pattern.suffix)
    for literal, gap in zip(pattern.inner, pattern.gaps, strict=False):
        starts = _list_starts(text, literal, ends[0] + gap.least, end)
        ends = [start + len(literal) for start in starts if _reaches(ends, start, gap)]
        if not ends:
            return False
    return _reaches(ends, end, pattern.gaps[-1])


def _list_starts(text: str, literal: str, start: int, end: int) -> Iterator[int]:
    found = text.find(literal, start, end)
    while found >= 0:
        yield found
        found = text.find(literal, found + 1, end)


def _reaches(ends: list[int], start: int, gap: _Gap) -> bool:
    """Does the gap reach from one of `ends` (ascending) to `start`?"""
    at = bisect_left(ends, start - gap.most)
    return at < len(ends) and ends[at] <= start - gap.least
