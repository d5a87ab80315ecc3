"""One PostgreSQL for the whole test run, a migrated template in it, and a fresh clone for each test that asks."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import hypothesis
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tocsin.bootstrap.postgres import EmbeddedPostgres

pytest_plugins = ("tests.doors.api", "tests.doors.console")

# A deadline would measure the machine. Examples follow from the test alone: what passed once passes again, for everybody,
# and what was found once is kept as an example. HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

_DSN = "DSN_OF_THE_TEST_RUN"
_TEMPLATE = "tocsin_template"
_WITHOUT_DATABASE = ("pure",)
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 1024**3
_server: EmbeddedPostgres | None = None
_home: Path | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Start the server in the controller (workers of xdist inherit its dsn), unless only pure tests were named."""
    global _server, _home  # noqa: PLW0603  pytest's hooks have no place of their own
    for name in [name for name in os.environ if name.startswith("TOCSIN_")] + ["DATABASE_URL"]:
        os.environ.pop(name, None)  # the caller's own installation is not what is tested
    for sign in (signal.SIGINT, signal.SIGHUP):  # a shell ignores them for what it starts in the background
        if signal.getsignal(sign) is signal.SIG_IGN:
            signal.signal(sign, signal.default_int_handler if sign is signal.SIGINT else signal.SIG_DFL)
    if hasattr(config, "workerinput") or config.option.collectonly or _only_pure(config):
        return
    if "TMPDIR" not in os.environ and _has_room(_MEMORY):
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # what was found before
    # outside of pytest's own tmp_path: the unprivileged user of PostgreSQL must be able to go there
    _home = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    _server = EmbeddedPostgres(_home, fsync=False)
    dsn = _server.start()
    os.environ[_DSN] = _make_template(dsn)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and take its data away."""
    if _server is None or _home is None:
        return
    place = _server.place
    _server.stop()
    for directory in {_home, place.directory, place.sockets} if place else {_home}:
        shutil.rmtree(directory, ignore_errors=True)


def _has_room(memory: Path) -> bool:
    """Whether temporary files fit into memory, where a new database takes 50 ms and not up to two seconds."""
    try:
        facts = os.statvfs(memory)
    except OSError:
        return False
    return facts.f_bavail * facts.f_frsize > _ROOM_BYTES and not facts.f_flag & os.ST_NOEXEC


def _only_pure(config: pytest.Config) -> bool:
    named = [Path(word.split("::")[0]).parts for word in config.args]
    return all(set(parts) & set(_WITHOUT_DATABASE) for parts in named)


def _make_template(dsn: str) -> str:
    """Migrate once, in a child: Django stays out of the tests' process. The dsn of the server's `postgres` database."""
    admin = make_conninfo(dsn, dbname="postgres")
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {_TEMPLATE}")
    code = "import sys; from tocsin.bootstrap.migrate import migrate; migrate(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, make_conninfo(dsn, dbname=_TEMPLATE)], check=True)
    return admin


@pytest.fixture(scope="session")
def database_server() -> str:
    """The dsn of the run's server, database `postgres`."""
    return os.environ[_DSN]


@pytest.fixture
def database(database_server: str) -> Iterator[str]:
    """The dsn (a URL) of a fresh, migrated database."""
    with clone_database(database_server) as dsn:
        yield dsn


@contextlib.contextmanager
def clone_database(database_server: str) -> Iterator[str]:
    """The same for fixtures that live longer than a test."""
    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(database_server, autocommit=True) as conn:
        # in memory half of what WAL_LOG takes, on a disk a third
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")
    yield _url(database_server, name)
    with psycopg.connect(database_server, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _url(server: str, name: str) -> str:
    facts = conninfo_to_dict(server)
    user, password, host = (quote(str(facts[word]), safe="") for word in ("user", "password", "host"))
    return f"postgresql://{user}:{password}@/{name}?host={host}&port={facts['port']}"
