"""What somebody may have meant by a name that does not exist. Pure: whoever asks brings the names that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

MAX_SUGGESTIONS: Final = 3
_LONGEST: Final = 80  # of a word: comparing costs the product of both lengths
_CLOSE: Final = 0.6
_STARTS: Final = 0.9  # the word is the start of the name
_SHARED: Final = 0.85  # both begin with the same letters, so many:
_SHARED_START: Final = 5
_NEAR: Final = 0.1  # to the closest one: what is further away is not meant
_SHORTEST_START: Final = 3


class UnknownNameError(ValueError):
    """A name that nothing has. `what`: the kind of thing, such as "channel"; `hint`: what helps where no name is close."""

    def __init__(self, what: str, name: str, hint: str = "") -> None:
        self.what, self.name = what, name
        self.sentence = f"there is no {what} {name}"
        super().__init__(join(self.sentence, hint))


def suggest(word: str, names: Iterable[str] | Mapping[str, str]) -> str:
    """A question that names the closest ones, or "". A mapping leads from what people may write to the name to suggest."""
    from difflib import SequenceMatcher  # only a process that suggests something loads it

    known = names if isinstance(names, Mapping) else {name: name for name in names}
    asked = word.strip()[:_LONGEST].casefold()
    matcher = SequenceMatcher(None, b=asked)
    best: dict[str, float] = {}
    for written, name in known.items():
        folded = written.casefold()[:_LONGEST]
        matcher.set_seq1(folded)
        score = matcher.ratio() if matcher.real_quick_ratio() >= _CLOSE <= matcher.quick_ratio() else 0.0
        if len(asked) >= _SHORTEST_START and folded.startswith(asked):
            score = max(score, _STARTS)
        if len(asked) >= _SHARED_START and folded.startswith(asked[:_SHARED_START]):
            score = max(score, _SHARED)
        if score >= _CLOSE:
            best[name] = max(score, best.get(name, 0.0))
    close = sorted(best, key=lambda name: (-best[name], name))
    return ask([name for name in close if best[name] > best[close[0]] - _NEAR][:MAX_SUGGESTIONS])


def ask(names: list[str]) -> str:
    """The question; "" without names."""
    if not names:
        return ""
    *others, last = names
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def join(sentence: str, hint: str) -> str:
    """A sentence and what helps."""
    return f"{sentence}: {hint}" if hint else sentence
