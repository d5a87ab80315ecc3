"""Parts of a short message: GSM-7 where every character allows it, else UCS-2; the count of parts is what is billed.

Source: 3GPP TS 23.038, 6.2.1 (default alphabet and its extension table) and TS 23.040, 9.2.3.24.1 (the header of a
concatenated message takes 6 octets: 153 septets or 67 units are left). A part never ends inside an escape pair or a
surrogate pair, so that a long text may need a part more than its units suggest.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION_CODES: Final = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
"""Characters behind an escape, by their septets: two septets each."""
_EXTENSION: Final = "".join(EXTENSION_CODES.values())

_is_basic: Final = re.compile(f"[{re.escape(BASIC)}]*").fullmatch
_is_gsm: Final = re.compile(f"[{re.escape(BASIC + _EXTENSION)}]*").fullmatch
_ESCAPE: Final = "\x1b"  # in neither table, so that no text has it of its own
_ESCAPED: Final = {ord(char): _ESCAPE + char for char in _EXTENSION}

_GSM_SINGLE, _GSM_PART = 160, 153
_UCS2_SINGLE, _UCS2_PART = 70, 67
# First octet of a unit.
_HIGH_SURROGATES: Final = frozenset(range(0xD8, 0xDC))
_LOW_SURROGATES: Final = frozenset(range(0xDC, 0xE0))


class Parts(NamedTuple):
    """How a text goes out. `units`: septets of GSM-7 (an extension character has two), or 16-bit units of UCS-2."""

    ucs2: bool
    parts: int
    units: int


def measure(content: str) -> Parts:
    """Encoding, parts and units of a text; an empty one is one part."""
    if _is_basic(content):
        units = len(content)
        return Parts(False, 1 if units <= _GSM_SINGLE else -(-units // _GSM_PART), units)
    if _is_gsm(content):
        septets = content.translate(_ESCAPED)
        units = len(septets)
        return Parts(False, 1 if units <= _GSM_SINGLE else len(_cut_septets(septets)), units)
    units = units16(content)
    if units <= _UCS2_SINGLE:
        return Parts(True, 1, units)
    if units == len(content):
        return Parts(True, -(-units // _UCS2_PART), units)
    return Parts(True, len(_cut_units(content)), units)


def split(content: str, *, wide: bool = False) -> list[str]:
    """The texts of the parts, in order; joined they are the content; as many as `measure` says.

    `wide`: with room for a 16-bit reference (9.2.3.24.8), which may make them more.
    """
    size = measure(content)
    if size.parts == 1:
        return [content]
    if size.ucs2:
        return _cut_units(content, _UCS2_PART - wide)
    return [part.replace(_ESCAPE, "") for part in _cut_septets(content.translate(_ESCAPED), _GSM_PART - wide)]


def _cut_septets(septets: str, most: int = _GSM_PART) -> list[str]:
    parts, start = list[str](), 0
    while start < len(septets):
        end = start + most
        if septets[end - 1 : end] == _ESCAPE:
            end -= 1
        parts.append(septets[start:end])
        start = end
    return parts


def _cut_units(content: str, most: int = _UCS2_PART) -> list[str]:
    """Parts by 16-bit units, two octets each."""
    octets = content.encode("utf-16-be", "surrogatepass")
    parts, start = list[str](), 0
    while start < len(octets):
        end = start + 2 * most
        # A low surrogate behind the end: its high one would stay before it.
        if end < len(octets) and octets[end] in _LOW_SURROGATES and octets[end - 2] in _HIGH_SURROGATES:
            end -= 2
        parts.append(octets[start:end].decode("utf-16-be", "surrogatepass"))
        start = end
    return parts


def units16(content: str) -> int:
    """Length in UTF-16 units; a lone surrogate is one."""
    if content.isascii():
        return len(content)
    return len(content.encode("utf-16-le", "surrogatepass")) >> 1


def text_fault(content: str) -> str | None:
    """What in a text no carrier and no database can take: "NUL character" or "lone surrogate"; None: nothing."""
    if "\0" in content:
        return "NUL character"
    if content.isascii():
        return None
    try:
        content.encode()
    except UnicodeEncodeError:
        return "lone surrogate"
    return None
