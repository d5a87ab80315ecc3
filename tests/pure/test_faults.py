"""What a failed write tells: only an answer of the server proves that nothing was stored."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from tocsin.api.faults import Fault, read_fault

STATES = {
    "23505": Fault.WON, "23514": Fault.PARTITION, "23502": Fault.DATA, "22021": Fault.DATA, "54000": Fault.DATA,
    "42883": Fault.DATA, "40P01": Fault.CROSSED, "40001": Fault.CROSSED, "25006": Fault.AWAY, "53100": Fault.AWAY,
    "53200": Fault.AWAY, "55P03": Fault.AWAY, "57014": Fault.AWAY, "58030": Fault.AWAY, "08006": Fault.LOST,
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_an_answer_of_the_server(state: str) -> None:
    assert read_fault(errors.lookup(state)("said")) is STATES[state]


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), Fault.LOST),
        (psycopg.InterfaceError("the connection is closed"), Fault.LOST),
        (errors.ConnectionTimeout("no connection within 5 s"), Fault.LOST),
        (psycopg.DataError("text cannot contain NUL"), Fault.DATA),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates"), Fault.DATA),
    ],
)
def test_no_answer(error: Exception, fault: Fault) -> None:
    assert read_fault(error) is fault
