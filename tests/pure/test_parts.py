"""Parts of a text (3GPP TS 23.038), against a table and a cutter written apart from the shipped ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.content import Parts, measure, split, text_fault, units16

# TS 23.038, 6.2.1: code points of the default alphabet, septet 0x00 to 0x7F; -1 is the escape.
ALPHABET = [
    *(0x40, 0xA3, 0x24, 0xA5, 0xE8, 0xE9, 0xF9, 0xEC, 0xF2, 0xC7, 0x0A, 0xD8, 0xF8, 0x0D, 0xC5, 0xE5),
    *(0x394, 0x5F, 0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0, 0x3A8, 0x3A3, 0x398, 0x39E, -1, 0xC6, 0xE6, 0xDF, 0xC9),
    *(0x20, 0x21, 0x22, 0x23, 0xA4, *range(0x25, 0x40)),
    *(0xA1, *range(0x41, 0x5B), 0xC4, 0xD6, 0xD1, 0xDC, 0xA7),
    *(0xBF, *range(0x61, 0x7B), 0xE4, 0xF6, 0xF1, 0xFC, 0xE0),
]
EXTENSION = {0x0C, 0x5E, 0x7B, 0x7D, 0x5C, 0x5B, 0x7E, 0x5D, 0x7C, 0x20AC}

assert len(ALPHABET) == 128
BASIC = {chr(code) for code in ALPHABET if code >= 0}
DOUBLE = {chr(code) for code in EXTENSION}

texts = st.one_of(
    st.text(st.sampled_from(sorted(BASIC)), max_size=400),
    st.text(st.sampled_from(sorted(BASIC | DOUBLE)), max_size=400),
    st.text(st.sampled_from([*"abc[€", "é", "ê", "字", "😀"]), max_size=400),
    st.text(st.sampled_from(["😀", "a", "字"]), min_size=60, max_size=300),
    st.text(max_size=300),
)


def cut_plainly(content: str) -> tuple[bool, list[str], int]:
    """(ucs2, parts, units), one character after the other."""
    ucs2 = not set(content) <= BASIC | DOUBLE
    widths = [(2 if ord(c) > 0xFFFF else 1) if ucs2 else (2 if c in DOUBLE else 1) for c in content]
    single, room = (70, 67) if ucs2 else (160, 153)
    if sum(widths) <= single:
        return ucs2, [content], sum(widths)
    parts, filled = [""], 0
    for char, width in zip(content, widths, strict=True):
        if filled + width > room:
            parts.append("")
            filled = 0
        parts[-1] += char
        filled += width
    return ucs2, parts, sum(widths)


@settings(max_examples=250)
@given(content=texts)
def test_parts_are_those_of_a_plain_cutter(content: str) -> None:
    ucs2, parts, units = cut_plainly(content)
    assert split(content) == parts
    assert measure(content) == Parts(ucs2, len(parts), units)


def test_every_character_of_the_basic_plane_is_in_its_table() -> None:
    for code in range(0x10000):
        char = chr(code)
        expected = (False, 2) if char in DOUBLE else (char not in BASIC, 1)
        size = measure(char)
        assert (size.ucs2, size.units) == expected, hex(code)


@pytest.mark.parametrize(
    ("content", "size"),
    [
        ("", Parts(False, 1, 0)),
        ("helloworld", Parts(False, 1, 10)),
        ("a" * 160, Parts(False, 1, 160)),
        ("a" * 161, Parts(False, 2, 161)),
        ("a" * 306, Parts(False, 2, 306)),
        ("a" * 307, Parts(False, 3, 307)),
        ("€" * 80, Parts(False, 1, 160)),
        ("€" * 81, Parts(False, 2, 162)),
        ("a" * 152 + "€" + "a" * 152, Parts(False, 3, 306)),  # the escape pair moves on whole: 152, 153, 1
        ("a" * 152 + "€" + "a" * 151, Parts(False, 2, 305)),
        ("字" * 70, Parts(True, 1, 70)),
        ("字" * 71, Parts(True, 2, 71)),
        ("字" * 134, Parts(True, 2, 134)),
        ("字" * 135, Parts(True, 3, 135)),
        ("😀" * 35, Parts(True, 1, 70)),
        ("😀" * 36, Parts(True, 2, 72)),
        ("字" * 66 + "😀" + "字" * 66, Parts(True, 3, 134)),
        ("`", Parts(True, 1, 1)),
        ("ç", Parts(True, 1, 1)),
        ("Ç", Parts(False, 1, 1)),
        ("字" * 1024, Parts(True, 16, 1024)),
    ],
)
def test_measure(content: str, size: Parts) -> None:
    assert measure(content) == size
    assert len(split(content)) == size.parts


@settings(max_examples=200)
@given(content=st.text(st.sampled_from(["a", "字", "😀", "\ud800", "\udc00"]), max_size=200))
def test_lone_surrogates_do_not_break_the_count(content: str) -> None:
    assert len(split(content)) == measure(content).parts
    assert measure(content).units == units16(content)


def test_a_lone_low_surrogate_behind_a_part_moves_nothing() -> None:
    content = "字" * 67 + "\udc00" * 67
    assert measure(content).parts == len(split(content)) == 2


@pytest.mark.parametrize(
    ("content", "units"), [("", 0), ("abc", 3), ("字", 1), ("😀", 2), ("a😀é", 4), ("\ud83d", 1), ("a" * 1025, 1025)]
)
def test_units16(content: str, units: int) -> None:
    assert units16(content) == units


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", None),
        ("helloworld", None),
        ("字😀é\n\t\x07", None),
        ("a\0b", "NUL character"),
        ("字\0", "NUL character"),
        ("a\ud800b", "lone surrogate"),
        ("\udc00", "lone surrogate"),
    ],
)
def test_text_fault(content: str, fault: str | None) -> None:
    assert text_fault(content) == fault
