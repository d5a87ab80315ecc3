"""A job: its kinds, steps and states, and why one has failed. The words are stored; the console says them in its languages."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What a job is. All but UPLOAD are exports."""

    MESSAGES = "messages"
    REPLIES = "replies"
    LEDGER = "ledger"
    BLACKLIST = "blacklist"
    UPLOAD = "upload"


EXPORTS = (Kind.MESSAGES, Kind.REPLIES, Kind.LEDGER, Kind.BLACKLIST)


class Step(StrEnum):
    """Where an upload stands. NONE: an export. At MAP and CONFIRM it waits for its user."""

    NONE = ""
    READ = "read"
    MAP = "map"
    CHECK = "check"
    CONFIRM = "confirm"
    SEND = "send"


class State(StrEnum):
    """OPEN: its user has to do something."""

    OPEN = "open"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = frozenset({State.WAITING, State.RUNNING})


class Trouble(StrEnum):
    """Why a job has failed."""

    BROKEN = "broken"  # a fault of ours; the log says which
    TOO_LARGE = "too-large"
    NO_TABLE = "no-table"  # it is no CSV and no XLSX
    OLD_OR_LOCKED = "old-or-locked"  # a workbook of before 2007, or one with a password: both have the same envelope
    ENCODING = "encoding"
    EMPTY = "empty"
    TOO_MANY_ROWS = "too-many-rows"
    TOO_WIDE = "too-wide"
    FULL = "full"  # the account's files take all the bytes that they may
    MONEY = "money"
    AWAY = "away"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # whether a request was accepted cannot be found out any more
    LOCKED = "locked"


class Lost(Exception):  # noqa: N818  no error
    """The job is no longer ours: its user cancelled or removed it, or another clerk took it over."""


class Full(Exception):  # noqa: N818  no error
    """The files of the account take all the bytes that they may."""


class Job(NamedTuple):
    """A row of file_job."""

    id: int
    account_id: int
    user_id: int
    kind: Kind
    step: Step
    state: State
    name: str
    asked: dict[str, Any]
    found: dict[str, Any]
    rows_done: int
    percent: int
    size_bytes: int
    trouble: str
    tries: int
    created_at: datetime
    changed_at: datetime

    @property
    def live(self) -> bool:
        """Whether a clerk works on it, or will."""
        return self.state in LIVE

    @property
    def ready(self) -> bool:
        """Whether it is a file that can be taken."""
        return self.state is State.DONE and self.kind is not Kind.UPLOAD
