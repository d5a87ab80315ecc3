"""A command line on a database of its own, for the tests of verbs."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg.rows import TupleRow

from tocsin import audit
from tocsin.cli import root
from tocsin.cli.base import run_to_exit

KEY = Fernet.generate_key().decode()


class Ran(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """A command line on a database of its own."""

    def __init__(self, dsn: str, capture: pytest.CaptureFixture[str]) -> None:
        self.dsn = dsn
        self._capture = capture

    def run(self, *words: str) -> Ran:
        code = run_to_exit(root, list(words))
        done = self._capture.readouterr()
        return Ran(code, done.out, done.err)

    def json(self, *words: str) -> Any:
        """The JSON of a verb that succeeds."""
        done = self.run(*words, "--json")
        assert done.code == 0, done
        return done.json

    def refused(self, *words: str, code: int = 1) -> str:
        """The one sentence of a verb that fails, the same in both forms."""
        done = self.run(*words)
        assert done.code == code, done
        assert done.out == ""
        sentence = done.err.strip().splitlines()[-1].removeprefix("tocsin: ")
        as_json = self.run("--json", *words)
        assert as_json.code == code
        assert as_json.err == ""
        assert as_json.json["error"].splitlines()[-1] == sentence
        return sentence

    def rows(self, query: str) -> list[TupleRow]:
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            done = conn.execute(query.encode())
            return done.fetchall() if done.description else []

    def last_audit(self) -> audit.AuditEntry:
        with psycopg.connect(self.dsn) as conn:
            return audit.read_last(conn, limit=1)[0]
