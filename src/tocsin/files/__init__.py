"""Files of accounts: what is exported and what is uploaded, as jobs that a clerk works on."""

from tocsin.files import rows
from tocsin.files.desk import Desk
from tocsin.files.jobs import (
    MOST_LIVE,
    NEWEST,
    cancel,
    find,
    has_room,
    list_jobs,
    move_on,
    put_bytes,
    read_bytes,
    read_bytes_kept,
    remove,
    reopen,
    start,
)
from tocsin.files.model import EXPORTS, Full, Job, Kind, Lost, State, Step, Trouble
from tocsin.files.rows import HEAD, Alike, Checked, Piece, Sent, Sums
from tocsin.files.store import New, read_chunk

__all__ = [
    "EXPORTS",
    "HEAD",
    "MOST_LIVE",
    "NEWEST",
    "Alike",
    "Checked",
    "Desk",
    "Full",
    "Job",
    "Kind",
    "Lost",
    "New",
    "Piece",
    "Sent",
    "State",
    "Step",
    "Sums",
    "Trouble",
    "cancel",
    "find",
    "has_room",
    "list_jobs",
    "move_on",
    "put_bytes",
    "read_bytes",
    "read_bytes_kept",
    "read_chunk",
    "remove",
    "reopen",
    "rows",
    "start",
]
