"""GSM 7-bit octets, packed and not, against an independent library and the examples of the specification."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import gsm7
from tocsin.content.parts import BASIC, EXTENSION_CODES, measure

GSM = st.text(st.sampled_from(BASIC + "".join(EXTENSION_CODES.values())))


def test_octets_that_everybody_knows() -> None:
    """@ is 0x00, $ 0x02, and the euro an escape and 0x65; "hellohello" packed is that of every text book."""
    assert gsm7.encode("@$€") == gsm7.Septets(b"\x00\x02\x1b\x65")
    plain = gsm7.encode("hellohello")
    assert plain is not None
    assert gsm7.pack(plain.octets).hex().upper() == "E8329BFD4697D9EC37"


@given(GSM)
def test_a_text_comes_back_and_has_the_septets_that_are_charged(text: str) -> None:
    found = gsm7.encode(text)
    assert found is not None
    assert len(found.octets) == measure(text).units
    assert gsm7.decode(found.octets) == text


@given(st.binary(max_size=200).map(lambda octets: bytes(octet & 0x7F for octet in octets)), st.integers(0, 6))
def test_packing_comes_back(septets: bytes, fill_bits: int) -> None:
    packed = gsm7.pack(septets, fill_bits)
    assert len(packed) == -(-(7 * len(septets) + fill_bits) // 8)
    assert gsm7.unpack(packed, len(septets), fill_bits) == septets


@given(st.text())
def test_what_cannot_be_said_is_none(text: str) -> None:
    assert (gsm7.encode(text) is None) == measure(text).ucs2


@pytest.mark.parametrize(
    ("language", "text", "octets", "tables"),
    [
        ("tr", "şeker è", "1b73656b65722004", (0, 1)),  # è is not in the locking table
        ("tr", "şşş", "1d1d1d", (1, 0)),
        ("es", "adiós y más á", "", (0, 2)),
        ("pt", "não, coração", "", (3, 0)),
        ("pt", "ãããΩ", "7b7b7b1b15", (3, 3)),  # Ω stands behind an escape only
        ("tr", "plain", "706c61696e", (0, 0)),
    ],
)
def test_national_tables(language: str, text: str, octets: str, tables: tuple[int, int]) -> None:
    found = gsm7.encode(text, language)
    assert found is not None
    assert not octets or found.octets.hex() == octets
    assert (found.locking, found.single) == tables
    assert gsm7.decode(found.octets, found.locking, found.single) == text


@pytest.mark.parametrize("language", sorted(gsm7.NATIONAL))
def test_every_letter_of_a_table_is_found_where_it_stands(language: str) -> None:
    table = gsm7.NATIONAL[language]
    for code, char in table.locking.items():
        assert gsm7.decode(bytes((code,)), locking=table.code) == char
    for code, char in table.single.items():
        assert gsm7.decode(bytes((gsm7.ESCAPE, code)), single=table.code) == char


def test_what_has_no_meaning_is_not_lost() -> None:
    assert gsm7.decode(b"\x80a\xff") == "\ufffda\ufffd"
    assert gsm7.decode(b"\x1ba\x1b\x1bb\x1b") == "a\ufffdb"
