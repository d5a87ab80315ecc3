"""What all verbs share: --json anywhere, one sentence an error, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def _run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "DATABASE_URL"))}
    return subprocess.run(
        [sys.executable, "-m", "tocsin", *words], env={**clean, **environ}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", [("--json", "config"), ("config", "--json")])
def test_json_stands_before_or_after_the_verb(words: tuple[str, ...]) -> None:
    done = _run(*words, TOCSIN_PORT="9000")
    assert done.returncode == 0
    assert json.loads(done.stdout)["TOCSIN_PORT"]["value"] == "9000"


def test_all_mistakes_of_the_settings_are_shown_and_fail_the_check() -> None:
    done = _run("config", TOCSIN_PORT="x", TOCSIN_LEASE_S="-1")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 2


def test_no_database_is_one_sentence(tmp_path: Path) -> None:
    done = _run("migrate", TOCSIN_HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("tocsin: no database runs")
    assert done.stderr.count("\n") == 1
    as_json = _run("migrate", "--json", TOCSIN_HOME=str(tmp_path))
    assert as_json.returncode == 2
    assert json.loads(as_json.stdout)["error"].startswith("no database runs")


def test_wrong_usage_is_2_and_json_where_asked() -> None:
    assert _run("nonsense").returncode == 2
    done = _run("--json", "config", "--nonsense")
    assert done.returncode == 2
    assert "nonsense" in json.loads(done.stdout)["error"]
