"""Reads whether a reply asks for no more MARKETING, or takes that back.

Only a reply that is such a word and nothing else counts: "STOP" does, "please stop by tomorrow" does not. Capitals, full
width, blanks and punctuation do not matter ("Stop!", "opt-out"). The words are those that carriers demand
(CTIA messaging principles, FCC 47 CFR 64.1200(a)(10)) and that Chinese, Indonesian and European users write; the table stands
in docs/how-to/guard-your-sends.md. YES and NO are no such words: they answer any question.
"""

from __future__ import annotations

from typing import Final

from tocsin.compliance.model import OptIn, OptOut
from tocsin.compliance.words import normalise

OUT_WORDS: Final = {
    "en": (
        "STOP", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPT OUT", "REVOKE", "REMOVE", "UNSUB", "UNREG", "BERHENTI",
        "STOPP", "ABMELDEN", "ARRET", "ARRÊT", "BAJA", "PARAR", "SAIR",
    ),
    "zh": ("TD", "T", "TT", "R", "退订", "退訂", "取消", "取消订阅", "取消訂閱", "停止", "拒收", "不要再发"),
}  # fmt: skip
IN_WORDS: Final = {
    "en": ("START", "UNSTOP", "SUBSCRIBE", "OPT IN", "RESUME", "REG"),
    "zh": ("DY", "订阅", "訂閱", "恢复", "恢復", "恢复订阅", "恢復訂閱"),
}
_LONGEST: Final = 64  # characters; a longer reply is no single word


def _normal(word: str) -> str:
    return normalise(word).letters


_CHOICES: Final[dict[str, OptOut | OptIn]] = {
    **{_normal(word): OptOut(language) for language, words in OUT_WORDS.items() for word in words},
    **{_normal(word): OptIn(language) for language, words in IN_WORDS.items() for word in words},
}


def read_reply(content: str) -> OptOut | OptIn | None:
    """What a terminal user's reply chooses; None: it is no such word."""
    return _CHOICES.get(_normal(content)) if len(content) <= _LONGEST else None
