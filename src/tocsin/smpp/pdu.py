"""PDUs as values, and their octets: what an end sends, and what it may trust of what comes.

Addresses and texts stay octets here; who knows the peer reads them. Every length is checked before it is used. A body that
cannot be read raises PduError with the status that its sender is to be told; what follows the mandatory parameters is read as TLVs,
and a tag that comes twice counts once, by its last value.

Source: SMPP v3.4 issue 1.2, sections 3.2 (layout), 4 (PDUs) and 5.3 (optional parameters).
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Final

import msgspec

from tocsin.smpp.words import RESPONSE, VERSION, Command, Status

HEAD: Final = Struct(">IIII")  # command_length, command_id, command_status, sequence_number
HEAD_SIZE: Final = 16
MOST_OCTETS: Final = 128 * 1024
"""Of one PDU: two TLVs of 64 KB would not fit any message."""
SHORT_MESSAGE_MOST: Final = 254
_TLV: Final = Struct(">HH")
_NO_TLVS: Final[dict[int, bytes]] = {}
# With their final NUL (4.1.1, 4.4.1); carriers use longer addresses and ids than 3.4 allows.
_SERVICE, _ADDRESS, _TIME, _SYSTEM_ID, _PASSWORD, _SYSTEM_TYPE, _RANGE = 6, 65, 17, 65, 65, 33, 65
MESSAGE_ID_MOST: Final = 256


class PduError(Exception):
    """A body that cannot be read; `status` is what its sender is told."""

    def __init__(self, status: Status, what: str) -> None:
        super().__init__(what)
        self.status = status


class Bind(msgspec.Struct, frozen=True):
    """bind_transmitter, bind_receiver, bind_transceiver (4.1)."""

    system_id: bytes
    password: bytes = b""
    system_type: bytes = b""
    version: int = VERSION
    ton: int = 0
    npi: int = 0
    address_range: bytes = b""


class Message(msgspec.Struct, frozen=True, gc=False):
    """submit_sm, deliver_sm (4.4, 4.6), and data_sm (4.7), which has no `text` but in the TLV message_payload."""

    destination: bytes
    source: bytes = b""
    text: bytes = b""  # short_message, its header (UDH) included
    esm_class: int = 0
    data_coding: int = 0
    registered: int = 0
    source_ton: int = 0
    source_npi: int = 0
    destination_ton: int = 0
    destination_npi: int = 0
    priority: int = 0
    validity: bytes = b""
    schedule: bytes = b""
    service_type: bytes = b""
    protocol_id: int = 0
    replace: int = 0
    default_id: int = 0
    tlvs: Mapping[int, bytes] = _NO_TLVS


class Query(msgspec.Struct, frozen=True):
    """query_sm (4.8)."""

    message_id: bytes
    source: bytes = b""
    source_ton: int = 0
    source_npi: int = 0


def encode(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """A whole PDU."""
    return HEAD.pack(HEAD_SIZE + len(body), command, status, sequence) + body


def encode_bind(bind: Bind) -> bytes:
    """The body."""
    head = b"\0".join((bind.system_id, bind.password, bind.system_type, b""))
    return head + bytes((bind.version, bind.ton, bind.npi)) + bind.address_range + b"\0"


def decode_bind(body: bytes) -> Bind:
    """Raises PduError."""
    system_id, at = _read_text(body, 0, _SYSTEM_ID)
    password, at = _read_text(body, at, _PASSWORD)
    system_type, at = _read_text(body, at, _SYSTEM_TYPE)
    version, ton, npi = _read_octets(body, at, 3)
    address_range, _ = _read_text(body, at + 3, _RANGE)
    return Bind(system_id, password, system_type, version, ton, npi, address_range)


def encode_message(message: Message) -> bytes:
    """The body of submit_sm or deliver_sm. Raises ValueError for a text over SHORT_MESSAGE_MOST octets."""
    m = message
    body = b"".join((
        m.service_type, b"\0", bytes((m.source_ton, m.source_npi)), m.source, b"\0",
        bytes((m.destination_ton, m.destination_npi)), m.destination, b"\0", bytes((m.esm_class, m.protocol_id, m.priority)),
        m.schedule, b"\0", m.validity, b"\0",
        bytes((m.registered, m.replace, m.data_coding, m.default_id, _check_length(m.text))), m.text,
    ))  # fmt: skip
    return body + encode_tlvs(m.tlvs) if m.tlvs else body


def _check_length(text: bytes) -> int:
    if len(text) > SHORT_MESSAGE_MOST:
        raise ValueError(f"a short message has {SHORT_MESSAGE_MOST} octets at most, not {len(text)}")
    return len(text)


def decode_message(body: bytes) -> Message:
    """Of submit_sm or deliver_sm. Raises PduError."""
    service_type, at = _read_text(body, 0, _SERVICE)
    source_ton, source_npi = _read_octets(body, at, 2)
    source, at = _read_text(body, at + 2, _ADDRESS)
    destination_ton, destination_npi = _read_octets(body, at, 2)
    destination, at = _read_text(body, at + 2, _ADDRESS)
    esm_class, protocol_id, priority = _read_octets(body, at, 3)
    schedule, at = _read_text(body, at + 3, _TIME)
    validity, at = _read_text(body, at, _TIME)
    registered, replace, data_coding, default_id, length = _read_octets(body, at, 5)
    end = at + 5 + length
    if end > len(body):
        raise PduError(Status.INVALID_MESSAGE_LENGTH, "sm_length goes beyond the PDU")
    tlvs = decode_tlvs(body, end) if end < len(body) else _NO_TLVS
    return Message(
        destination, source, body[at + 5 : end], esm_class, data_coding, registered, source_ton, source_npi, destination_ton,
        destination_npi, priority, validity, schedule, service_type, protocol_id, replace, default_id, tlvs,
    )  # fmt: skip


def encode_data(message: Message) -> bytes:
    """The body of data_sm; the text goes into message_payload."""
    m = message
    body = b"".join((
        m.service_type, b"\0", bytes((m.source_ton, m.source_npi)), m.source, b"\0",
        bytes((m.destination_ton, m.destination_npi)), m.destination, b"\0", bytes((m.esm_class, m.registered, m.data_coding)),
    ))  # fmt: skip
    return body + encode_tlvs(m.tlvs)


def decode_data(body: bytes) -> Message:
    """Of data_sm. Raises PduError."""
    service_type, at = _read_text(body, 0, _SERVICE)
    source_ton, source_npi = _read_octets(body, at, 2)
    source, at = _read_text(body, at + 2, _ADDRESS)
    destination_ton, destination_npi = _read_octets(body, at, 2)
    destination, at = _read_text(body, at + 2, _ADDRESS)
    esm_class, registered, data_coding = _read_octets(body, at, 3)
    return Message(
        destination, source, b"", esm_class, data_coding, registered, source_ton, source_npi, destination_ton, destination_npi,
        service_type=service_type, tlvs=decode_tlvs(body, at + 3),
    )  # fmt: skip


def encode_query(query: Query) -> bytes:
    """The body."""
    return query.message_id + b"\0" + bytes((query.source_ton, query.source_npi)) + query.source + b"\0"


def decode_query(body: bytes) -> Query:
    """Raises PduError."""
    message_id, at = _read_text(body, 0, MESSAGE_ID_MOST)
    ton, npi = _read_octets(body, at, 2)
    source, _ = _read_text(body, at + 2, _ADDRESS)
    return Query(message_id, source, ton, npi)


def encode_tlvs(tlvs: Mapping[int, bytes]) -> bytes:
    """All optional parameters, in their order. Raises struct.error for a value over 65,535 octets."""
    return b"".join([_TLV.pack(tag, len(value)) + value for tag, value in tlvs.items()])


def decode_tlvs(body: bytes, at: int) -> dict[int, bytes]:
    """What stands behind the mandatory parameters. Raises PduError."""
    tlvs: dict[int, bytes] = {}
    end = len(body)
    while at < end:
        if end - at < _TLV.size:
            if not body[at:].strip(b"\0"):  # some peers pad
                break
            raise PduError(Status.INVALID_TLV_STREAM, "a TLV is cut off")
        tag, length = _TLV.unpack_from(body, at)
        at += _TLV.size + length
        if at > end:
            raise PduError(Status.INVALID_TLV_STREAM, "a TLV goes beyond the PDU")
        tlvs[tag] = body[at - length : at]
    return tlvs


def response_to(command: int) -> int:
    """The command_id of the response."""
    return command | RESPONSE


def _read_text(body: bytes, at: int, most: int) -> tuple[bytes, int]:
    """A C-octet string of `most` octets at most, its NUL included; and where the next parameter begins."""
    end = body.find(b"\0", at, at + most)
    if end < 0:
        raise PduError(Status.INVALID_MESSAGE_LENGTH, "a text has no end, or is too long")
    return body[at:end], end + 1


def _read_octets(body: bytes, at: int, count: int) -> bytes:
    if at + count > len(body):
        raise PduError(Status.INVALID_MESSAGE_LENGTH, "the PDU is cut off")
    return body[at : at + count]


_MESSAGE_CODECS: Final = {
    Command.SUBMIT_SM: (encode_message, decode_message),
    Command.DELIVER_SM: (encode_message, decode_message),
    Command.DATA_SM: (encode_data, decode_data),
}


def encode_request(command: Command, message: Message) -> bytes:
    """The body of any of the three PDUs that carry a message."""
    return _MESSAGE_CODECS[command][0](message)


def decode_request(command: Command, body: bytes) -> Message:
    """The same, read. Raises PduError."""
    return _MESSAGE_CODECS[command][1](body)
