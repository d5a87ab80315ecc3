"""TOCSIN_HOME belongs to one user and to nobody else: mode 700, its files 600. A home of an earlier release is repaired.

Where root starts us, the home is given to the user that PostgreSQL runs as, so that this user reaches its data in it.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from tocsin.bootstrap import place
from tocsin.bootstrap.facts import POSTGRES, read_facts
from tocsin.bootstrap.place import Owner, PostgresError, find_owner

_SYSTEM = {"/", "/etc", "/home", "/opt", "/root", "/run", "/srv", "/usr", "/var", "/var/lib"}
_FILES = ("*.json", "*.log", "*.log.1", "*.last-words", "up.lock", "sealing.key")
_FOLDERS = ("metrics",)


class HomeError(Exception):
    """Why TOCSIN_HOME cannot be used, as one sentence."""


def make_private(home: Path, *, needs_user: bool = True) -> Owner:
    """Make the home where it is missing, and private; whose it is now. Raises HomeError, PostgresError.

    `needs_user`: root alone will not do, since PostgreSQL does not run as root.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(f"TOCSIN_HOME {home} cannot be made: {error.strerror}") from None
    home = home.resolve()
    _check_is_ours_alone(home)
    owner = _find_owner(home, needs_user=needs_user)
    try:
        for path in _list_ours(home):
            _give(path, owner, 0o700 if path.is_dir() else 0o600)
        _give(home, owner, 0o700)
    except PermissionError as error:
        raise HomeError(f"{error.filename} belongs to another user: {_advise(home)}") from None
    return owner


def _find_owner(home: Path, *, needs_user: bool) -> Owner:
    try:
        return find_owner(list_data(home))
    except PostgresError:
        if needs_user:
            raise
        return Owner(None, os.geteuid(), os.getegid())


def list_data(home: Path) -> list[Path]:
    """Where PostgreSQL's data of this home may lie, then the home itself: who owns the first that is there runs it."""
    remembered = find_remembered(home)
    return [home / "postgres" / "data", *([Path(remembered) / "data"] if remembered else []), home]


def find_remembered(home: Path) -> str | None:
    """PostgreSQL's folder as the home's facts have it. One of any other place is not ours: root must not touch it."""
    found = (read_facts(home, POSTGRES) or {}).get("directory")
    below = isinstance(found, str) and any(Path(found).resolve().is_relative_to(root) for root in (home, place.STATE))
    return found if below else None


def tell_owner(path: Path) -> str:
    """The name of the user whose it is."""
    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _check_is_ours_alone(home: Path) -> None:
    if str(home) in _SYSTEM or home.stat().st_mode & stat.S_ISVTX or Path(sys.prefix).is_relative_to(home):
        raise HomeError(f"TOCSIN_HOME {home} is a folder that others use: name one for Tocsin alone")
    if os.geteuid() not in (0, home.stat().st_uid):
        raise HomeError(f"TOCSIN_HOME {home} belongs to the user {tell_owner(home)}: {_advise(home)}")


def _advise(home: Path) -> str:
    me = pwd.getpwuid(os.geteuid()).pw_name
    return f"start tocsin as that user or as root, or give it over (chown -R {me} {home})"


def _list_ours(home: Path) -> Iterator[Path]:
    """Whatever an operator has beside it is left alone."""
    for pattern in _FILES:
        yield from home.glob(pattern)
    for name in _FOLDERS:
        if (home / name).is_dir():
            yield from (home / name).iterdir()
            yield home / name
    for data in list_data(home)[:-1]:
        for lock in (data.parent / "lock", data.parent / "run"):
            if lock.exists():
                yield lock


def _give(path: Path, owner: Owner, mode: int) -> None:
    """A link is left alone, a file with a second name too: it leads to what somebody keeps elsewhere."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOENT):
            return
        raise
    try:
        found = os.fstat(opened)
        if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
            return
        if os.geteuid() == 0 and (found.st_uid, found.st_gid) != (owner.uid, owner.gid):
            os.fchown(opened, owner.uid, owner.gid)
        if stat.S_IMODE(found.st_mode) != mode:
            os.fchmod(opened, mode)
    finally:
        os.close(opened)
