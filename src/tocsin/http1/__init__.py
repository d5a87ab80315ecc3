"""HTTP/1.1 of a server without I/O: a connection's bytes in, requests out, and answers as bytes.

The API's front (`tocsin.api`) puts it on sockets.
"""

from tocsin.http1.answer import CONTINUE, render
from tocsin.http1.connection import Connection, FindMaxBody
from tocsin.http1.model import TRANSITIONS, Began, Bounds, Ended, Event, Failed, Incoming, State

__all__ = [
    "CONTINUE",
    "TRANSITIONS",
    "Began",
    "Bounds",
    "Connection",
    "Ended",
    "Event",
    "Failed",
    "FindMaxBody",
    "Incoming",
    "State",
    "render",
]
