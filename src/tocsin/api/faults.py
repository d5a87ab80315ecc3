"""What a failed write tells about itself: pure reading of the error, by SQLSTATE and severity.

The one question that matters: did the server answer? Only an error that it sent while the session went on proves that
nothing was stored; a lost connection, or a FATAL on its way down, leaves the fate open.
"""

from __future__ import annotations

from enum import Enum

import psycopg

from tocsin.messaging import REFUSED, WON


class Fault(Enum):
    """Kinds of failed writes."""

    REFUSED = "refused"  # by accept_group, which says whom and why
    WON = "won"  # these very rows are stored already
    CROSSED = "crossed"  # deadlock or serialization: the same again
    PARTITION = "partition"  # a row without a place
    DATA = "data"  # the data itself
    AWAY = "away"  # the server said no, and that it is not about the data: nothing is stored
    LOST = "lost"  # no answer: stored or not


_BY_STATE = {
    REFUSED: Fault.REFUSED,
    WON: Fault.WON,
    "23505": Fault.WON,
    "23514": Fault.PARTITION,
}
_BY_CLASS = {
    "08": Fault.LOST,  # a pooler between us and the server
    "40": Fault.CROSSED,
    "25": Fault.AWAY,  # a server that was made read-only
    "53": Fault.AWAY,  # no disk, no memory
    "55": Fault.AWAY,
    "57": Fault.AWAY,  # cancelled, starting up
    "58": Fault.AWAY,  # the system below it
}


def read_fault(error: Exception) -> Fault:
    """The kind of a failed write."""
    if not isinstance(error, psycopg.Error):
        return Fault.DATA  # it never left this process
    if error.sqlstate is None or error.diag.severity_nonlocalized in {"FATAL", "PANIC"}:
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Fault.LOST if lost else Fault.DATA
    return _BY_STATE.get(error.sqlstate) or _BY_CLASS.get(error.sqlstate[:2], Fault.DATA)
