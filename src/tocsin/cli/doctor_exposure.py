"""The doctor's look at what strangers may know or read: the demo's key and log-in, messages in the server's log."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tocsin.bootstrap.door import is_public
from tocsin.bootstrap.exposure import find_published
from tocsin.cli.finding import LOOK, OK, WRONG, Finding
from tocsin.cli.store import Conn
from tocsin.kit.seal import SealError, open_seal
from tocsin.kit.settings import Settings, SettingsError

_OF_LOG = {
    "log_min_error_statement": ("log", "fatal", "panic"),
    "log_error_verbosity": ("terse",),
    "log_statement": ("none", "ddl"),
    "log_parameter_max_length_on_error": ("0",),
}
_HERE = ("localhost", "127.0.0.1", "::1")


def look_at_server_log(conn: Conn) -> Finding:
    """Whether PostgreSQL writes texts of messages into its log, as the settings of our sessions say."""
    row = conn.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in _OF_LOG)).fetchone()
    assert row is not None
    found = [f"{name} = {value}" for (name, good), value in zip(_OF_LOG.items(), row, strict=True) if value not in good]
    if found:
        return Finding(
            "server log", LOOK, f"messages can come into it: {', '.join(found)}; see connect-your-postgresql.md"
        )
    return Finding("server log", OK, "no statements, no rows")


def look_at_demo(conn: Conn, settings: Settings) -> Iterator[Finding]:
    """WRONG where a process would refuse to start; worth a look where it was allowed, or a proxy stands before us."""
    try:
        found = find_published(conn, open_seal(settings), settings)
    except (SealError, SettingsError):
        return  # said of the sealing key
    if not found:
        yield Finding("demo", OK, "nothing that is published is in use")
        return
    told = " and ".join(found)
    proxied = [url for url in (settings.api_url, settings.console_url) if urlsplit(url).hostname not in {*_HERE, None}]
    if not is_public(settings) and not proxied:
        yield Finding("demo", OK, f"for this machine alone: {told}")
    elif is_public(settings) and settings.demo_public != "on":
        yield Finding("demo", WRONG, f"TOCSIN_HOST {settings.host} would publish {told}")
    else:
        where = settings.host if is_public(settings) else ", ".join(proxied)
        yield Finding("demo", LOOK, f"published at {where}: {told}")
