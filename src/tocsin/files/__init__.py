"""Files of accounts: what is exported and what is uploaded, as jobs that a clerk works on."""

from tocsin.files.desk import Desk
from tocsin.files.jobs import MOST_LIVE, NEWEST, cancel, find, list_jobs, move_on, read_bytes, remove, start
from tocsin.files.model import EXPORTS, Job, Kind, Lost, State, Step, Trouble
from tocsin.files.store import New

__all__ = [
    "EXPORTS",
    "MOST_LIVE",
    "NEWEST",
    "Desk",
    "Job",
    "Kind",
    "Lost",
    "New",
    "State",
    "Step",
    "Trouble",
    "cancel",
    "find",
    "list_jobs",
    "move_on",
    "read_bytes",
    "remove",
    "start",
]
