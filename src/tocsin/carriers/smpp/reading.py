"""What an SMSC delivers, read: a receipt, a reply, or a part of one. Pure, and bounded by the length of a PDU.

Source: SMPP v3.4, 5.2.12 (esm_class), 5.2.19 (data_coding), 5.3.2.35 (message_state), appendix B (texts of receipts, which differ
from carrier to carrier: what is missing is left out, in any order); 3GPP TS 23.038, 4 (data coding groups); TS 23.040, 9.2.3.24.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tocsin.carriers.smpp.config import SmppConfig
from tocsin.carriers.smpp.words import STATE_NAMES, STATE_WORDS, read_states
from tocsin.content import gsm7
from tocsin.smpp import INTERMEDIATE, RECEIPT, TYPE_MASK, UDHI, Message, Tag
from tocsin.traffic import Inbound, Reason, Receipt

_KEYS: Final = ("id", "sub", "dlvrd", "submit date", "done date", "stat", "err", "text")
_NEEDED: Final = ("id", "stat", "err")
# What nearly all write, in the order of appendix B; without a choice for the matcher, so that it takes one look at each octet.
_usual: Final = re.compile(
    rb"id:([^ \0]{1,200}) sub:[^ ]* dlvrd:[^ ]* submit date:[^ ]* done date:[^ ]* stat:([A-Za-z]{1,20}) err:([^ \0]{1,20}) "
).match
_WORD: Final = 7
_ID_MOST: Final = 255
_BINARY: Final = "binary"
# data_coding of 3.4; the rest is read by its bits.
_CODINGS: Final = {
    0: "gsm", 1: "latin-1", 2: _BINARY, 3: "latin-1", 4: _BINARY, 5: "shift_jis", 6: "iso8859-5", 7: "iso8859-8", 8: "utf-16-be",
    10: "iso2022_jp", 13: "euc_jp", 14: "euc_kr",
}  # fmt: skip
_BY_BITS: Final = ("gsm", _BINARY, "utf-16-be", _BINARY)


class Header(NamedTuple):
    """What a text's header says. `parts` 1: it is whole."""

    reference: int = 0
    parts: int = 1
    part: int = 1
    locking: int = 0
    single: int = 0


class Reading:
    """Of one channel."""

    def __init__(self, config: SmppConfig) -> None:
        self._config = config
        self._states = read_states("", config.receipt_states)[0]
        self._errors = read_states("", config.receipt_errors)[0]

    def read(self, message: Message, now_s: float) -> Receipt | Inbound | None:
        """None: a receipt that names no message."""
        kind = message.esm_class & TYPE_MASK
        if kind in {RECEIPT, INTERMEDIATE}:
            return self._read_receipt(message, now_s)
        if kind == 0 and (Tag.RECEIPTED_MESSAGE_ID in message.tlvs or _looks_like_receipt(message.text)):
            return self._read_receipt(message, now_s)  # some SMSCs mark none of theirs
        return self._read_reply(message, now_s)

    def _read_receipt(self, message: Message, now_s: float) -> Receipt | None:
        """The parameters go before the text."""
        text = message.tlvs.get(Tag.MESSAGE_PAYLOAD) or message.text
        usual = _usual(text)
        if usual is not None:
            fields = dict(zip(_NEEDED, (each.decode("latin-1") for each in usual.groups()), strict=True))
        else:
            fields = read_fields(text)
        name = message.tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").decode("latin-1").rstrip("\0") or fields.get("id", "")
        # A C-octet string ends at its NUL, and no answer's id is longer: the database takes neither, nor what comes with it.
        name = name.partition("\0")[0][:_ID_MOST]
        if not name:
            return None
        state = message.tlvs.get(Tag.MESSAGE_STATE, b"")
        word = fields.get("stat", "").upper()
        if len(state) == 1:
            word = STATE_NAMES.get(state[0], word)
        reason = self._find_reason(word, fields.get("err", ""))
        carrier_id, *others = write_ids(name, self._config.id_format)
        return Receipt(carrier_id, _digits(message.source), reason, now_s, others=tuple(others))

    def _find_reason(self, word: str, error: str) -> Reason:
        reason = self._states.get(word)
        if reason is None:
            reason = STATE_WORDS.get(word[:_WORD], Reason.SENDING)
        if reason not in {Reason.SUCCESS, Reason.SENDING}:
            return self._errors.get(error.upper(), reason)
        return reason

    def _read_reply(self, message: Message, now_s: float) -> Inbound:
        octets = message.tlvs.get(Tag.MESSAGE_PAYLOAD) or message.text
        header, body = Header(), octets
        if message.esm_class & UDHI:
            header, body = read_header(octets)
        header = _read_sar(message, header)
        skipped = len(octets) - len(body)
        text = self._read_text(body, message.data_coding, header, -skipped * 8 % 7)
        return Inbound(
            _digits(message.source), message.destination.decode("latin-1"), text, now_s, header.reference, header.parts, header.part
        )  # fmt: skip

    def _read_text(self, octets: bytes, data_coding: int, header: Header, fill_bits: int) -> str:
        """Binary texts are hexadecimal digits."""
        coding = _CODINGS.get(data_coding) or _coding_of_bits(data_coding)
        if coding == "gsm" and self._config.default_alphabet == "latin1":
            coding = "latin-1"
        if coding == _BINARY:
            return octets.hex()
        if coding == "utf-16-be":
            return octets[: len(octets) & ~1].decode(coding, "surrogatepass")
        if coding != "gsm":
            return octets.decode(coding, "replace")
        if self._config.default_alphabet == "packed":
            octets = gsm7.unpack(octets, (len(octets) * 8 - fill_bits) // 7, fill_bits)
        return gsm7.decode(octets, header.locking, header.single)


def write_ids(name: str, form: str) -> tuple[str, ...]:
    """The ways in which an answer may have written the id that a receipt has, the likeliest first.

    `form`: text, hex (answers are hexadecimal, receipts decimal), decimal (the other way round), either.
    """
    as_hex, as_decimal = _convert(name, 10, "x"), _convert(name, 16, "d")
    if form == "hex":
        return (as_hex or name,)
    if form == "decimal":
        return (as_decimal or name,)
    if form == "either":
        return tuple(dict.fromkeys(each for each in (normalise_answer(name, form), as_hex, as_decimal) if each))
    return (name,)


def normalise_answer(name: str, form: str) -> str:
    """The id of an answer, as it is stored: where it is a number without leading noughts, in lower case."""
    if form == "hex" or (form == "either" and not name.isdecimal()):
        return _convert(name, 16, "x") or name
    return _convert(name, 10, "d") or name if form in {"decimal", "either"} else name


def _convert(name: str, base: int, form: str) -> str:
    """The number in another base; "": it is none in this one. No carrier's id has more digits."""
    if not (name.isascii() and name.isalnum()) or len(name) > 64:
        return ""
    try:
        return format(int(name, base), form)
    except ValueError:
        return ""


def read_fields(text: bytes) -> dict[str, str]:
    """`id:... sub:... stat:...` by their keys, in any case and order; `text` goes to the end."""
    found: dict[str, str] = {}
    lower = text.lower()
    places: list[tuple[int, int, str]] = []
    for key in _KEYS:
        at = lower.find(f"{key}:".encode())
        if at >= 0 and (at == 0 or not lower[at - 1 : at].isalnum()):
            places.append((at, at + len(key) + 1, key))
    places.sort()
    for place, (_, begin, key) in enumerate(places):
        end = places[place + 1][0] if place + 1 < len(places) and key != "text" else len(text)
        found.setdefault(key, text[begin:end].strip(b" \0\r\n\t").decode("latin-1"))
        if key == "text":
            break
    return {key: value.split(" ")[0] if key in {"id", "stat", "err"} else value for key, value in found.items()}


def _looks_like_receipt(text: bytes) -> bool:
    return text[:3].lower() == b"id:" and {"stat", "done date"} <= read_fields(text).keys()


def read_header(octets: bytes) -> tuple[Header, bytes]:
    """The header of a text, and what stands behind it; a broken one is no header."""
    length = octets[0] if octets else 0
    if length + 1 > len(octets):
        return Header(), octets
    header, at, end = Header(), 1, length + 1
    while at + 2 <= end:
        element, size = octets[at], octets[at + 1]
        value = octets[at + 2 : min(at + 2 + size, end)]
        at += 2 + size
        if len(value) == size:
            header = _read_element(header, element, value)
    return header, octets[end:]


def _read_element(header: Header, element: int, value: bytes) -> Header:
    if (element, len(value)) in {(0x00, 3), (0x08, 4)}:
        parts, part = value[-2], value[-1]
        if 1 <= part <= parts:
            return header._replace(reference=int.from_bytes(value[:-2], "big"), parts=parts, part=part)
    elif (element, len(value)) == (0x24, 1):
        return header._replace(single=value[0])
    elif (element, len(value)) == (0x25, 1):
        return header._replace(locking=value[0])
    return header


def _read_sar(message: Message, header: Header) -> Header:
    reference, parts, part = (
        int.from_bytes(message.tlvs.get(tag, b"")[:2], "big")
        for tag in (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)
    )
    return header._replace(reference=reference, parts=parts, part=part) if 1 <= part <= parts <= 255 else header


def _coding_of_bits(data_coding: int) -> str:
    """TS 23.038, section 4: class messages and the general group."""
    if data_coding & 0xF0 == 0xF0:
        return _BINARY if data_coding & 0x04 else "gsm"
    return _BY_BITS[data_coding >> 2 & 3] if data_coding & 0xC0 == 0 else "gsm"


def _digits(address: bytes) -> str:
    return address.decode("latin-1").lstrip("+").removeprefix("00")
