"""Submissions to submit_sm, by the settings of a channel. Pure: no socket, no clock.

Source: SMPP v3.4, 4.4 (submit_sm), 5.2.12 (esm_class), 5.2.19 (data_coding), 7.1.1 (times); 3GPP TS 23.040, 9.2.3.24
(headers of texts).
"""

from __future__ import annotations

import time
from typing import Final
from zlib import crc32

import msgspec

from tocsin.carriers.smpp.config import SmppConfig
from tocsin.carriers.smpp.words import read_kinds
from tocsin.content import gsm7
from tocsin.smpp import UDHI, Command, Message, Tag, encode_request
from tocsin.traffic import Submission

_TEXT_MOST: Final = 140  # octets of a short message on the air
_SHORT_CODE: Final = 6  # digits at most
_LATIN1_CODING: Final = 3
_DAY_S: Final = 86_400
_FRAMES_MOST: Final = 256


class UnsayableError(Exception):
    """The channel's alphabets have no form for this part."""


class Mapping:
    """Of one channel."""

    def __init__(self, config: SmppConfig) -> None:
        self._config = config
        self._kinds = read_kinds(config.ton_npi)[0]
        self._frames: dict[tuple[str, str, int, bool, int], tuple[bytes, bytes]] = {}
        coding = config.gsm_coding
        self._gsm_coding = coding if coding is not None else _LATIN1_CODING if config.gsm == "latin1" else 0
        # Receipts of both ends, and intermediate states (5.2.17).
        self._registered = (1 if config.receipts else 0) | (0x10 if config.receipts and config.intermediate else 0)

    def write_body(self, s: Submission, now_s: float) -> bytes:
        """The body of the submit_sm of one part. Raises UnsayableError.

        Messages of a batch differ in their number alone: what stands around it is made once.
        """
        if s.parts > 1 and s.part:
            return encode_request(Command.SUBMIT_SM, self.write(s, now_s))
        key = (s.text, s.sender, s.priority, s.ucs2, int(s.expires_at - now_s))
        frame = self._frames.get(key)
        if frame is None:
            if len(self._frames) >= _FRAMES_MOST:
                self._frames.clear()
            message = self.write(s, now_s)
            body = encode_request(Command.SUBMIT_SM, msgspec.structs.replace(message, destination=b""))
            place = len(message.service_type) + len(message.source) + 6  # two NULs, two pairs of TON and NPI
            frame = self._frames[key] = body[:place], body[place:]
        return frame[0] + s.phone.encode("ascii", "replace") + frame[1]

    def write(self, submission: Submission, now_s: float) -> Message:
        """The same as a value. Raises UnsayableError."""
        s, config = submission, self._config
        header, text, coding, tlvs = self._write_text(s)
        source, source_ton, source_npi = self._write_sender(s.sender)
        ton, npi = self._kinds["recipient"]
        body = header + text
        if Tag.MESSAGE_PAYLOAD in tlvs:
            tlvs[Tag.MESSAGE_PAYLOAD], body = body, b""
        return Message(
            s.phone.encode("ascii", "replace"), source, body, UDHI if header else 0, coding, self._registered, source_ton,
            source_npi, ton, npi, config.priorities[s.priority], self._write_validity(s.expires_at, now_s),
            service_type=config.service_type.encode(), tlvs=tlvs,
        )  # fmt: skip

    def _write_text(self, s: Submission) -> tuple[bytes, bytes, int, dict[int, bytes]]:
        """(header, text, data_coding, optional parameters); an empty message_payload says that the text goes there."""
        place, tlvs = self._write_place(s) if s.parts > 1 and s.part else (b"", {})
        septets = None if self._config.gsm == "latin1" else gsm7.encode(s.text, self._config.national)
        if septets is None:
            return self._write_octets(s, _head(place), tlvs)
        tables = b"".join(
            element + bytes((code,))
            for element, code in ((b"\x25\x01", septets.locking), (b"\x24\x01", septets.single))
            if code
        )
        header = _head(place + tables)
        if len(header) * 8 + len(septets.octets) * 7 > _TEXT_MOST * 8:
            if tables:  # the parts were cut for UCS-2
                return self._write_octets(s, _head(place), tlvs)
            tlvs[Tag.MESSAGE_PAYLOAD] = b""
        if self._config.gsm == "packed":
            return header, gsm7.pack(septets.octets, -len(header) * 8 % 7), self._gsm_coding, tlvs
        return header, septets.octets, self._gsm_coding, tlvs

    def _write_octets(
        self, s: Submission, header: bytes, tlvs: dict[int, bytes]
    ) -> tuple[bytes, bytes, int, dict[int, bytes]]:
        """In Latin-1 where the channel speaks it and the text allows it, else in UCS-2."""
        if self._config.gsm == "latin1" and not s.ucs2:
            try:
                return header, s.text.encode("latin-1"), self._gsm_coding, tlvs
            except UnicodeEncodeError:
                pass
        text = s.text.encode("utf-16-be")
        if len(header) + len(text) > _TEXT_MOST:
            if s.parts > 1 and s.part:  # a text that was measured in septets, and has a letter that Latin-1 lacks
                raise UnsayableError("a part with letters beyond Latin-1 does not fit into UCS-2")
            tlvs[Tag.MESSAGE_PAYLOAD] = b""
        return header, text, self._config.ucs2_coding, tlvs

    def _write_place(self, s: Submission) -> tuple[bytes, dict[int, bytes]]:
        """Which part of how many: as an element of the header, or as SAR parameters."""
        reference = crc32(s.message_id) & 0xFFFF
        if self._config.long_text == "sar":
            return b"", {
                Tag.SAR_MSG_REF_NUM: reference.to_bytes(2, "big"),
                Tag.SAR_TOTAL_SEGMENTS: bytes((s.parts,)),
                Tag.SAR_SEGMENT_SEQNUM: bytes((s.part,)),
            }
        if s.wide:
            return b"\x08\x04" + reference.to_bytes(2, "big") + bytes((s.parts, s.part)), {}
        return bytes((0x00, 0x03, reference & 0xFF, s.parts, s.part)), {}

    def _write_sender(self, sender: str) -> tuple[bytes, int, int]:
        """Address, TON, NPI."""
        if not sender or self._config.sender_always:
            sender = self._config.sender
        if not sender:
            return b"", 0, 0
        digits = sender.removeprefix("+")
        if not (digits.isascii() and digits.isdigit()):
            return sender.encode("ascii", "replace")[:20], *self._kinds["alphanumeric"]
        return digits.encode(), *self._kinds["short" if len(digits) <= _SHORT_CODE else "international"]

    def _write_validity(self, expires_at: float, now_s: float) -> bytes:
        """validity_period (7.1.1): how long, to the second, or until when; 63 days at most."""
        left_s = min(max(int(expires_at - now_s), 1), 63 * _DAY_S)
        if self._config.validity == "none":
            return b""
        if self._config.validity == "absolute":
            return time.strftime("%y%m%d%H%M%S000+", time.gmtime(now_s + left_s)).encode()
        days, rest = divmod(left_s, _DAY_S)
        months, days = divmod(days, 30)
        hours, rest = divmod(rest, 3600)
        return f"00{months:02}{days:02}{hours:02}{rest // 60:02}{rest % 60:02}000R".encode()


def _head(elements: bytes) -> bytes:
    """A header of these elements, its length before them."""
    return bytes((len(elements),)) + elements if elements else b""
