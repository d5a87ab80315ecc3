"""Logs: one JSON object a line on stderr. API keys, signs and message contents never go into one.

Pass ids with `extra={"request_id": ..., "batch_no": ..., "message_id": ...}`: those names become fields of the line.
"""

from __future__ import annotations

import logging
import sys
from datetime import datetime

import msgspec

from tocsin.kit.clock import UTC

IDS = ("request_id", "batch_no", "message_id")
_ENCODE = msgspec.json.Encoder().encode


MAX_LINES = 60
LOUD = ("django.request", "django.security", "gunicorn.error", "tocsin.api.track")
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
        if hasattr(record, "left_out"):
            line["left_out"] = record.left_out  # lines of the logger, before this one
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        try:
            return _ENCODE(line).decode()
        except UnicodeEncodeError:  # a lone surrogate out of a client's text
            return _ENCODE(
                {name: str(value).encode(errors="backslashreplace").decode() for name, value in line.items()}
            ).decode()


def set_up_logging(level: str, process: str) -> None:
    """Send everything to stderr as JSON from `level` on; `process` names who speaks (api, worker, push, up)."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonFormatter(process))
    out.addFilter(Bounded())
    root = logging.getLogger()
    root.handlers[:] = [out]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
