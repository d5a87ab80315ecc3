"""A log line is one JSON object with the ids that were passed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import smtplib
import sys
from collections.abc import Callable
from datetime import datetime

import msgspec
import psycopg
import pytest
from django.db import IntegrityError
from psycopg.errors import CheckViolation

from tocsin.kit.error_text import describe_error, format_error
from tocsin.kit.log import LOUD, MAX_LINES, Bounded, JsonFormatter


def _record(text: str, **more: object) -> logging.LogRecord:
    record = logging.LogRecord("tocsin.api", logging.WARNING, __file__, 1, text, (), None)
    record.__dict__.update(more)
    return record


def test_a_line_carries_ids_and_survives_any_text() -> None:
    line = JsonFormatter("api").format(_record('two\nlines "quoted"', request_id="r1", message_id=b"\x01\xff"))
    assert "\n" not in line
    fields = json.loads(line)
    assert fields["text"] == 'two\nlines "quoted"'
    assert (fields["request_id"], fields["message_id"], fields["process"], fields["level"]) == (
        "r1",
        "01ff",
        "api",
        "warning",
    )
    assert "batch_no" not in fields


def test_an_error_is_in_the_line() -> None:
    try:
        int("why")
    except ValueError:
        record = _record("failed", exc_info=sys.exc_info())
    assert "ValueError: invalid literal" in json.loads(JsonFormatter("api").format(record))["error"]


def test_a_lone_surrogate_does_not_stop_the_log() -> None:
    assert json.loads(JsonFormatter("api").format(_record("a\ud800b")))["text"].startswith("a")


@pytest.mark.parametrize("name", [*LOUD, "django.security.DisallowedHost"])
def test_strangers_write_a_bounded_number_of_lines(name: str) -> None:
    bound = Bounded()

    def write(at_s: float, logger: str = name) -> logging.LogRecord | None:
        record = logging.LogRecord(logger, logging.WARNING, __file__, 1, "Not Found: /x", (), None)
        record.created = at_s
        return record if bound.filter(record) else None

    assert sum(write(120.0 + n / 100) is not None for n in range(5000)) == MAX_LINES
    assert all(write(120.0, "tocsin.api.server") for _ in range(5000))
    first = write(180.0)
    assert first is not None
    assert json.loads(JsonFormatter("console").format(first))["left_out"] == 5000 - MAX_LINES
    second = write(181.0)
    assert second is not None
    assert "left_out" not in json.loads(JsonFormatter("console").format(second))


def test_what_postgresql_quotes_of_rows_and_values_is_left_out() -> None:
    said = (
        'new row for relation "message" violates check constraint "short"\n'
        "DETAIL:  Failing row contains (1, your code is 481516)."
    )
    error = IntegrityError(said)
    error.__cause__ = CheckViolation(said)
    record = _record("a statement failed: %s", exc_info=(type(error), error, None))
    record.args = (error,)
    line = JsonFormatter("console").format(record)
    assert "481516" not in line
    assert line.count("CheckViolation (23514)") == 3, "said once, and by each error of the chain"


SECRET = "8123456789 hunter2"


def _catch(act: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011  any
        act()
    return caught.value


def _raise_from() -> None:
    try:
        int(f"Your code is {SECRET}")
    except ValueError as error:
        raise RuntimeError(f'row "{SECRET}" is bad') from error


@pytest.mark.parametrize(
    ("act", "kept"),
    [
        (lambda: int(SECRET), "ValueError: invalid literal for int() with base 10: '…'"),
        (lambda: os.environ[SECRET], "KeyError: '…'"),
        (lambda: int(f"it's {SECRET} o'clock"), "ValueError"),
        (lambda: datetime.fromisoformat(SECRET), "ValueError: Invalid isoformat string: '…'"),
        (lambda: json.loads("{" + SECRET), "JSONDecodeError: Expecting property name"),
        (lambda: msgspec.json.decode(f'{{"a":"{SECRET}"}}', type=dict[str, int]), "ValidationError: Expected `int`"),
        (_raise_from, "RuntimeError: row '…' is bad"),
        (lambda: psycopg.connect(f"postgresql://me:x{SECRET.split()[1]}@y@127.0.0.1:1/z"), "OperationalError"),
    ],
)
def test_an_error_is_told_without_its_values(act: Callable[[], object], kept: str) -> None:
    error = _catch(act)
    record = _record("failed", exc_info=(type(error), error, error.__traceback__))
    record.msg, record.args = "failed: %s", (error,)
    line = JsonFormatter("api").format(record)
    fields = json.loads(line)
    assert kept in fields["error"]
    assert "Traceback (most recent call last)" in fields["error"]
    assert [piece for piece in SECRET.split() if piece in fields["error"] or piece in fields["text"]] == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FileNotFoundError(2, "No such file or directory", "/run/key"), "[Errno 2] No such file or directory: '/run/key'"),
        (TypeError("'NoneType' object is not iterable"), "'NoneType' object is not iterable"),
        (smtplib.SMTPRecipientsRefused({"ann@example.com": (550, b"none")}), "{'…')}"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("'unclosed"), "'…"),
    ],
)  # fmt: skip
def test_what_helps_is_kept(error: Exception, text: str) -> None:
    assert describe_error(error) == text


async def test_asyncio_tells_no_values_of_a_task_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError(f"'{SECRET}'")

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    asyncio.get_running_loop().call_exception_handler(
        {"message": "never retrieved", "future": task, "exception": task.exception()}
    )
    line = JsonFormatter("api").format(caplog.records[-1])
    assert json.loads(line)["text"] == "never retrieved"
    assert [piece for piece in SECRET.split() if piece in line] == []


def test_the_parts_of_a_group_are_told() -> None:
    group = ExceptionGroup("two", [ValueError(f"'{SECRET}'"), OSError("gone")])
    text = format_error(group)
    assert "ValueError: '…'" in text
    assert "OSError: gone" in text
