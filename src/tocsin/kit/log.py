"""Logs: one JSON object a line on stderr. API keys, signs and message contents never go into one.

Pass ids with `extra={"request_id": ..., "batch_no": ..., "message_id": ...}`: those names become fields of the line.
"""

from __future__ import annotations

import logging
import sys
from datetime import datetime
from pathlib import Path

import msgspec

from tocsin.kit.clock import UTC

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
            "text": record.getMessage(),
        }
        for name in IDS:
            value = getattr(record, name, None)
            if value is not None:
                line[name] = value.hex() if isinstance(value, bytes) else str(value)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        try:
            return _ENCODE(line).decode()
        except UnicodeEncodeError:  # a lone surrogate out of a client's text
            return _ENCODE(
                {name: str(value).encode(errors="backslashreplace").decode() for name, value in line.items()}
            ).decode()


class _Sentences(logging.Formatter):
    """For people at a terminal: what happened, without its trace."""

    def format(self, record: logging.LogRecord) -> str:
        return f"tocsin: {record.getMessage()}"


def set_up_logging(level: str, process: str, file: Path | None = None) -> None:
    """Send everything to stderr as JSON from `level` on; `process` names who speaks (api, worker, push, up).

    `file`: send it there, and to stderr only the sentences of what is a warning or worse.
    """
    stderr = logging.StreamHandler(sys.stderr)
    out = logging.FileHandler(file) if file else stderr
    out.setFormatter(JsonFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [out]
    if file:
        stderr.setFormatter(_Sentences())
        stderr.setLevel(logging.WARNING)
        root.addHandler(stderr)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
