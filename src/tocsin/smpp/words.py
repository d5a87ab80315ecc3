"""The words of SMPP: commands, states, statuses, TLV tags and flags.

Source: SMPP v3.4 issue 1.2, sections 5.1 to 5.3, and v5.0 for the statuses and tags that carriers use of it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

RESPONSE: Final = 0x80000000


class Command(IntEnum):
    """Requests; a response is its request with RESPONSE set (5.1.2.1)."""

    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    QUERY_SM = 0x03
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    REPLACE_SM = 0x07
    CANCEL_SM = 0x08
    BIND_TRANSCEIVER = 0x09
    OUTBIND = 0x0B
    ENQUIRE_LINK = 0x15
    SUBMIT_MULTI = 0x21
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103
    GENERIC_NACK = 0x80000000


BINDS: Final = frozenset({Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER})
MESSAGES: Final = frozenset({Command.SUBMIT_SM, Command.DELIVER_SM, Command.DATA_SM})


class Role(IntEnum):
    """Who this end is: ESME binds to SMSC."""

    ESME = 1
    SMSC = 2


class State(IntEnum):
    """Of a session (3.4, section 2.2)."""

    OPEN = 0
    BOUND_TX = 1
    BOUND_RX = 2
    BOUND_TRX = 3
    UNBOUND = 4
    CLOSED = 5


BOUND_BY: Final = {
    Command.BIND_TRANSMITTER: State.BOUND_TX,
    Command.BIND_RECEIVER: State.BOUND_RX,
    Command.BIND_TRANSCEIVER: State.BOUND_TRX,
}


class Status(IntEnum):
    """command_status (3.4, 5.1.3; from 0x100 on: 5.0, 4.7.6)."""

    OK = 0x00
    INVALID_MESSAGE_LENGTH = 0x01
    INVALID_COMMAND_LENGTH = 0x02
    INVALID_COMMAND_ID = 0x03
    INVALID_BIND_STATUS = 0x04
    ALREADY_BOUND = 0x05
    INVALID_PRIORITY = 0x06
    INVALID_REGISTERED_DELIVERY = 0x07
    SYSTEM_ERROR = 0x08
    INVALID_SOURCE = 0x0A
    INVALID_DESTINATION = 0x0B
    INVALID_MESSAGE_ID = 0x0C
    BIND_FAILED = 0x0D
    INVALID_PASSWORD = 0x0E
    INVALID_SYSTEM_ID = 0x0F
    CANCEL_FAILED = 0x11
    REPLACE_FAILED = 0x13
    QUEUE_FULL = 0x14
    INVALID_SERVICE_TYPE = 0x15
    INVALID_ESM_CLASS = 0x43
    SUBMIT_FAILED = 0x45
    INVALID_SOURCE_TON = 0x48
    INVALID_SOURCE_NPI = 0x49
    INVALID_DESTINATION_TON = 0x50
    INVALID_DESTINATION_NPI = 0x51
    INVALID_SYSTEM_TYPE = 0x53
    THROTTLED = 0x58
    INVALID_SCHEDULE = 0x61
    INVALID_EXPIRY = 0x62
    TEMPORARY_ERROR = 0x64
    PERMANENT_ERROR = 0x65
    REJECT_ERROR = 0x66
    QUERY_FAILED = 0x67
    INVALID_TLV_STREAM = 0xC0
    TLV_NOT_ALLOWED = 0xC1
    INVALID_TLV_LENGTH = 0xC2
    MISSING_TLV = 0xC3
    INVALID_TLV_VALUE = 0xC4
    DELIVERY_FAILURE = 0xFE
    UNKNOWN_ERROR = 0xFF
    SERVICE_TYPE_UNAUTHORIZED = 0x100
    PROHIBITED = 0x101
    SERVICE_TYPE_UNAVAILABLE = 0x102
    SERVICE_TYPE_DENIED = 0x103
    INVALID_DATA_CODING = 0x104
    SOURCE_SUBUNIT_INVALID = 0x105
    DESTINATION_SUBUNIT_INVALID = 0x106


class Tag(IntEnum):
    """Optional parameters that this product reads or writes (3.4, 5.3.2)."""

    RECEIPTED_MESSAGE_ID = 0x001E
    SC_INTERFACE_VERSION = 0x0210
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class MessageState(IntEnum):
    """message_state (3.4, 5.2.28; SCHEDULED and SKIPPED: 5.0)."""

    SCHEDULED = 0
    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    SKIPPED = 9


VERSION: Final = 0x34
UDHI: Final = 0x40  # esm_class: the text begins with a header (5.2.12)
TYPE_MASK: Final = 0x3C
RECEIPT: Final = 0x04  # esm_class of deliver_sm: delivery receipt
INTERMEDIATE: Final = 0x20  # intermediate delivery notification
