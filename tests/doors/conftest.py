"""Fixtures of the doors' tests."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.doors.shell import KEY, Shell
from tocsin.bootstrap.seed import ensure_defaults


@pytest.fixture
def shell(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path))
    monkeypatch.setenv("TOCSIN_SEALING_KEYS", KEY)
    with psycopg.connect(database) as conn:
        ensure_defaults(conn)
    return Shell(database, capsys)
