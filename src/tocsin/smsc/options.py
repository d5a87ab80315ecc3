"""What the simulator is told: who may bind, how it answers, and what goes wrong. The command line's options and the fields of a
script are drawn from the descriptions here.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec
from msgspec import Meta

_DAY_S = 86_400.0
_MANY = 1_000_000

Seconds = Annotated[float, Meta(ge=0, le=_DAY_S)]


class IdForm(Enum):
    """How a message id is written."""

    DECIMAL = "decimal"
    HEX = "hex"
    HEX_DECIMAL = "hex-decimal"
    UUID = "uuid"


class ReceiptForm(Enum):
    """Where a receipt says what it says."""

    TEXT = "text"
    TLV = "tlv"
    BOTH = "both"


class ReceiptBy(Enum):
    """The PDU that brings it."""

    DELIVER = "deliver_sm"
    DATA = "data_sm"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the simulator behaves all the time."""

    system_id: Annotated[str, Meta(description="Who may bind; without it, whoever wants to.")] = ""
    password: Annotated[str, Meta(description="What they must say; without it, anything will do.")] = ""
    binds: Annotated[int, Meta(ge=1, le=1_000, description="Sessions of one system_id at once, at most.")] = 100
    id_form: Annotated[
        IdForm, Meta(description="Message ids; hex-decimal: hex in the answer and decimal in the receipt.")
    ] = IdForm.DECIMAL
    receipt_form: Annotated[ReceiptForm, Meta(description="Whether receipts speak by text, by TLVs, or by both.")] = (
        ReceiptForm.BOTH
    )
    receipt_by: Annotated[ReceiptBy, Meta(description="The PDU that brings receipts; data_sm has TLVs only.")] = (
        ReceiptBy.DELIVER
    )
    receipt_after: Annotated[
        float, Meta(ge=0, le=_DAY_S, description="Seconds between taking a message and its receipt.")
    ] = 0.0
    late_after: Annotated[
        float, Meta(ge=0, le=_DAY_S, description="Seconds until the receipt of a number ending in 0009909.")
    ] = 30.0
    timeout_after: Annotated[
        float, Meta(ge=0, le=_DAY_S, description="Seconds until the receipt of a number ending in 0009912.")
    ] = 600.0
    window: Annotated[
        int, Meta(ge=1, le=10_000, description="Receipts and replies without an answer on one session, at most.")
    ] = 100
    answer_within: Annotated[
        float, Meta(gt=0, le=3_600, description="Seconds for an answer to a receipt or reply, before it comes again.")
    ] = 10.0
    retry_after: Annotated[
        float,
        Meta(
            gt=0, le=3_600, description="Seconds before what was refused comes again; doubled up to 32 times as long."
        ),
    ] = 1.0
    keep: Annotated[
        int,
        Meta(ge=1, le=10 * _MANY, description="Receipts and replies kept for one system_id; over it the oldest go."),
    ] = 100_000
    enquire_after: Annotated[
        float, Meta(gt=0, le=_DAY_S, description="Seconds of silence before a peer is asked whether it lives.")
    ] = 30.0
    blacklisted_status: Annotated[
        int, Meta(ge=1, le=0xFFFF, description="command_status for a number ending in 0009915; 1025 is 0x401.")
    ] = 0x401
    known_codings_only: Annotated[bool, Meta(description="Refuse a data_coding that is none of 3.4 (0x104).")] = False


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What goes wrong. A script has the same names; a share is between 0 and 1; 0 is never."""

    rate: Annotated[int, Meta(ge=0, le=_MANY, description="Throttle over so many submits a second of a system_id.")] = 0
    throttle_every: Annotated[int, Meta(ge=0, le=_MANY, description="Throttle every nth submit.")] = 0
    refuse_share: Annotated[float, Meta(ge=0, le=1, description="Share of submits that is refused.")] = 0.0
    refuse_status: Annotated[int, Meta(ge=1, le=0xFFFF, description="command_status that they are refused with.")] = 8
    silent_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of submits that is taken, and never answered.")
    ] = 0.0
    answer_after: Annotated[float, Meta(ge=0, le=3_600, description="Seconds that an answer to a submit takes.")] = 0.0
    hang_every: Annotated[
        float, Meta(ge=0, le=_DAY_S, description="Every so many seconds nothing is read or said for a while.")
    ] = 0.0
    hang_for: Annotated[float, Meta(ge=0, le=3_600, description="How many seconds that lasts.")] = 2.0
    drop_every: Annotated[float, Meta(ge=0, le=_DAY_S, description="Every so many seconds all connections drop.")] = 0.0
    drop_for: Annotated[
        float, Meta(ge=0, le=3_600, description="Seconds for which none is accepted then, at least.")
    ] = 1.0
    drop_most: Annotated[
        float, Meta(ge=0, le=3_600, description="The same at most: each time it is by chance; 0: always the least.")
    ] = 0.0
    drop_mid_pdu: Annotated[bool, Meta(description="Half a PDU goes out before a connection drops.")] = False
    undelivered_share: Annotated[float, Meta(ge=0, le=1, description="Share of messages that are not delivered.")] = 0.0
    receipt_late_share: Annotated[float, Meta(ge=0, le=1, description="Share of receipts that comes late.")] = 0.0
    receipt_late_by: Annotated[float, Meta(ge=0, le=_DAY_S, description="How many seconds late.")] = 5.0
    receipt_double_share: Annotated[float, Meta(ge=0, le=1, description="Share of receipts that comes twice.")] = 0.0
    receipt_unknown_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of receipts beside which comes one of an id that was never given.")
    ] = 0.0
    receipt_shuffle: Annotated[
        int, Meta(ge=0, le=10_000, description="Receipts are mixed up within so many, or within 0.2 s.")
    ] = 0
    seed: Annotated[int, Meta(ge=0, description="Where chance begins; the same one, the same chances.")] = 0


class Step(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults for a time: a script is one of them, or a list that begins again at its end."""

    seconds: Annotated[float, Meta(gt=0, le=_DAY_S)] = _DAY_S


def read_script(octets: bytes) -> list[Step]:
    """The steps of a script (JSON). Raises ValueError with a sentence."""
    try:
        found = msgspec.json.decode(octets, type=Step | list[Step])
    except msgspec.DecodeError as error:
        raise ValueError(f"the script cannot be read: {error}") from None
    steps = found if isinstance(found, list) else [found]
    if not steps:
        raise ValueError("the script has no step")
    return steps
