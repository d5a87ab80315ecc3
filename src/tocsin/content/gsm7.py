"""GSM 7-bit texts as octets: a septet in an octet, as most SMPP peers want them, or packed; with national tables.

Source: 3GPP TS 23.038, 6.1.2.1 (packing), 6.2.1 (default alphabet and extension table), A.2 and A.3 (national shift tables); which
table a text needs is told to the phone by elements 0x24 (single shift) and 0x25 (locking shift) of its header: TS 23.040,
9.2.3.24.15 and .16.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tocsin.content.parts import BASIC, EXTENSION_CODES

ESCAPE: Final = 0x1B


class NationalTable(NamedTuple):
    """A language of A.1: what replaces characters of the default alphabet, and what stands behind an escape; by code."""

    code: int
    locking: dict[int, str]
    single: dict[int, str]


# A.3.1 and A.2.1, A.2.2, A.3.3 and A.2.3: where they differ from the default tables.
NATIONAL: Final = {
    "tr": NationalTable(
        1,
        {0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x0C: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç"},
        {0x53: "Ş", 0x73: "ş", 0x47: "Ğ", 0x67: "ğ", 0x49: "İ", 0x69: "ı", 0x63: "ç"},
    ),
    "es": NationalTable(
        2,
        {},
        {0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú"},
    ),
    "pt": NationalTable(
        3,
        {
            0x04: "ê", 0x06: "ú", 0x07: "í", 0x08: "ó", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x12: "ª",
            0x13: "Ç", 0x14: "À", 0x15: "∞", 0x16: "^", 0x17: "\\", 0x18: "€", 0x19: "Ó", 0x1A: "|", 0x1C: "Â", 0x1D: "â",
            0x1E: "Ê", 0x24: "º", 0x40: "Í", 0x5B: "Ã", 0x5C: "Õ", 0x5D: "Ú", 0x60: "~", 0x7B: "ã", 0x7C: "õ", 0x7D: "`",
        },
        {
            0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x12: "Φ", 0x13: "Γ", 0x15: "Ω", 0x16: "Π",
            0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1F: "Ê", 0x41: "À", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x5B: "Ã", 0x5C: "Õ",
            0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú", 0x7B: "ã", 0x7C: "õ", 0x7F: "â",
        },
    ),
}  # fmt: skip


class Septets(NamedTuple):
    """A text as septets, one in each octet, and the national tables that its header must name; 0: the default one."""

    octets: bytes
    locking: int = 0
    single: int = 0


def encode(text: str, language: str = "") -> Septets | None:
    """The shortest form, with the national tables of a language where they are needed; None: it cannot be said in septets."""
    plain = _translate(text, _PLAIN)
    if plain is not None or not language:
        return plain
    forms = [_translate(text, form) for form in _FORMS[language]]
    return min((form for form in forms if form is not None), key=lambda form: len(form.octets), default=None)


def decode(octets: bytes, locking: int = 0, single: int = 0) -> str:
    """The text of septets, one in each octet; what has no meaning is U+FFFD, an unknown escape its plain character (6.2.1.1)."""
    basic, escaped = _read_tables(locking, single)
    text: list[str] = []
    after_escape = False
    for octet in octets:
        if octet == ESCAPE and not after_escape:
            after_escape = True
            continue
        plain = basic.get(octet, "\ufffd")
        text.append(escaped.get(octet, plain) if after_escape else plain)
        after_escape = False
    return "".join(text)


def pack(septets: bytes, fill_bits: int = 0) -> bytes:
    """Eight septets in seven octets, behind so many bits of filling (those after a header)."""
    bits = 0
    for place, septet in enumerate(septets):
        bits |= septet << (7 * place)
    return (bits << fill_bits).to_bytes((len(septets) * 7 + fill_bits + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill_bits: int = 0) -> bytes:
    """`count` septets of packed octets."""
    bits = int.from_bytes(octets, "little") >> fill_bits
    return bytes((bits >> (7 * place)) & 0x7F for place in range(count))


class _Form(NamedTuple):
    codes: dict[str, bytes]
    locking: int
    single: int


def _make_form(basic: dict[int, str], escaped: dict[int, str], locking: int, single: int) -> _Form:
    codes = {char: bytes((ESCAPE, code)) for code, char in escaped.items()}
    codes |= {char: bytes((code,)) for code, char in basic.items()}  # a plain septet goes before an escape
    return _Form(codes, locking, single)


def _translate(text: str, form: _Form) -> Septets | None:
    try:
        return Septets(b"".join(map(form.codes.__getitem__, text)), form.locking, form.single)
    except KeyError:
        return None


def _read_tables(locking: int, single: int) -> tuple[dict[int, str], dict[int, str]]:
    by_code = {table.code: table for table in NATIONAL.values()}
    basic, escaped = _DEFAULT, EXTENSION_CODES
    if locking in by_code:
        basic = basic | by_code[locking].locking
    if single in by_code:
        escaped = escaped | by_code[single].single
    return basic, escaped


_DEFAULT: Final = {code + (code >= ESCAPE): char for code, char in enumerate(BASIC)}
_PLAIN: Final = _make_form(_DEFAULT, EXTENSION_CODES, 0, 0)
_FORMS: Final = {
    language: [
        _make_form(_DEFAULT, EXTENSION_CODES | table.single, 0, table.code),
        _make_form(_DEFAULT | table.locking, EXTENSION_CODES, table.code, 0),
        _make_form(_DEFAULT | table.locking, EXTENSION_CODES | table.single, table.code, table.code),
    ]
    for language, table in NATIONAL.items()
}
