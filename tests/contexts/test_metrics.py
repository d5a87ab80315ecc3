"""Processes that count into one folder: one scrape shows all, each by its name, and nobody else reads the files."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

COUNT = "import sys; from tocsin.kit import metrics; metrics.PUSHES.labels('ok').inc(3); print('.', flush=True); sys.stdin.read()"
RENDER = "from tocsin.kit import metrics; metrics.PUSHES.labels('ok').inc(); print(metrics.render().decode())"


@contextmanager
def count(folder: Path, name: str) -> Iterator[int]:
    """A process of that name, which has counted three pushes and goes on; its number."""
    command = [sys.executable, "-c", COUNT, f"tocsin.{name}"]
    process = subprocess.Popen(command, env=place(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == ".\n"
        yield process.pid


def place(folder: Path) -> dict[str, str]:
    return os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def render(folder: Path) -> str:
    command = [sys.executable, "-c", RENDER, "tocsin", "api"]
    return subprocess.run(command, env=place(folder), capture_output=True, text=True, check=True).stdout


def test_one_scrape_shows_all_processes(tmp_path: Path) -> None:
    with ExitStack() as stack:
        pids = {name: stack.enter_context(count(tmp_path, name)) for name in ("push", "worker")}
        text = render(tmp_path)
        for name, pid in pids.items():
            memory = re.search(rf'^process_resident_memory_bytes{{pid="{pid}",process="{name}"}} (\S+)$', text, re.M)
            assert memory is not None
            assert float(memory[1]) > 1_000_000
        assert 'process="api"' in text
        assert not re.search(r"^process_\w+ ", text, re.M), "a series that means another process at each scrape"
    assert 'tocsin_pushes_total{result="ok"} 7.0' in text
    after = render(tmp_path)
    assert 'tocsin_pushes_total{result="ok"} 8.0' in after, "counts of processes that ended stay"
    assert all(f'pid="{pid}"' not in after for pid in pids.values())


def test_the_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    render(tmp_path)
    files = list(tmp_path.iterdir())
    assert [file.suffix for file in files] == [".db"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600]
