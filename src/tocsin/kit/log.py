"""Logs: one JSON object a line on stderr. API keys, signs and message contents never go into one.

Errors are written without the values that they repeat (kit/error_text.py): pass the error itself as an argument, not its text.
Pass ids with `extra={"request_id": ..., "batch_no": ..., "message_id": ...}`: those names become fields of the line.
"""

from __future__ import annotations

import logging
import sys
import threading
from datetime import datetime
from types import TracebackType

import msgspec

from tocsin.kit.clock import UTC
from tocsin.kit.error_text import describe_error, format_error

IDS = ("request_id", "batch_no", "message_id")
_ENCODE = msgspec.json.Encoder().encode


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
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = format_error(record.exc_info[1])
        try:
            return _ENCODE(line).decode()
        except UnicodeEncodeError:  # a lone surrogate out of a client's text
            return _ENCODE(
                {name: str(value).encode(errors="backslashreplace").decode() for name, value in line.items()}
            ).decode()


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


def set_up_logging(level: str, process: str) -> None:
    """Send everything to stderr as JSON from `level` on; `process` names who speaks (api, worker, push, up)."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [out]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_end
    threading.excepthook = lambda end: _log_end(end.exc_type, end.exc_value, end.exc_traceback)
