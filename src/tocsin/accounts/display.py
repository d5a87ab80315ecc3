"""What an account calls itself before people: on pages, in mails and in their header fields. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

from tocsin.accounts.model import AccountError

MAX_DISPLAY_NAME: Final = 80
"""Characters."""
_JOINERS: Final = "\u200c\u200d"  # written within words of several scripts; all other format characters are refused
_ODD: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def read_display_name(text: str) -> str:
    """The name as it is kept; "" takes it away. Raises AccountError.

    A link is refused: invitations carry the name to people who did not ask for it.
    """
    if any(each not in _JOINERS and unicodedata.category(each) in _ODD for each in text.strip()):
        raise AccountError("a display name has no line breaks and no control characters")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > MAX_DISPLAY_NAME:
        raise AccountError(f"a display name has {MAX_DISPLAY_NAME} characters at most")
    if name and not any(each.isalnum() for each in name):
        raise AccountError("a display name has a letter or a digit")
    if "://" in name or name.lower().startswith("www."):
        raise AccountError("a display name is no link")
    return name


def write_title(name: str, display_name: str) -> str:
    """The account for people who know its code too, as in mails: "Acme Ltd (acme)", or its code alone."""
    return f"{display_name} ({name})" if display_name else name
