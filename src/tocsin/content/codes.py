"""Words that may be codes: one-time codes, coupons, tokens of links. Pure."""

from __future__ import annotations

import re

_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9]{2,4}(?:[ -][0-9]{2,4}){1,3}|(?=[A-Za-z-]{0,64}[0-9])[A-Za-z0-9](?:-?[A-Za-z0-9]){3,})(?![A-Za-z0-9])"
)


def hide_codes(text: str, mask: str) -> str:
    """The text with `mask` for each word of four or more letters and digits that has a digit, and for digits in groups."""
    return _CODE.sub(mask, text)
