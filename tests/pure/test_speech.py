"""What a voice OTP says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import language_of_country, load_countries, speak_otp
from tocsin.content.speech import _SPEECHES

LANGUAGES = sorted(_SPEECHES)


@pytest.mark.parametrize(
    ("content", "language", "spoken"),
    [
        ("4821", "en", "Your verification code is four, eight, two, one. Once more: four, eight, two, one."),
        (" 000 ", "en", "Your verification code is zero, zero, zero. Once more: zero, zero, zero."),
        ("481", "zh", "您的验证码是四，八，一。再说一遍，四，八，一。"),
        ("４８１", "zh", "您的验证码是四，八，一。再说一遍，四，八，一。"),
        ("4821", "xx", "Your verification code is four, eight, two, one. Once more: four, eight, two, one."),
        ("test", "en", "test"),
        ("12", "en", "12"),
        ("12345678901", "en", "12345678901"),
        ("Your code is 4821", "zh", "Your code is 4821"),
        ("48 21", "en", "48 21"),
        ("48²1", "en", "48²1"),
        ("{code}", "en", "{code}"),
        ("", "en", ""),
    ],
)
def test_codes_are_read_twice_and_all_else_as_it_is(content: str, language: str, spoken: str) -> None:
    assert speak_otp(content, language) == spoken


@given(st.from_regex(r"[0-9]{3,10}", fullmatch=True), st.sampled_from(LANGUAGES))
def test_every_digit_is_said_twice_in_its_place(code: str, language: str) -> None:
    speech = _SPEECHES[language]
    read = speech.pause.join(speech.digits[int(digit)] for digit in code)
    spoken = speak_otp(code, language)
    assert spoken.count(read) == 2
    assert not any(char.isdigit() for char in spoken if char.isascii())


def test_every_language_is_whole() -> None:
    assert len(LANGUAGES) >= 14
    for speech in _SPEECHES.values():
        assert len(set(speech.digits)) == 10
        assert speech.sentence.count("{code}") == 2


@pytest.mark.parametrize(
    ("iso", "account_language", "language"),
    [
        ("CN", "en", "zh"), ("TW", "en", "zh"), ("ID", "zh", "id"), ("us", "zh", "en"), ("BR", "en", "pt"), ("EG", "en", "ar"),
        ("IN", "en", "en"), ("IN", "hi", "hi"), ("CH", "de", "de"), ("UA", "en", "en"), ("CH", "zh_CN", "zh"),
        ("CH", "zh-Hans", "zh"), ("CH", "xx", "en"), ("", "", "en"),
    ],
)  # fmt: skip
def test_languages(iso: str, account_language: str, language: str) -> None:
    assert language_of_country(iso, account_language) == language


def test_every_country_has_a_language_that_is_spoken() -> None:
    for row in load_countries():
        assert language_of_country(row.iso, "en") in LANGUAGES
    spoken = {language_of_country(row.iso, "hi") for row in load_countries()}
    assert spoken == set(LANGUAGES)
