"""Our codec of SMPP against an independent decoder (smpp34): 20,000 random PDUs, field by field."""

from __future__ import annotations

import random
from typing import Any

import pytest
import smpp34

from tocsin.smpp import Command, Message, decode_request, encode, encode_request

COUNT = 20_000
FIELDS = {
    "service_type": "service_type", "source_addr_ton": "source_ton", "source_addr_npi": "source_npi",
    "dest_addr_ton": "destination_ton", "dest_addr_npi": "destination_npi", "esm_class": "esm_class",
    "protocol_id": "protocol_id", "priority_flag": "priority", "schedule_delivery_time": "schedule",
    "validity_period": "validity", "registered_delivery": "registered", "replace_if_present_flag": "replace",
    "data_coding": "data_coding", "sm_default_msg_id": "default_id", "source_addr": "source", "destination_addr": "destination",
    "short_message": "text",
}  # fmt: skip
"""The decoder's names, and ours."""


def make_message(chance: random.Random) -> Message:
    """Any octet anywhere, within what 3.4 allows; addresses are ASCII, as the decoder's are text."""

    def text(most: int) -> bytes:
        return bytes(chance.randrange(0x20, 0x7F) for _ in range(chance.randrange(most + 1)))

    def octet() -> int:
        return chance.randrange(256)

    tlvs = {
        chance.randrange(0x0100, 0xFFFF): chance.randbytes(chance.randrange(40)) for _ in range(chance.randrange(4))
    }
    time = b"" if chance.random() < 0.5 else b"000001000000000R"
    return Message(
        text(20), text(20), chance.randbytes(chance.randrange(255)), octet(), octet(), octet(), octet(), octet(), octet(),
        octet(), octet(), time, b"", text(5), octet(), octet(), octet(), tlvs,
    )  # fmt: skip


def read(found: Any, name: str) -> bytes | int:
    value = getattr(found, name)
    return value.encode() if isinstance(value, str) else bytes(value) if not isinstance(value, int) else value


@pytest.mark.parametrize(
    ("command", "kind"), [(Command.SUBMIT_SM, smpp34.SubmitSm), (Command.DELIVER_SM, smpp34.DeliverSm)]
)
def test_random_pdus_are_read_alike(command: Command, kind: type) -> None:
    chance = random.Random(20_261_124)
    for sequence in range(1, COUNT // 2 + 1):
        message = make_message(chance)
        body = encode_request(command, message)
        found = smpp34.decode(encode(command, 0, sequence, body))
        assert not isinstance(found, smpp34.RawPdu)
        assert isinstance(found, kind)
        assert found.sequence_number == sequence
        assert {ours: read(found, theirs) for theirs, ours in FIELDS.items()} == {
            ours: getattr(message, ours) for ours in FIELDS.values()
        }
        assert [(tlv.tag, bytes(tlv.value)) for tlv in found.tlvs] == list(message.tlvs.items())
        assert decode_request(command, body) == message
