"""A log line is one JSON object with the ids that were passed."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from django.db import IntegrityError
from psycopg.errors import CheckViolation, InvalidTextRepresentation

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
    assert line.count("violates check constraint") == 3, "said once, and by each error of the chain"
    value = _record("failed: %s")
    value.args = (InvalidTextRepresentation('invalid input syntax for type integer: "481516"\nLINE 1: SELECT 481516'),)
    assert json.loads(JsonFormatter("api").format(value))["text"] == "failed: invalid input syntax for type integer"
