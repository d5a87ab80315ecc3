"""Replies of terminal users: one text as the deliver_sm that bring it, in parts where it is long. Pure."""

from __future__ import annotations

from tocsin.content import gsm7, split
from tocsin.smpp import UDHI, Message

_PARTS_MOST = 255
_BINARY, _UCS2 = 0x04, 0x08  # data_coding (3.4, 5.2.19)
_OCTETS, _OCTETS_OF_PART = 140, 134
_INTERNATIONAL, _ISDN = 1, 1


def build_reply(sender: str, to: str, text: str | bytes, reference: int) -> list[Message]:
    """From `sender` to `to` (Latin-1); octets go as binary. `reference` joins the parts. Raises ValueError: over 255 parts."""
    bodies, coding = _cut_binary(text) if isinstance(text, bytes) else _cut_text(text)
    if len(bodies) > _PARTS_MOST:
        raise ValueError(f"a reply has {_PARTS_MOST} parts at most, not {len(bodies)}")
    total = len(bodies)
    heads = [bytes((5, 0, 3, reference & 0xFF, total, part)) if total > 1 else b"" for part in range(1, total + 1)]
    return [
        Message(
            to.encode("latin-1"),
            sender.encode("latin-1"),
            head + body,
            esm_class=UDHI if head else 0,
            data_coding=coding,
            source_ton=_INTERNATIONAL,
            source_npi=_ISDN,
        )
        for head, body in zip(heads, bodies, strict=True)
    ]


def _cut_text(text: str) -> tuple[list[bytes], int]:
    parts = split(text)
    septets = [found.octets for part in parts if (found := gsm7.encode(part)) is not None]
    if len(septets) == len(parts):
        return septets, 0
    return [part.encode("utf-16-be", "surrogatepass") for part in parts], _UCS2


def _cut_binary(octets: bytes) -> tuple[list[bytes], int]:
    if len(octets) <= _OCTETS:
        return [octets], _BINARY
    return [octets[at : at + _OCTETS_OF_PART] for at in range(0, len(octets), _OCTETS_OF_PART)], _BINARY
