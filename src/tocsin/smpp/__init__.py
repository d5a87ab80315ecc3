"""SMPP: PDUs and a session of either end, both without I/O; a stream puts a session on a socket.

The carrier `smpp` and the simulator `tocsin smsc` are built on it.
"""

from tocsin.smpp.pdu import (
    SHORT_MESSAGE_MOST,
    Bind,
    Message,
    PduError,
    Query,
    decode_request,
    encode,
    encode_request,
)
from tocsin.smpp.session import Answered, Asked, Bound, Ended, Event, Expired, Session, SessionError, Terms
from tocsin.smpp.stream import Stream, connect
from tocsin.smpp.words import (
    INTERMEDIATE,
    RECEIPT,
    TYPE_MASK,
    UDHI,
    Command,
    MessageState,
    Role,
    State,
    Status,
    Tag,
)

__all__ = [
    "INTERMEDIATE",
    "RECEIPT",
    "SHORT_MESSAGE_MOST",
    "TYPE_MASK",
    "UDHI",
    "Answered",
    "Asked",
    "Bind",
    "Bound",
    "Command",
    "Ended",
    "Event",
    "Expired",
    "Message",
    "MessageState",
    "PduError",
    "Query",
    "Role",
    "Session",
    "SessionError",
    "State",
    "Status",
    "Stream",
    "Tag",
    "Terms",
    "connect",
    "decode_request",
    "encode",
    "encode_request",
]
