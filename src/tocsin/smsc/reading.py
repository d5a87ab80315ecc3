"""What a submitted message says of itself, and what is wrong with it. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from tocsin.smpp import UDHI, Message, Status, Tag

_SEPTETS, _OCTETS = 160, 140  # of one short message on the air (3GPP TS 23.040, 9.2.3.16)
_SEPTET_CODINGS: Final = frozenset({0x00, 0x01, 0x03})
_KNOWN_CODINGS: Final = frozenset({*range(11), 0x0D, 0x0E, *range(0xC0, 0xE4), *range(0xF0, 0x100)})  # 3.4, 5.2.19
_PRIORITY_MOST, _TIME_LENGTH, _ADDRESS_MOST = 3, 16, 21
_CONCATENATED: Final = {0x00: 3, 0x08: 4}  # element of a header -> its length (3GPP TS 23.040, 9.2.3.24.1 and .8)
_SAR: Final = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)


class Part(NamedTuple):
    """Which part of how many; 1 of 1 where a message is whole."""

    number: int = 1
    total: int = 1


WHOLE: Final = Part()


def find_fault(message: Message, *, known_codings_only: bool = False) -> int:
    """The command_status that a strict SMSC refuses it with; 0: it is in order."""
    m = message
    number = m.destination.removeprefix(b"+")
    if not number.isdigit() or len(m.destination) > _ADDRESS_MOST:
        return Status.INVALID_DESTINATION
    if m.priority > _PRIORITY_MOST:
        return Status.INVALID_PRIORITY
    if m.schedule and not _is_time(m.schedule):
        return Status.INVALID_SCHEDULE
    if m.validity and not _is_time(m.validity):
        return Status.INVALID_EXPIRY
    if known_codings_only and m.data_coding not in _KNOWN_CODINGS:
        return Status.INVALID_DATA_CODING
    return _find_fault_of_text(m) if m.tlvs or len(m.text) > _OCTETS or m.esm_class & UDHI else 0


def _is_time(text: bytes) -> bool:
    return len(text) == _TIME_LENGTH and text[:15].isdigit() and text[15:] in b"+-R"


def _find_fault_of_text(message: Message) -> int:
    payload = message.tlvs.get(Tag.MESSAGE_PAYLOAD)
    if payload is not None and message.text:
        return Status.TLV_NOT_ALLOWED
    header = read_header(message)
    if header is None:
        return Status.INVALID_ESM_CLASS
    octets = len(message.text) - len(header)
    most = _OCTETS - len(header)
    if message.data_coding in _SEPTET_CODINGS or (message.data_coding & 0xF4) == 0xF0:
        most = _SEPTETS - -(-len(header) * 8 // 7)
    return Status.INVALID_MESSAGE_LENGTH if payload is None and octets > most else 0


def read_text(message: Message) -> bytes:
    """All octets of its text, the header included."""
    return message.text or message.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")


def read_header(message: Message) -> bytes | None:
    """Its header with the octet of its length, b"" where it has none; None: it goes beyond the text."""
    if not message.esm_class & UDHI:
        return b""
    text = read_text(message)
    end = text[0] + 1 if text else 1
    return text[:end] if end <= len(text) else None


def read_part(message: Message) -> Part:
    """By its header, else by its SAR parameters."""
    if message.esm_class & UDHI:
        return _read_part_of_header(read_header(message) or b"")
    if message.tlvs and all(tag in message.tlvs for tag in _SAR):
        total, number = (int.from_bytes(message.tlvs[tag], "big") for tag in _SAR[1:])
        return _make_part(number, total)
    return WHOLE


def _read_part_of_header(header: bytes) -> Part:
    at = 1
    while at + 2 <= len(header):
        element, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if _CONCATENATED.get(element) == length == len(value):
            return _make_part(value[-1], value[-2])
        at += 2 + length
    return WHOLE


def _make_part(number: int, total: int) -> Part:
    return Part(number, total) if 1 <= number <= total else WHOLE
