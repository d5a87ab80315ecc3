"""Receipts: when one is wanted, and what it says, as text and as TLVs. Pure.

Source: SMPP v3.4 issue 1.2, appendix B (text), 5.2.12 (esm_class), 5.2.17 (registered_delivery), 5.3.2 (TLVs); 5.0, 4.7.21 for
"success only".
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from tocsin.kit.clock import UTC
from tocsin.smpp import INTERMEDIATE, RECEIPT, Message, MessageState, Tag
from tocsin.smsc.naming import Name
from tocsin.smsc.options import ReceiptForm
from tocsin.smsc.reading import read_header, read_text

STAT: Final = {
    MessageState.ENROUTE: b"ENROUTE",
    MessageState.DELIVERED: b"DELIVRD",
    MessageState.EXPIRED: b"EXPIRED",
    MessageState.DELETED: b"DELETED",
    MessageState.UNDELIVERABLE: b"UNDELIV",
    MessageState.ACCEPTED: b"ACCEPTD",
    MessageState.UNKNOWN: b"UNKNOWN",
    MessageState.REJECTED: b"REJECTD",
}
_GSM: Final = 3  # network type of network_error_code
_OF_END, _INTERMEDIATE_WANTED = 0x03, 0x10  # of registered_delivery
_OF_SUCCESS: Final = frozenset({1, 3})
_OF_FAILURE: Final = frozenset({1, 2})
_READABLE: Final = frozenset({0x00, 0x01, 0x03})  # codings whose octets a receipt repeats
HEAD_LENGTH: Final = 20
"""Octets of the message that its receipt repeats."""


class Taken(msgspec.Struct, gc=False):
    """A message that was taken, as far as its receipts need it."""

    answered_id: bytes
    receipt_id: bytes
    at_s: float
    destination: bytes
    source: bytes
    tons: tuple[int, int, int, int]  # ton and npi of the source, then of the destination
    registered: int
    head: bytes


class Report(msgspec.Struct, gc=False, frozen=True):
    """What there is to say of a message. `at_s`: epoch seconds."""

    state: MessageState
    error: int
    at_s: float


def make_taken(message: Message, name: Name, at_s: float) -> Taken:
    """What is kept of a message."""
    m = message
    return Taken(
        name.answered, name.in_receipt, at_s, m.destination, m.source,
        (m.source_ton, m.source_npi, m.destination_ton, m.destination_npi), m.registered, _read_head(m),
    )  # fmt: skip


def _read_head(message: Message) -> bytes:
    """The first octets of its text, where they are characters."""
    if message.data_coding not in _READABLE:
        return b""
    start = len(read_header(message) or b"")
    return read_text(message)[start : start + HEAD_LENGTH]


def is_wanted(registered: int, state: MessageState) -> bool:
    """Whether registered_delivery asks for a receipt of this state."""
    if state is MessageState.ENROUTE:
        return bool(registered & _INTERMEDIATE_WANTED)
    return registered & _OF_END in (_OF_SUCCESS if state is MessageState.DELIVERED else _OF_FAILURE)


def build_receipt(taken: Taken, report: Report, form: ReceiptForm) -> Message:
    """The message that brings it: from the number to the sender."""
    source_ton, source_npi, destination_ton, destination_npi = taken.tons
    by_text = form is not ReceiptForm.TLV
    by_tlv = form is not ReceiptForm.TEXT
    return Message(
        taken.source,
        taken.destination,
        build_text(taken, report) if by_text else b"",
        RECEIPT if report.state is not MessageState.ENROUTE else INTERMEDIATE,
        source_ton=destination_ton,
        source_npi=destination_npi,
        destination_ton=source_ton,
        destination_npi=source_npi,
        tlvs=build_tlvs(taken, report) if by_tlv else {},
    )


def build_text(taken: Taken, report: Report) -> bytes:
    """`id:... sub:001 dlvrd:001 submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DELIVRD err:000 text:...`, in UTC."""
    middle = _write_middle(int(taken.at_s) // 60, int(report.at_s) // 60, report.state, report.error)
    return b"id:" + taken.receipt_id + middle + taken.head


@lru_cache(maxsize=256)
def _write_middle(submitted: int, done: int, state: MessageState, error: int) -> bytes:
    """What many receipts of a minute have in common."""
    return b" sub:001 dlvrd:%03d submit date:%b done date:%b stat:%b err:%03d text:" % (
        state is MessageState.DELIVERED,
        _write_minute(submitted),
        _write_minute(done),
        STAT[state],
        error,
    )


def _write_minute(minute: int) -> bytes:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%y%m%d%H%M").encode()


def build_tlvs(taken: Taken, report: Report) -> dict[int, bytes]:
    """receipted_message_id, message_state and, where there is one, network_error_code."""
    tlvs: dict[int, bytes] = {
        Tag.RECEIPTED_MESSAGE_ID: taken.receipt_id + b"\0",
        Tag.MESSAGE_STATE: bytes((report.state,)),
    }
    if report.error:
        tlvs[Tag.NETWORK_ERROR_CODE] = bytes((_GSM, *report.error.to_bytes(2, "big")))
    return tlvs


def move_text(message: Message) -> Message:
    """The same for data_sm, which has its text in a TLV."""
    m = message
    tlvs = {**m.tlvs, Tag.MESSAGE_PAYLOAD: m.text} if m.text else m.tlvs
    return Message(
        m.destination, m.source, b"", m.esm_class, 0, 0, m.source_ton, m.source_npi, m.destination_ton, m.destination_npi,
        tlvs=tlvs,
    )  # fmt: skip


def write_absolute(at_s: float) -> bytes:
    """A time of query_sm_resp: YYMMDDhhmmsstnn+ (3.4, 7.1.1)."""
    return datetime.fromtimestamp(int(at_s), UTC).strftime("%y%m%d%H%M%S000+").encode()
