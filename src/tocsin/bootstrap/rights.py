"""Started by root, `tocsin up` goes on as the home's own user: a fault in what talks to strangers is not root's then.

It stays root only where that user cannot do the work: the clone lies in a folder that he may not enter, a port below 1024,
a certificate that only root reads, a database that lets only root in. `python -m tocsin.bootstrap.rights` tries it, as him.
"""

from __future__ import annotations

import compileall
import ctypes
import os
import pwd
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import psycopg

import tocsin
from tocsin.bootstrap.place import Owner
from tocsin.kit.settings import Settings, SettingsError, read_settings

_NEEDED = ("tocsin", "django", "httptools", "gunicorn", "psycopg", "cryptography")
_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG = 1, 2


def drop_rights(settings: Settings, owner: Owner) -> str:
    """Begin anew as `owner`, which does not return; or why we stay root, as one sentence. "": we are not root."""
    if os.geteuid() != 0:
        return ""
    obstacle = _find_obstacle(settings, owner) if owner.uid else "there is no other user to become"
    if obstacle:
        return f"stays root: {obstacle}"
    for folder in tocsin.__path__:
        compileall.compile_dir(folder, quiet=2)  # he may not write there, and would compile at each start
    _begin_anew(owner)
    return ""


def _find_obstacle(settings: Settings, owner: Owner) -> str:
    """What keeps `owner` from doing the work; "" where nothing does."""
    try:
        tried = subprocess.run(
            [sys.executable, "-m", "tocsin.bootstrap.rights"],
            env=_describe_environment(owner) | {"TOCSIN_HOME": str(settings.home)},
            capture_output=True,
            text=True,
            check=False,
            **owner.as_arguments(),  # type: ignore[call-overload]
        )
    except OSError:
        return f"the user {owner.name} cannot run {sys.executable}"
    if tried.returncode == 0:
        return ""
    said = tried.stdout.strip().splitlines()
    return f"the user {owner.name} {said[-1] if said else f'cannot read {Path(tocsin.__path__[0]).parent}'}"


def _describe_environment(owner: Owner) -> dict[str, str]:
    try:
        home = pwd.getpwuid(owner.uid).pw_dir
    except KeyError:
        home = "/"
    return {**os.environ, "HOME": home, "USER": str(owner.name), "LOGNAME": str(owner.name)}


def _begin_anew(owner: Owner) -> None:
    """The same process and the same command, as another user: nothing of root's stays in it."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    leash = ctypes.c_int(0)
    if libc is not None:
        libc.prctl(_PR_GET_PDEATHSIG, ctypes.byref(leash), 0, 0, 0)
    os.setgroups([])
    os.setgid(owner.gid)
    os.setuid(owner.uid)
    if libc is not None and leash.value:
        libc.prctl(_PR_SET_PDEATHSIG, leash.value, 0, 0, 0)  # the change of user took it off
    os.execve(sys.executable, sys.orig_argv, _describe_environment(owner))  # noqa: S606


def _try() -> str:
    """As the user himself: what he cannot do; "" where he can do all."""
    try:
        settings = read_settings(os.environ)  # which tries the files that it names
    except SettingsError as error:
        return f"cannot start it: {'; '.join(error.mistakes)}"
    origins = [spec.origin for spec in map(find_spec, _NEEDED) if spec and spec.origin]
    for file in origins:
        if not os.access(file, os.R_OK):
            return f"cannot read {file}"
    if not os.access(settings.home, os.W_OK | os.X_OK):
        return f"cannot reach TOCSIN_HOME {settings.home}"
    for port in (settings.port, settings.console_port):
        if port and not _may_listen(settings.host, port):
            return f"may not listen on port {port}"
    return _try_database(settings.database_url) if settings.database_url else ""


def _may_listen(host: str, port: int) -> bool:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except PermissionError:
        return False
    except OSError:
        return True  # taken, or no address of ours: said elsewhere
    return True


def _try_database(dsn: str) -> str:
    """A database that lets only root in (by the name of the user, by a file of his) keeps us root."""
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        if "authentication failed" in str(error) or "certificate" in str(error) or "role " in str(error):
            return "is not let in by DATABASE_URL"
    return ""


if __name__ == "__main__":
    found = _try()
    print(found)
    sys.exit(1 if found else 0)
