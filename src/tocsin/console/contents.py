"""What a message says, as far as a role may read it. The one place that hides it.

A role that may not read codes sees nothing of a message that is sent as a code, since a code may be any word of its text.
MMS, voice notices and emails have no `action` that says what they are: there it sees the text without words that have a digit.
"""

from __future__ import annotations

from typing import Final

from tocsin.console.rights import CODES, CONTENTS
from tocsin.content import hide_codes
from tocsin.traffic import Priority, Product

HIDDEN: Final = "••••••"
_WITHOUT_ACTION: Final = frozenset({Product.MMS, Product.VOICE_NOTICE, Product.EMAIL})


def may_hold_code(priority: int, product: int) -> bool:
    """Whether the text is one that proves who somebody is."""
    return priority == Priority.VERIFY or product == Product.VOICE_OTP


def read_text(text: str, kind: tuple[int, int], can: frozenset[str]) -> str:
    """A text for one who `can`; kind = (priority, product)."""
    if CONTENTS not in can:
        return ""
    if not text or CODES in can:
        return text
    if may_hold_code(*kind):
        return HIDDEN
    return hide_codes(text, HIDDEN) if kind[1] in _WITHOUT_ACTION else text
