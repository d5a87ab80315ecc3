"""PostgreSQL's errors reach a log without the rows that broke a rule; what helps to find the fault stays."""

from __future__ import annotations

import psycopg
import pytest

from tocsin.kit.error_text import format_error

NUMBER = "81234567890"
TEXT = "Your code is AB12-CD"
SETUP = """
CREATE TEMPORARY TABLE phone (number text PRIMARY KEY, n integer CHECK (n > 0));
CREATE FUNCTION pg_temp.refuse(t text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'cannot take "%"', t USING DETAIL = t; END $$;
"""


@pytest.mark.parametrize(
    ("statement", "params", "kept"),
    [
        ("INSERT INTO phone VALUES (%s), (%s)", (NUMBER, NUMBER), '(23505): duplicate key value violates unique constraint'),
        ("INSERT INTO phone VALUES (%s, -1)", (NUMBER,), 'CheckViolation (23514): new row for relation "phone" violates check'),
        ("SELECT %s::integer", (TEXT,), "InvalidTextRepresentation (22P02): invalid input syntax for type integer: '…'"),
        ("SELECT %s::json", (TEXT,), "InvalidTextRepresentation (22P02): invalid input syntax for type json"),
        ("SELECT pg_temp.refuse(%s)", (TEXT,), "RaiseException (P0001): cannot take '…'; PL/pgSQL function"),
        ("SELECT nothing FROM phone", (), 'UndefinedColumn (42703): column "nothing" does not exist'),
        ("SELECT %s", ("\x00" + TEXT,), "DataError: PostgreSQL text fields cannot contain NUL"),
    ],
)  # fmt: skip
def test_a_statement_that_failed(database: str, statement: str, params: tuple[str, ...], kept: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(SETUP)
        with pytest.raises(psycopg.Error) as caught:
            conn.execute(statement.encode(), params)
    text = format_error(caught.value)
    assert kept in text
    assert [piece for piece in (NUMBER, TEXT, "AB12") if piece in text] == []


def test_djangos_errors_are_those_of_the_driver(project: str) -> None:
    from django.db import connection, utils

    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE once (number text PRIMARY KEY)")
        with pytest.raises(utils.IntegrityError) as caught:
            cursor.execute("INSERT INTO once VALUES (%s), (%s)", [NUMBER, NUMBER])
        cursor.execute("DROP TABLE once")
    text = format_error(caught.value)
    assert "once_pkey" in text
    assert NUMBER not in text
