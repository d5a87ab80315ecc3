"""Submissions as submit_sm: alphabets, long texts, senders, times, by the settings of a channel."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.carriers.smpp.config import SmppConfig
from tocsin.carriers.smpp.mapping import Mapping, UnsayableError
from tocsin.carriers.smpp.reading import read_header
from tocsin.content import gsm7, measure, split
from tocsin.smpp import UDHI, Message, Tag
from tocsin.traffic import Priority, Product, Submission

NOW = 1_700_000_000.0


def submission(text: str = "hello", **changes: Any) -> Submission:
    fields: dict[str, Any] = {
        "message_id": bytes(range(16)), "attempt": 1, "part": 1, "parts": 1, "product": Product.SMS,
        "priority": Priority.NOTIFICATION, "phone": "6281234567890", "sender": "ACME", "text": text,
        "ucs2": measure(text).ucs2, "expires_at": NOW + 3600,
    }  # fmt: skip
    return Submission(**(fields | changes))


def write(text: str = "hello", *, of: dict[str, Any] | None = None, **changes: Any) -> Message:
    config = SmppConfig(host="h", system_id="s", **(of or {}))
    return Mapping(config).write(submission(text, **changes), NOW)


def test_an_ordinary_message() -> None:
    message = write("hi @ €")
    assert (message.destination, message.destination_ton, message.destination_npi) == (b"6281234567890", 1, 1)
    assert (message.source, message.source_ton, message.source_npi) == (b"ACME", 5, 0)
    assert (message.text, message.data_coding, message.esm_class) == (b"hi \x00 \x1b\x65", 0, 0)
    assert (message.registered, message.priority, message.validity) == (1, 0, b"000000010000000R")
    assert message.tlvs == {}


@pytest.mark.parametrize(
    ("of", "text", "octets", "coding"),
    [
        ({}, "çok güzel ş", "çok güzel ş".encode("utf-16-be"), 8),
        ({}, "😀", "😀".encode("utf-16-be"), 8),
        ({"gsm": "packed"}, "hellohello", bytes.fromhex("E8329BFD4697D9EC37"), 0),
        ({"gsm": "latin1"}, "é@à", b"\xe9@\xe0", 3),
        ({"gsm": "latin1", "gsm_coding": 0}, "é@à", b"\xe9@\xe0", 0),
        ({"gsm": "latin1"}, "1 €", "1 €".encode("utf-16-be"), 8),
        ({"gsm_coding": 1}, "plain", b"plain", 1),
        ({"ucs2_coding": 24}, "日", "日".encode("utf-16-be"), 24),
    ],
)
def test_alphabets(of: dict[str, Any], text: str, octets: bytes, coding: int) -> None:
    message = write(text, of=of)
    assert (message.text, message.data_coding) == (octets, coding)


def test_a_text_of_septets_that_latin1_lacks_goes_as_a_payload_or_not_at_all() -> None:
    text = "Ω" * 100
    message = write(text, of={"gsm": "latin1"})
    assert (message.text, message.tlvs) == (b"", {Tag.MESSAGE_PAYLOAD: text.encode("utf-16-be")})
    with pytest.raises(UnsayableError):
        write(text, of={"gsm": "latin1"}, part=1, parts=2)


def test_national_tables_are_named_by_the_header() -> None:
    message = write("ışık ş", of={"national": "tr"})
    assert (message.esm_class, message.data_coding) == (UDHI, 0)
    header, body = read_header(message.text)
    assert gsm7.decode(body, header.locking, header.single) == "ışık ş"
    assert (header.locking, header.single) == (1, 0)


@pytest.mark.parametrize("form", ["udh8", "udh16", "sar"])
@pytest.mark.parametrize("content", ["a" * 400, "日" * 150, "ü€" * 100], ids=["septets", "ucs2", "escapes"])
@pytest.mark.parametrize("gsm", ["unpacked", "packed"])
def test_parts_say_where_they_stand_and_fit_into_140_octets(form: str, content: str, gsm: str) -> None:
    parts = split(content, wide=form == "udh16")
    texts, references = [], set()
    for part, text in enumerate(parts, 1):
        message = write(
            text, of={"long_text": form, "gsm": gsm}, part=part, parts=len(parts), ucs2=measure(content).ucs2,
            wide=form == "udh16",
        )  # fmt: skip
        header, body = read_header(message.text) if message.esm_class & UDHI else (None, message.text)
        if header is None:
            references.add(message.tlvs[Tag.SAR_MSG_REF_NUM])
            assert message.tlvs[Tag.SAR_TOTAL_SEGMENTS] + message.tlvs[Tag.SAR_SEGMENT_SEQNUM] == bytes(
                (len(parts), part)
            )
        else:
            references.add(bytes((header.reference >> 8, header.reference & 255)))
            assert (header.parts, header.part) == (len(parts), part)
            assert (header.reference > 255) == (form == "udh16")
        texts.append(read_text(message, body, text))
    assert "".join(texts) == content
    assert len(references) == 1


def read_text(message: Message, body: bytes, text: str) -> str:
    skipped = len(message.text) - len(body)
    if message.data_coding == 8:
        assert len(message.text) <= 140
        return body.decode("utf-16-be")
    count = measure(text).units
    if len(body) < count:  # packed
        assert len(message.text) <= 140
        return gsm7.decode(gsm7.unpack(body, count, -skipped * 8 % 7))
    assert skipped * 8 + len(body) * 7 <= 1120
    return gsm7.decode(body)


@pytest.mark.parametrize(("text", "length"), [("a" * 1000, 1000), ("日" * 500, 1000), ("a" * 160, 0), ("日" * 70, 0)])
def test_a_whole_long_text_is_a_payload(text: str, length: int) -> None:
    message = write(text, of={"long_text": "payload"})
    assert len(message.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")) == length
    assert bool(message.text) != bool(length)


@pytest.mark.parametrize(
    ("sender", "of", "expected"),
    [
        ("10690", {}, (b"10690", 3, 0)),
        ("+6281234567890", {}, (b"6281234567890", 1, 1)),
        ("Ä", {}, (b"?", 5, 0)),
        ("", {}, (b"", 0, 0)),
        ("", {"sender": "DEF"}, (b"DEF", 5, 0)),
        ("ACME", {"sender": "DEF"}, (b"ACME", 5, 0)),
        ("ACME", {"sender": "777", "sender_always": True}, (b"777", 3, 0)),
        ("ACME", {"ton_npi": {"alphanumeric": "5/1"}}, (b"ACME", 5, 1)),
    ],
)
def test_senders(sender: str, of: dict[str, Any], expected: tuple[bytes, int, int]) -> None:
    message = write(sender=sender, of=of)
    assert (message.source, message.source_ton, message.source_npi) == expected


def test_receipts_priorities_and_service() -> None:
    message = write(of={"intermediate": True, "priorities": (3, 1, 0), "service_type": "CMT"}, priority=Priority.VERIFY)
    assert (message.registered, message.priority, message.service_type) == (0x11, 3, b"CMT")
    assert write(of={"receipts": False, "intermediate": True}).registered == 0
    assert write(of={"ton_npi": {"recipient": "0/0"}}).destination_ton == 0


@given(st.floats(NOW - 1e6, NOW + 1e8))
def test_validity_is_a_time_of_the_specification(expires_at: float) -> None:
    for form, last in (("relative", b"R"), ("absolute", b"+")):
        validity = write(of={"validity": form}, expires_at=expires_at).validity
        assert len(validity) == 16
        assert validity.endswith(last)
        assert validity[:15].isdigit()
    assert write(of={"validity": "none"}).validity == b""
