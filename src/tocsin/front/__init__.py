"""HTTP/1.1 on sockets, for the API and the console: connections and their places, deadlines, room for bodies, graceful stop.

`tocsin.http1` is the protocol; what a request means is the application's.
"""

from tocsin.front.front import Front
from tocsin.front.model import Answer, Application, BodyError, FrontLimits, Room
from tocsin.front.peer import Call
from tocsin.front.stream import NO_LENGTH, Stream
from tocsin.front.tls import open_tls

__all__ = [
    "NO_LENGTH",
    "Answer",
    "Application",
    "BodyError",
    "Call",
    "Front",
    "FrontLimits",
    "Room",
    "Stream",
    "open_tls",
]
