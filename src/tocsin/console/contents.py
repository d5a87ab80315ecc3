"""What a message says, as far as a role may read it. The one place that hides it.

Of a message that may hold a code nothing is shown to a role that may not read codes: a code may be any word of its text.
"""

from __future__ import annotations

from typing import Final

from tocsin.console.rights import CODES, CONTENTS
from tocsin.traffic import Priority, Product

HIDDEN: Final = "••••••"


def may_hold_code(priority: int, product: int) -> bool:
    """Whether the text is one that proves who somebody is."""
    return priority == Priority.VERIFY or product == Product.VOICE_OTP


def read_text(text: str, kind: tuple[int, int], can: frozenset[str]) -> str:
    """A text for one who `can`; kind = (priority, product)."""
    if CONTENTS not in can:
        return ""
    return HIDDEN if text and CODES not in can and may_hold_code(*kind) else text
