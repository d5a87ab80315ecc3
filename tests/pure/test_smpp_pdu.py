"""The codec of SMPP: what is written is read, what is broken is told and harms nothing."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.smpp import Bind, Command, Message, PduError, Query, Status, decode_request, encode, encode_request, pdu

OCTET = st.integers(0, 255)


def text(most: int) -> st.SearchStrategy[bytes]:
    """A C-octet string without its NUL."""
    return st.binary(max_size=most).map(lambda octets: octets.replace(b"\0", b"x"))


MESSAGES = st.builds(
    Message,
    destination=text(64), source=text(64), text=st.binary(max_size=254), esm_class=OCTET, data_coding=OCTET, registered=OCTET,
    source_ton=OCTET, source_npi=OCTET, destination_ton=OCTET, destination_npi=OCTET, priority=OCTET, validity=text(16),
    schedule=text(16), service_type=text(5), protocol_id=OCTET, replace=OCTET, default_id=OCTET,
    tlvs=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=300), max_size=5),
)  # fmt: skip
TEXTS = (Command.SUBMIT_SM, Command.DELIVER_SM)


@given(MESSAGES, st.sampled_from(TEXTS))
def test_a_message_comes_back(message: Message, command: Command) -> None:
    assert decode_request(command, encode_request(command, message)) == message


@given(MESSAGES)
def test_data_sm_comes_back_without_what_it_has_not(message: Message) -> None:
    found = decode_request(Command.DATA_SM, encode_request(Command.DATA_SM, message))
    assert found.tlvs == message.tlvs
    assert (found.destination, found.source, found.esm_class, found.registered, found.data_coding) == (
        message.destination, message.source, message.esm_class, message.registered, message.data_coding,
    )  # fmt: skip
    assert found.text == b""


@given(st.builds(Bind, text(64), text(64), text(32), OCTET, OCTET, OCTET, text(64)))
def test_a_bind_comes_back(bind: Bind) -> None:
    assert pdu.decode_bind(pdu.encode_bind(bind)) == bind


@given(st.builds(Query, text(60), text(60), OCTET, OCTET))
def test_a_query_comes_back(query: Query) -> None:
    assert pdu.decode_query(pdu.encode_query(query)) == query


@given(st.binary(max_size=400), st.sampled_from([*TEXTS, Command.DATA_SM]))
def test_any_octets_are_a_message_or_a_pdu_error(octets: bytes, command: Command) -> None:
    for read in (lambda body: decode_request(command, body), pdu.decode_bind, pdu.decode_query):
        with contextlib.suppress(PduError):
            read(octets)


@given(MESSAGES, st.sampled_from(TEXTS), st.data())
def test_a_message_that_is_cut_off_is_never_read_as_a_longer_one(
    message: Message, command: Command, data: st.DataObject
) -> None:
    body = encode_request(command, message)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    try:
        found = decode_request(command, cut)
    except PduError:
        return
    assert len(found.tlvs) < len(message.tlvs) or found.tlvs == {}


def test_known_octets() -> None:
    """submit_sm of the specification's kind, by hand."""
    message = Message(b"4912345", b"ACME", b"Hi", source_ton=5, destination_ton=1, destination_npi=1, registered=1)
    body = bytes.fromhex("00 0500") + b"ACME" + bytes.fromhex("00 0101") + b"4912345" + bytes.fromhex("00 000000 00 00")
    body += bytes.fromhex("01000000 02") + b"Hi"
    assert encode_request(Command.SUBMIT_SM, message) == body
    assert encode(Command.SUBMIT_SM, 0, 7, body)[:16].hex() == f"{len(body) + 16:08x}000000040000000000000007"


def test_a_tlv_that_comes_twice_counts_once_and_padding_is_none() -> None:
    body = encode_request(Command.SUBMIT_SM, Message(b"1"))
    twice = body + pdu.encode_tlvs({0x1400: b"a"}) + pdu.encode_tlvs({0x1400: b"b"}) + b"\0\0"
    assert decode_request(Command.SUBMIT_SM, twice).tlvs == {0x1400: b"b"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", Status.INVALID_MESSAGE_LENGTH),
        (b"\0\0\0" + b"1" * 70 + b"\0", Status.INVALID_MESSAGE_LENGTH),
        (encode_request(Command.SUBMIT_SM, Message(b"1", text=b"abc"))[:-1], Status.INVALID_MESSAGE_LENGTH),
        (encode_request(Command.SUBMIT_SM, Message(b"1")) + b"\x04\x24\x00\x09x", Status.INVALID_TLV_STREAM),
        (encode_request(Command.SUBMIT_SM, Message(b"1")) + b"\x04\x24", Status.INVALID_TLV_STREAM),
    ],
    ids=["nothing", "a long address", "a short text", "a TLV beyond the end", "half a TLV"],
)
def test_what_is_broken_has_its_status(body: bytes, status: Status) -> None:
    with pytest.raises(PduError) as caught:
        decode_request(Command.SUBMIT_SM, body)
    assert caught.value.status == status


def test_a_text_that_is_too_long_is_not_written() -> None:
    with pytest.raises(ValueError, match="254"):
        encode_request(Command.SUBMIT_SM, Message(b"1", text=b"x" * 255))
