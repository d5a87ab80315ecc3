"""Number handling (contract, section 3), and the proof that the compiled plans give libphonenumber's verdicts."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberType, phonenumberutil

from tocsin.content import NumberFault, Verdict, numbering, split_numbers

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
PAID = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.TOLL_FREE, PhoneNumberType.SHARED_COST}
IMPOSSIBLE = (0, "", "")


def read_by_library(number: phonenumbers.PhoneNumber, iso: str, voice: bool) -> tuple[int, str, str]:
    """(rank, digits, region) of a parsed number: 3 reached, 2 unknown, 1 refused, 0 impossible."""
    # A length that is possible without area code only is no length for a message from outside.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return IMPOSSIBLE
    kind = phonenumbers.number_type(number)
    refused = PAID if voice else PAID | {PhoneNumberType.FIXED_LINE}
    rank = 1 if kind in refused else 2 if kind == PhoneNumberType.UNKNOWN else 3
    digits = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    return rank, digits, phonenumbers.region_code_for_number(number) or iso


def parse_carried(digits: str, iso: str, voice: bool) -> tuple[int, str, str]:
    """Digits with calling code, by the library's own parser."""
    try:
        return read_by_library(phonenumbers.parse("+" + digits), iso, voice)
    except phonenumbers.NumberParseException:
        return IMPOSSIBLE


def parse_local(digits: str, iso: str, voice: bool) -> tuple[int, str, str]:
    """Digits without calling code. The parser would look for calling code and international prefix: then its steps."""
    data = PhoneMetadata.metadata_for_region(iso)
    assert data is not None
    calling_code = str(data.country_code)
    try:
        if not digits.startswith(calling_code) and not re.match(data.international_prefix or "(?!)", digits):
            return read_by_library(phonenumbers.parse(digits, iso), iso, voice)
    except phonenumbers.NumberParseException:
        return IMPOSSIBLE
    if not 2 <= len(digits) <= 250:
        return IMPOSSIBLE
    _, rest, _ = phonenumberutil._maybe_strip_national_prefix_carrier_code(digits, data)
    verdict = phonenumberutil._test_number_length(rest, data)
    if verdict in (phonenumbers.ValidationResult.IS_POSSIBLE, phonenumbers.ValidationResult.TOO_LONG):
        digits = rest
    if not 2 <= len(digits) <= 17:
        return IMPOSSIBLE
    number = phonenumbers.PhoneNumber(country_code=data.country_code, national_number=int(digits))
    phonenumberutil._set_italian_leading_zeros_for_phone_number(digits, number)
    return read_by_library(number, iso, voice)


def judge_by_library(raw: str, iso: str, voice: bool) -> Verdict:
    """The contract's choices over the library's readings; for digits with or without + or 00."""
    calling_code = str(phonenumbers.country_code_for_region(iso))
    bare = raw[1:] if raw[0] == "+" else raw[2:] if raw[:2] == "00" else None
    if bare is not None and not bare.startswith(calling_code):
        return Verdict(bare, "", NumberFault.COUNTRY) if 7 <= len(bare) <= 15 else Verdict(raw, "", NumberFault.NUMBER)
    if bare is not None:
        reading = parse_carried(bare, iso, voice)
    elif raw.startswith(calling_code):
        stripped, whole = parse_carried(raw, iso, voice), parse_local(raw, iso, voice)
        reading = whole if whole[0] > stripped[0] else stripped
    else:
        reading = parse_local(raw, iso, voice)
    rank, digits, region = reading
    if rank == 0:
        return Verdict(raw, "", NumberFault.NUMBER)
    return Verdict(digits, region, NumberFault.NUMBER if rank == 1 else None)


def example_numbers(iso: str) -> list[str]:
    """The library's examples of a region, of every type that it has, without calling code."""
    kinds = phonenumbers.supported_types_for_region(iso)
    found = [phonenumbers.example_number_for_type(iso, kind) for kind in sorted(kinds)]
    return [phonenumbers.national_significant_number(number) for number in found if number is not None]


def writings(iso: str, rnd: random.Random, count: int) -> Iterator[str]:
    """Examples in every form, examples with changed digits, digits at random of every length."""
    code = str(phonenumbers.country_code_for_region(iso))
    trunk = phonenumbers.ndd_prefix_for_region(iso, True) or "0"
    fronts = ("", code, "+" + code, "00" + code, trunk, code + trunk, trunk * 2, code + code)
    examples = example_numbers(iso)
    for example in examples:
        yield from (front + example for front in fronts)
    for _ in range(count):
        if rnd.random() < 0.6:
            digits = list(rnd.choice(examples))
            for _ in range(rnd.choice((1, 1, 2, 4))):
                digits[rnd.randrange(len(digits))] = rnd.choice("0123456789")
            del digits[len(digits) - rnd.choice((0, 0, 0, 1)) :]
            number = "".join(digits) + rnd.choice(("", "", "", "7"))
        else:
            number = "".join(rnd.choices("0123456789", k=rnd.randint(1, 18)))
        yield rnd.choice(fronts) + number


def differences(count: int, seed: int) -> tuple[int, list[tuple[str, str, bool, Verdict, Verdict]]]:
    """How many numbers were compared, and where the verdicts differ from the library's."""
    rnd, compared, bad = random.Random(seed), 0, []
    phonenumbers.re_util.enable_pattern_cache()
    for iso in REGIONS:
        for turn, raw in enumerate(writings(iso, rnd, count)):
            voice = turn % 3 == 0
            mine, theirs = numbering(iso, voice).normalise(raw), judge_by_library(raw, iso, voice)
            compared += 1
            if mine != theirs:
                bad.append((iso, raw, voice, mine, theirs))
    return compared, bad


def test_verdicts_are_the_librarys_in_all_regions() -> None:
    compared, bad = differences(count=30, seed=20261122)
    assert bad == []
    assert compared > 15_000


@settings(max_examples=200)
@given(
    iso=st.sampled_from(REGIONS),
    voice=st.booleans(),
    front=st.sampled_from(("", "code", "+", "00", "+code", "00code", "0", "code0", "1", "8")),
    digits=st.text("0123456789", min_size=1, max_size=20),
)
def test_verdict_of_any_digits_is_the_librarys(iso: str, voice: bool, front: str, digits: str) -> None:
    raw = front.replace("code", str(phonenumbers.country_code_for_region(iso))) + digits
    assert numbering(iso, voice).normalise(raw) == judge_by_library(raw, iso, voice)


@settings(max_examples=80)
@given(raw=st.text(max_size=90), iso=st.sampled_from(("ID", "US", "CN", "IT")))
def test_no_text_is_too_odd(raw: str, iso: str) -> None:
    verdict = numbering(iso).normalise(raw)
    verdict.digits.encode()
    assert "\0" not in verdict.digits
    assert len(verdict.digits) <= 64
    assert verdict.reason is not None or verdict.digits.isdigit()


@pytest.mark.parametrize(
    ("iso", "raw", "digits", "region"),
    [
        ("ID", "13611111111", "6213611111111", "ID"),  # the page's own example
        ("ID", "13722222222", "6213722222222", "ID"),
        ("ID", "81234567890", "6281234567890", "ID"),
        ("ID", "081234567890", "6281234567890", "ID"),
        ("ID", "6281234567890", "6281234567890", "ID"),
        ("ID", "62081234567890", "6281234567890", "ID"),
        ("ID", "+62 812-3456-7890", "6281234567890", "ID"),
        ("ID", "+62 (0)812.3456.7890", "6281234567890", "ID"),
        ("ID", "(+62) 81234567890", "6281234567890", "ID"),
        ("ID", "006281234567890", "6281234567890", "ID"),
        ("ID", " \t81234567890\n", "6281234567890", "ID"),
        (
            "ID",
            "\uff0b\uff16\uff12\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10",
            "6281234567890",
            "ID",
        ),
        ("ID", "\u202a+62812\u20113456\u00a07890\u202c", "6281234567890", "ID"),
        ("ID", "81200009901", "6281200009901", "ID"),  # the sandbox carrier's
        ("CN", "13611111111", "8613611111111", "CN"),
        ("CN", "8613611111111", "8613611111111", "CN"),
        ("IN", "9123456789", "919123456789", "IN"),  # begins with its calling code, but whole it is a mobile
        ("IN", "919123456789", "919123456789", "IN"),
        ("IT", "3923456789", "393923456789", "IT"),
        ("US", "12025550123", "12025550123", "US"),
        ("US", "2025550123", "12025550123", "US"),
        ("US", "4165550123", "14165550123", "CA"),
        ("CA", "2025550123", "12025550123", "US"),
        ("US", "7875550123", "17875550123", "PR"),
        ("AG", "4641234", "12684641234", "AG"),  # local form, completed as libphonenumber does
        ("KZ", "+79161234567", "79161234567", "RU"),
        ("RU", "87011234567", "77011234567", "KZ"),
        ("GB", "07797123456", "447797123456", "JE"),
        ("AR", "011 15 2345 6789", "5491123456789", "AR"),
        ("BR", "011961234567", "5511961234567", "BR"),
        ("SG", "65812345", "6565812345", "SG"),
    ],
)
def test_accepted(iso: str, raw: str, digits: str, region: str) -> None:
    voice = iso == "SG"
    assert numbering(iso, voice).normalise(raw) == Verdict(digits, region, None)


@pytest.mark.parametrize(
    ("iso", "raw", "fault", "shown"),
    [
        ("ID", "+8613611111111", NumberFault.COUNTRY, "8613611111111"),
        ("ID", "008613611111111", NumberFault.COUNTRY, "8613611111111"),
        ("ID", "+44 20 7946 0958", NumberFault.COUNTRY, "442079460958"),
        ("ID", "+999 123 456 789", NumberFault.COUNTRY, "999123456789"),
        ("ID", "+1", NumberFault.NUMBER, "+1"),
        ("ID", "+", NumberFault.NUMBER, "+"),
        ("ID", "00", NumberFault.NUMBER, "00"),
        ("ID", "", NumberFault.NUMBER, ""),
        ("ID", "123", NumberFault.NUMBER, "123"),
        ("ID", "1" * 30, NumberFault.NUMBER, "1" * 30),
        ("ID", "1" * 100, NumberFault.NUMBER, "1" * 64),
        ("ID", "8123456789x", NumberFault.NUMBER, "8123456789x"),
        ("ID", "++6281234567890", NumberFault.NUMBER, "++6281234567890"),
        ("ID", "62+81234567890", NumberFault.NUMBER, "62+81234567890"),
        ("ID", "  hello\0\ud800 ", NumberFault.NUMBER, "hello\ufffd\ufffd"),
        ("ID", "(021) 8350123", NumberFault.NUMBER, "62218350123"),  # fixed line
        ("ID", "8001234567", NumberFault.NUMBER, "628001234567"),  # toll-free
        ("ID", "8091234567", NumberFault.NUMBER, "628091234567"),  # premium
        ("ID", "8041234567", NumberFault.NUMBER, "628041234567"),  # shared cost
    ],
)
def test_refused(iso: str, raw: str, fault: NumberFault, shown: str) -> None:
    verdict = numbering(iso).normalise(raw)
    assert (verdict.reason, verdict.digits) == (fault, shown)


def test_voice_reaches_fixed_lines_but_no_premium_ones() -> None:
    voice = numbering("ID", voice=True)
    assert voice.normalise("0218350123") == Verdict("62218350123", "ID", None)
    assert voice.normalise("8091234567").reason is NumberFault.NUMBER


def test_an_example_mobile_of_each_region_is_accepted_in_every_form() -> None:
    e164_format, national_format = phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.NATIONAL
    for iso in REGIONS:
        example = phonenumbers.example_number_for_type(iso, PhoneNumberType.MOBILE)
        if example is None:  # Tristan da Cunha has fixed lines alone
            assert iso == "TA"
            continue
        e164 = phonenumbers.format_number(example, e164_format)
        expected = Verdict(e164[1:], phonenumbers.region_code_for_number(example) or "", None)
        local = phonenumbers.national_significant_number(example)
        for raw in (e164, e164[1:], "00" + e164[1:], local, phonenumbers.format_number(example, national_format)):
            assert numbering(iso).normalise(raw) == expected, raw


def test_a_country_without_plan_is_told() -> None:
    with pytest.raises(ValueError, match="ZZ"):
        numbering("ZZ")


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("13611111111,13722222222", ["13611111111", "13722222222"]),
        ("81234567801, 81234567802", ["81234567801", "81234567802"]),
        ("81234567801\uff0c81234567802\uff1b81234567803;81234567804", [f"8123456780{n}" for n in range(1, 5)]),
        ("81234567801\t81234567802\r\n81234567803\n", [f"8123456780{n}" for n in range(1, 4)]),
        (",, ,81234567801,,", ["81234567801"]),
        ("", []),
        (" , \n;\t", []),
        ("81234567801 81234567802", ["81234567801", "81234567802"]),
        ("+6281234567801  +6281234567802", ["+6281234567801", "+6281234567802"]),
        ("+62 812 3456 7801", ["+62 812 3456 7801"]),
        ("0812 34567801,0812 34567802", ["0812 34567801", "0812 34567802"]),
        ("812345678901 23456", ["812345678901 23456"]),
        ("hello world, 81234567801", ["hello world", "81234567801"]),
    ],
)
def test_split(text: str, mentions: list[str]) -> None:
    assert split_numbers(text) == mentions


def test_split_with_the_country_knows_its_lengths() -> None:
    niue = numbering("NU")
    assert split_numbers("4001 4002", niue) == ["4001", "4002"]
    assert split_numbers("4001 4002") == ["4001 4002"]
    assert split_numbers("+683 4001", niue) == ["+683 4001"]


@settings(max_examples=100)
@given(
    numbers=st.lists(st.text("0123456789", min_size=1, max_size=15), max_size=30),
    separator=st.sampled_from((",", ", ", "\uff0c", ";", "\uff1b ", "\t", "\r\n", ",,", " ,\n")),
)
def test_split_finds_what_was_joined(numbers: list[str], separator: str) -> None:
    assert split_numbers(separator.join(numbers)) == numbers
