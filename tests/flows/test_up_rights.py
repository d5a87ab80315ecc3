"""Who `tocsin up` runs as, and who may read its home. Only root can try it, with a Python that everybody can run."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import tocsin
from tests.flows.up_bed import Up
from tests.poll import until_sync
from tests.pure.mmdb import build
from tocsin.bootstrap.place import Owner, find_owner

NOBODY = 65_534


def _find_python(owner: Owner) -> str | None:
    """One of our version that the user can run."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        try:
            words = [candidate, "-c", "import ssl"]
            if subprocess.run(words, check=False, cwd="/", **owner.as_arguments()).returncode == 0:  # type: ignore[call-overload]
                return candidate
        except OSError:
            continue
    return None


@pytest.fixture
def python() -> str:
    if os.geteuid() != 0:
        pytest.skip("only root can drop rights")
    found = _find_python(find_owner())
    if found is None:
        pytest.skip("there is no Python that another user can run")
    return found


def _environ(home: Path) -> dict[str, str]:
    paths = [Path(tocsin.__path__[0]).parent, Path(psutil.__file__).parent.parent]
    return {"TOCSIN_HOME": str(home), "PYTHONPATH": os.pathsep.join(map(str, paths))}


def _run(python: str, home: Path, *words: str, user: int | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **_environ(home), "TOCSIN_CONSOLE_PORT": "0"}
    return subprocess.run(
        [python, "-m", "tocsin", *words], env=environ, cwd="/", user=user, capture_output=True, text=True, check=False
    )


def _users(up: Up) -> set[str]:
    everybody = [psutil.Process(up.process.pid), *psutil.Process(up.process.pid).children(recursive=True)]
    return {process.username() for process in everybody}


def test_started_by_root_it_runs_as_the_user_of_the_home(
    home: Path, port: int, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Up, "python", python)
    environ = _environ(home)
    roots_alone = home.parent / "cities.mmdb"
    roots_alone.write_bytes(build({}))
    roots_alone.chmod(0o600)
    up = Up(home, port, TOCSIN_MMDB=str(roots_alone), PYTHONPATH=environ["PYTHONPATH"])
    up.wait_ready()
    sentences = [line for line in up.text().splitlines() if "stays root" in line]
    assert len(sentences) == 1
    assert "stays root: the user tocsin cannot start it: TOCSIN_MMDB must name a file that can be read" in sentences[0]
    assert _users(up) == {"root", "tocsin"}, "PostgreSQL never runs as root"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    up.stop()

    _make_as_of_old(home)
    up = Up(home, port, PYTHONPATH=environ["PYTHONPATH"])
    up.wait_ready()
    assert "stays root" not in up.text()
    assert _users(up) == {"tocsin"}
    _check_private(home)
    assert _run(python, home, "account", "create", "acme").returncode == 0
    assert "acme" in _run(sys.executable, home, "account", "list").stdout, "root's verbs go on beside it"
    stranger = _run(python, home, "account", "list", user=NOBODY)
    assert stranger.returncode == 2
    assert stranger.stderr == f"tocsin: TOCSIN_HOME {home} belongs to the user tocsin: use it as that user or as root\n"
    up.stop()
    again = _run(python, home, "up", user=NOBODY)
    assert again.returncode == 2
    assert again.stderr.startswith(f"tocsin: TOCSIN_HOME {home} belongs to the user tocsin: start tocsin as that user")
    assert again.stderr.count("\n") == 1


def _make_as_of_old(home: Path) -> None:
    """The owners and modes that earlier releases left: all is root's and readable, but for PostgreSQL's own folder."""
    for path in (home, *home.iterdir(), *(home / "metrics").iterdir(), home / "postgres" / "lock"):
        if path.name != "postgres":
            os.chown(path, 0, 0)
            path.chmod(0o755 if path.is_dir() else 0o644)


def _check_private(home: Path) -> None:
    for path in (home, *home.iterdir()):
        found = path.stat()
        assert found.st_uid == find_owner().uid, path
        assert stat.S_IMODE(found.st_mode) & 0o077 == 0, path


def test_a_folder_that_others_use_is_no_home(port: int) -> None:
    for folder in (Path("/tmp"), Path("/etc"), Path(sys.prefix).parent):
        modes = folder.stat()
        done = _run(sys.executable, folder, "up")
        assert done.returncode == 2
        assert done.stderr == f"tocsin: TOCSIN_HOME {folder} is a folder that others use: name one for Tocsin alone\n"
        assert folder.stat().st_mode == modes.st_mode
        assert folder.stat().st_uid == modes.st_uid


def test_a_leash_survives_the_change_of_user(home: Path, port: int, python: str, database: str) -> None:
    """Whoever starts it on a leash (bench, a test) still takes it along."""
    code = (
        "import signal, subprocess, sys; from tocsin.kit.leash import die_with_parent;"
        " child = subprocess.Popen([sys.executable, '-m', 'tocsin', 'up'], preexec_fn=die_with_parent(signal.SIGTERM));"
        " print(child.pid, flush=True); sys.stdin.read()"
    )
    environ = {**os.environ, **_environ(home), "TOCSIN_PORT": str(port), "TOCSIN_CONSOLE_PORT": "0"}
    parent = subprocess.Popen(
        [python, "-c", code],
        env=environ | {"DATABASE_URL": database},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    until_sync(lambda: child.username() == "tocsin" and (home / "services.json").exists(), 60)
    parent.kill()
    parent.wait()
    child.wait(20)
