"""What SMSCs deliver: receipts in all their dialects, replies in all alphabets, parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.carriers.smpp.arrivals import describe_request
from tocsin.carriers.smpp.config import SmppConfig
from tocsin.carriers.smpp.reading import Reading, normalise_answer, read_fields, read_header, write_ids
from tocsin.carriers.smpp.words import read_codes, read_kinds, read_states
from tocsin.carriers.words import STATES
from tocsin.content import gsm7
from tocsin.smpp import RECEIPT, UDHI, Asked, Command, Message, Tag
from tocsin.traffic import Inbound, OutcomeKind, Reason, Receipt

NOW = 1_700_000_000.0
TEXT = (
    b"id:7a5 sub:001 dlvrd:001 submit date:2311141200 done date:2311141201 stat:DELIVRD err:000 text:id:9 stat:EXPIRED"
)


def read(message: Message, **of: Any) -> Receipt | Inbound | None:
    return Reading(SmppConfig(host="h", system_id="s", **of)).read(message, NOW)


def deliver(text: bytes = b"", **fields: Any) -> Message:
    return Message(b"12345", b"6281234567890", text, **fields)


def receipt(text: bytes = TEXT, **fields: Any) -> Message:
    return deliver(text, esm_class=RECEIPT, **fields)


def test_a_receipt_of_the_specification() -> None:
    assert read(receipt()) == Receipt("7a5", "6281234567890", Reason.SUCCESS, NOW)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("DELIVRD", Reason.SUCCESS), ("delivrd", Reason.SUCCESS), ("DELIVERED", Reason.SUCCESS), ("EXPIRED", Reason.EXPIRED),
        ("DELETED", Reason.UNDELIVERED), ("UNDELIV", Reason.UNDELIVERED), ("UNDELIVERABLE", Reason.UNDELIVERED),
        ("ACCEPTD", Reason.SENDING), ("ENROUTE", Reason.SENDING), ("UNKNOWN", Reason.UNDELIVERED), ("REJECTD", Reason.REJECTED),
        ("REJECTED", Reason.REJECTED), ("WHATEVER", Reason.SENDING), ("", Reason.SENDING),
    ],
)  # fmt: skip
def test_states(word: str, reason: Reason) -> None:
    found = read(receipt(f"id:1 stat:{word} err:005".encode()))
    assert isinstance(found, Receipt)
    assert found.reason is reason


def test_parameters_go_before_the_text() -> None:
    tlvs: dict[int, bytes] = {Tag.RECEIPTED_MESSAGE_ID: b"abc\0", Tag.MESSAGE_STATE: b"\x05"}
    found = read(receipt(TEXT, tlvs=tlvs))
    assert found == Receipt("abc", "6281234567890", Reason.UNDELIVERED, NOW)
    assert read(receipt(b"", tlvs=tlvs)) == found
    assert read(deliver(b"anything", tlvs=tlvs)) == found  # some mark none of theirs
    assert read(Message(b"1", b"6281234567890", esm_class=RECEIPT, tlvs=tlvs)) == found  # as data_sm brings it


def test_an_id_ends_at_its_nul() -> None:
    tlvs: dict[int, bytes] = {Tag.RECEIPTED_MESSAGE_ID: b"abc\0rest\0", Tag.MESSAGE_STATE: b"\x02"}
    expected = Receipt("abc", "6281234567890", Reason.SUCCESS, NOW)
    assert read(receipt(b"", tlvs=tlvs)) == read(receipt(b"id:abc\0rest stat:DELIVRD")) == expected


def test_what_is_no_receipt_is_a_reply_and_what_names_nothing_is_none() -> None:
    assert isinstance(read(deliver(TEXT)), Receipt)
    assert isinstance(read(deliver(b"id: do you want it? stat")), Inbound)
    assert read(receipt(b"stat:DELIVRD")) is None
    assert read(receipt(b"")) is None


def test_a_channel_has_words_of_its_own() -> None:
    of = {
        "receipt_states": {"unknown": "intermediate", "DELIVRD": "failed"},
        "receipt_errors": {"001": "number error", "0B": "blacklisted"},
    }
    reasons = [
        read(receipt(f"id:1 stat:{word} err:{error}".encode()), **of)
        for word, error in [("UNKNOWN", "001"), ("DELIVRD", "0b"), ("UNDELIV", "001"), ("UNDELIV", "002")]
    ]
    assert [each.reason for each in reasons if isinstance(each, Receipt)] == [
        Reason.SENDING, Reason.BLACKLISTED, Reason.NUMBER_ERROR, Reason.UNDELIVERED,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"ID:0012 STAT:X", {"id": "0012", "stat": "X"}),
        (b"stat:X id:5", {"id": "5", "stat": "X"}),
        (b"id:5 text:a stat:X", {"id": "5", "text": "a stat:X"}),
        (b"id:5\0stat:X\0", {"id": "5", "stat": "X"}),
        (b"void:5 stat:X", {"stat": "X"}),
        (b"id: 5 stat:X", {"id": "5", "stat": "X"}),
    ],
)
def test_fields_in_all_orders(text: bytes, expected: dict[str, str]) -> None:
    assert read_fields(text) == expected


@pytest.mark.parametrize(
    ("form", "answer", "receipt_id"),
    [
        ("text", "7a5", "7a5"), ("text", "0012", "0012"), ("text", "a-b", "a-b"),
        ("hex", "7A5", "1957"), ("hex", "000007a5", "0001957"), ("hex", "no-number", "no-number"),
        ("decimal", "1957", "7a5"), ("decimal", "0001957", "000007A5"),
        ("either", "7A5", "1957"), ("either", "7a5", "7A5"), ("either", "1957", "7a5"), ("either", "1957", "1957"),
        ("either", "1234", "4660"), ("either", "a-b", "a-b"),
    ],
)  # fmt: skip
def test_ids_meet(form: str, answer: str, receipt_id: str) -> None:
    assert normalise_answer(answer, form) in write_ids(receipt_id, form)


@given(st.integers(0, 1 << 64), st.sampled_from(["hex", "decimal", "either"]))
def test_any_number_meets_itself(number: int, form: str) -> None:
    answer, told = (f"{number:x}", str(number)) if form == "hex" else (str(number), f"{number:X}")
    assert normalise_answer(answer, form) in write_ids(told, form)


@pytest.mark.parametrize(
    ("octets", "coding", "of", "text"),
    [
        (b"hi \x00 \x1b\x65", 0, {}, "hi @ €"),
        (b"\xe9@", 0, {"default_alphabet": "latin1"}, "é@"),
        (bytes.fromhex("E8329BFD4697D9EC37"), 0, {"default_alphabet": "packed"}, "hellohello"),
        (b"\xe9@", 3, {}, "é@"),
        (b"plain", 1, {}, "plain"),
        ("日本😀".encode("utf-16-be"), 8, {}, "日本😀"),
        ("日".encode("utf-16-be") + b"x", 8, {}, "日"),
        ("привет".encode("iso8859-5"), 6, {}, "привет"),
        ("שלום".encode("iso8859-8"), 7, {}, "שלום"),
        (b"\x00\xff\x10", 4, {}, "00ff10"),
        (b"\x00\xff\x10", 2, {}, "00ff10"),
        (b"\x00", 0xF0, {}, "@"),
        (b"\x00\xff", 0xF4, {}, "00ff"),
        ("日".encode("utf-16-be"), 0x18, {}, "日"),
        (b"\x00", 0x10, {}, "@"),
        (b"\x83\x65", 5, {}, "テ"),
    ],
)
def test_alphabets_of_replies(octets: bytes, coding: int, of: dict[str, Any], text: str) -> None:
    found = read(deliver(octets, data_coding=coding), **of)
    assert found == Inbound("6281234567890", "12345", text, NOW)


def test_a_payload_is_the_text() -> None:
    found = read(deliver(data_coding=8, tlvs={Tag.MESSAGE_PAYLOAD: "日".encode("utf-16-be") * 300}))
    assert isinstance(found, Inbound)
    assert found.content == "日" * 300


def test_parts_are_told_by_header_or_parameters() -> None:
    whole = "日本😀"
    octets = whole.encode("utf-16-be")
    first = read(deliver(b"\x05\x00\x03\x07\x02\x01" + octets[:6], data_coding=8, esm_class=UDHI))
    second = read(deliver(b"\x06\x08\x04\x00\x07\x02\x02" + octets[6:], data_coding=8, esm_class=UDHI))
    assert isinstance(first, Inbound)
    assert isinstance(second, Inbound)
    assert (first.reference, first.parts, first.part, second.part) == (7, 2, 1, 2)
    assert (first.content + second.content).encode("utf-16-be", "surrogatepass").decode("utf-16-be") == whole
    sar = {Tag.SAR_MSG_REF_NUM: b"\x01\x02", Tag.SAR_TOTAL_SEGMENTS: b"\x03", Tag.SAR_SEGMENT_SEQNUM: b"\x02"}
    found = read(deliver(b"x", tlvs=sar))
    assert isinstance(found, Inbound)
    assert (found.reference, found.parts, found.part, found.content) == (258, 3, 2, "x")


def test_a_packed_part_is_read_behind_its_header() -> None:
    header = b"\x05\x00\x03\x07\x02\x01"
    packed = gsm7.pack(b"hello", -len(header) * 8 % 7)
    found = read(deliver(header + packed, esm_class=UDHI), default_alphabet="packed")
    assert isinstance(found, Inbound)
    assert found.content == "hello"


@pytest.mark.parametrize(
    "octets", [b"", b"\x05", b"\x05\x00\x03\x07\x02", b"\x01\x00x", b"\x02\x00\x09hello", b"\x05\x00\x03\x07\x02\x03x"]
)
def test_a_broken_header_breaks_nothing(octets: bytes) -> None:
    header, _ = read_header(octets)
    assert (header.parts, header.part) == (1, 1)


MESSAGES = st.builds(
    Message, destination=st.binary(max_size=20), source=st.binary(max_size=20), text=st.binary(max_size=254),
    esm_class=st.integers(0, 255), data_coding=st.integers(0, 255),
    tlvs=st.dictionaries(st.sampled_from(list(Tag)), st.binary(max_size=300), max_size=4),
)  # fmt: skip


@given(MESSAGES, st.sampled_from(["gsm", "packed", "latin1"]), st.sampled_from(["text", "hex", "decimal", "either"]))
def test_nothing_that_comes_breaks_it(message: Message, alphabet: str, form: str) -> None:
    found = read(message, default_alphabet=alphabet, id_format=form)
    assert found is None or isinstance(found, Receipt | Inbound)
    if isinstance(found, Receipt):
        assert "\0" not in found.carrier_id
        assert len(found.carrier_id) <= 255
    if isinstance(found, Inbound):
        assert 1 <= found.part <= found.parts


def test_what_an_operator_writes_wrong_is_told() -> None:
    assert read_codes("errors", {"0x0B": "number error", "88": "throttled"}) == (
        {11: (OutcomeKind.PERMANENT, Reason.NUMBER_ERROR), 88: (OutcomeKind.THROTTLED, Reason.SENDING)}, [],
    )  # fmt: skip
    assert len(read_codes("errors", {"x": "temporary", "0": "temporary", "1": "odd"})[1]) == 3
    assert len(read_states("receipt_states", {"X": "odd"})[1]) == 1
    assert set(read_states("", {word: word for word in STATES})[0]) == {word.upper() for word in STATES}
    assert len(read_kinds({"odd": "1/1", "short": "1", "international": "1/999"})[1]) == 3
    with pytest.raises(ValueError, match="sender_always"):
        SmppConfig(host="h", system_id="s", sender_always=True)


def test_what_the_log_says_of_a_receipt_that_names_no_message() -> None:
    """It helps to find the receipt at the SMSC; the text, which may repeat the message, and the numbers are not in it."""
    message = Message(
        b"81234567890", b"628111", b"Your code is AB12-CD", esm_class=4, tlvs={Tag.MESSAGE_PAYLOAD: b"secret"}
    )
    text = describe_request(Asked(7, Command.DELIVER_SM, message))
    assert text == ("sequence 7, esm_class 0x04, data_coding 0x00, 20 octets of text, parameters: 0x0424 of 6")
