"""Logs: one JSON object a line on stderr. API keys, signs and message contents never go into one.

Errors are written without the values that they repeat (kit/error_text.py): pass the error itself as an argument, not its text.
Pass ids with `extra={"request_id": ..., "batch_no": ..., "message_id": ...}`: those names become fields of the line.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from tocsin.kit.clock import UTC
from tocsin.kit.error_text import describe_error, format_error

IDS = ("request_id", "batch_no", "message_id")
FOR_THE_LOG_ALONE = {"for_the_log_alone": True}
"""`extra` of what a person at the terminal need not read."""
_ENCODE = msgspec.json.Encoder().encode


MAX_LINES = 60
LOUD = ("django.request", "django.security", "tocsin.api.track")
"""Loggers that anybody can make write a line with each request."""
_MINUTE = 60


class Bounded(logging.Filter):
    """At most MAX_LINES a minute of each loud logger; the first line after that says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, tuple[int, int]] = {}  # minute, lines of it

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        loud = next((name for name in LOUD if record.name == name or record.name.startswith(f"{name}.")), None)
        if loud is None:
            return True
        now = int(record.created) // _MINUTE
        minute, count = self._counts.get(loud, (now, 0))
        if now != minute:
            if count > MAX_LINES:
                record.left_out = count - MAX_LINES
            count = 0
        self._counts[loud] = now, count + 1
        return count < MAX_LINES


def _write_text(record: logging.LogRecord) -> str:
    """The message; of errors in it what may be said."""
    if isinstance(record.msg, BaseException):
        return describe_error(record.msg)
    args = record.args
    if isinstance(args, tuple):
        args = tuple(describe_error(each) if isinstance(each, BaseException) else each for each in args)
    text = str(record.msg) % args if args else str(record.msg)
    # asyncio tells of a task or a future with its whole exception; the error's own field says what may be said.
    return text.partition("\n")[0] if record.name == "asyncio" else text


def _log_end(_kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None) -> None:
    """What nobody caught: as Python would write it, but for the values."""
    if not isinstance(error, KeyboardInterrupt | SystemExit):
        logging.getLogger("tocsin").critical("ended by a fault", exc_info=error)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, process, logger, text, ids, error."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "text": _write_text(record),
        }
        for name in IDS:
            value = getattr(record, name, None)
            if value is not None:
                line[name] = value.hex() if isinstance(value, bytes) else str(value)
        if hasattr(record, "left_out"):
            line["left_out"] = record.left_out  # lines of the logger, before this one
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = format_error(record.exc_info[1])
        try:
            return _ENCODE(line).decode()
        except UnicodeEncodeError:  # a lone surrogate out of a client's text
            return _ENCODE(
                {name: str(value).encode(errors="backslashreplace").decode() for name, value in line.items()}
            ).decode()


class _Sentences(logging.Formatter):
    """For people at a terminal: what happened, without its trace."""

    def format(self, record: logging.LogRecord) -> str:
        return f"tocsin: {_write_text(record)}"


def open_log(file: Path) -> BinaryIO:
    """To append to, readable by its owner alone. A link in its place is refused: we may be root."""
    opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(opened, "ab")


def set_up_logging(level: str, process: str, file: Path | None = None) -> None:
    """Send everything to stderr as JSON from `level` on; `process` names who speaks (api, worker, push, up).

    `file`: send it there, and to stderr only the sentences of what is a warning or worse.
    """
    stderr = logging.StreamHandler(sys.stderr)
    out = logging.StreamHandler(io.TextIOWrapper(open_log(file), "utf-8", write_through=True)) if file else stderr
    out.setFormatter(JsonFormatter(process))
    out.addFilter(Bounded())
    root = logging.getLogger()
    root.handlers[:] = [out]
    if file:
        stderr.setFormatter(_Sentences())
        stderr.setLevel(logging.WARNING)
        stderr.addFilter(lambda record: not hasattr(record, "for_the_log_alone"))
        root.addHandler(stderr)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_end
    threading.excepthook = lambda end: _log_end(end.exc_type, end.exc_value, end.exc_traceback)
