"""How the text of a setting is read: each function gives the value, or a ValueError that says why not.

The error's text follows the name of the setting: "TOCSIN_PORT must be a port ...".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import re
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
_DOMAIN_MOST = 240  # an address on it has 254 characters at most
_is_domain = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]").fullmatch
_is_token = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*").fullmatch  # RFC 6750, 2.1
LEVELS = ("debug", "info", "warning", "error")


def text(words: str) -> str:
    """Any text."""
    return words


def path(words: str) -> Path:
    """A path; need not exist."""
    return Path(words).expanduser()


def file(words: str) -> Path:
    """A file that can be read."""
    found = path(words)
    try:
        with found.open("rb"):
            return found.absolute()
    except OSError as error:
        raise ValueError(f"must name a file that can be read ({error.strerror}: {words})") from None


def port(words: str) -> int:
    """A TCP port."""
    if not words.isascii() or not words.isdigit() or not 1 <= int(words) <= 65_535:
        raise ValueError(f"must be a port from 1 to 65535, not {words!r}")
    return int(words)


def port_or_none(words: str) -> int:
    """A TCP port, or 0."""
    return 0 if words == "0" else port(words)


def count_or_none(words: str) -> int:
    """A whole number from 0 on."""
    return 0 if words == "0" else count(words)


def count(words: str) -> int:
    """A whole number from 1 on."""
    if not words.isascii() or not words.isdigit() or int(words) < 1:
        raise ValueError(f"must be a whole number from 1 on, not {words!r}")
    return int(words)


def few(words: str) -> int:
    """A whole number from 1 to 64."""
    if not words.isascii() or not words.isdigit() or not 1 <= int(words) <= 64:
        raise ValueError(f"must be a whole number from 1 to 64, not {words!r}")
    return int(words)


def positive(words: str) -> float:
    """A finite number of seconds above 0."""
    try:
        value = float(words)
    except ValueError:
        value = 0.0
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"must be a number of seconds above 0, not {words!r}")
    return value


def fraction(words: str) -> float:
    """A number from 0 to 1."""
    return _between(words, 0, 1)


def percent(words: str) -> float:
    """A number from 0 to 100."""
    return _between(words, 0, 100)


def _between(words: str, least: int, most: int) -> float:
    try:
        value = float(words)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ValueError(f"must be a number from {least} to {most}, not {words!r}")
    return value


def level(words: str) -> str:
    """A log level."""
    if words.lower() not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}, not {words!r}")
    return words.lower()


def send_or_drop(words: str) -> str:
    """One of two."""
    if words.lower() not in {"send", "drop"}:
        raise ValueError(f"must be send or drop, not {words!r}")
    return words.lower()


def on_or_off(words: str) -> str:
    """One of two."""
    if words.lower() not in {"on", "off"}:
        raise ValueError(f"must be on or off, not {words!r}")
    return words.lower()


def smtp(words: str) -> str:
    """The URL of an SMTP server. Its text is never repeated: it may hold a password."""
    parts = urlsplit(words)
    try:
        fits = (
            parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"}
        )
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("must be an address such as smtp://user:password@mail.example.com:587")
    return words


def networks(words: str) -> Networks:
    """A comma list of addresses and networks."""
    found = []
    for piece in filter(None, (piece.strip() for piece in words.split(","))):
        try:
            found.append(ipaddress.ip_network(piece, strict=False))
        except ValueError:
            raise ValueError(f"must be a comma list of networks such as 10.0.0.0/8, and {piece!r} is none") from None
    return tuple(found)


def domain(words: str) -> str:
    """A domain name in ASCII, in lower case."""
    name = words.lower()
    if len(name) > _DOMAIN_MOST or not _is_domain(name):
        raise ValueError(f"must be a domain such as mail.example.com, not {words!r}")
    return name


def url(words: str) -> str:
    """An http or https address without query, as it stands before a path."""
    parts = urlsplit(words)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"must be an address such as https://mail.example.com, not {words!r}")
    return words.rstrip("/")


def database(words: str) -> str:
    """A PostgreSQL URL or connection string. Its text is never repeated: it holds a password."""
    try:
        conninfo_to_dict(words)
    except psycopg.ProgrammingError:
        raise ValueError("must be a PostgreSQL URL such as postgresql://user:password@host/name") from None
    return words


def token(words: str) -> str:
    """A Bearer token. Its text is never repeated."""
    if not _is_token(words):
        raise ValueError("must be 16 or more letters, digits and -._~+/, such as `openssl rand -hex 32` prints")
    return words


def keys(words: str) -> tuple[str, ...]:
    """A comma list of sealing keys: 32 bytes each in URL-safe base64."""
    found = tuple(filter(None, (piece.strip() for piece in words.split(","))))
    for number, key in enumerate(found, 1):
        try:
            raw = base64.urlsafe_b64decode(key)
        except (ValueError, binascii.Error):
            raw = b""
        if len(raw) != 32:
            raise ValueError(
                f"must be a comma list of keys of 32 bytes in URL-safe base64, and number {number} is none"
            )
    return found


def hide(value: str | tuple[str, ...]) -> str:
    """A secret as it may be shown: nothing of a token, a connection string without its password, the number of keys."""
    if not value:
        return ""
    if isinstance(value, tuple):
        return f"({len(value)} hidden)"
    if _is_token(value):
        return "(hidden)"
    if value.startswith("smtp"):
        parts = urlsplit(value)
        return f"{parts.scheme}://{'***@' if parts.username else ''}{parts.netloc.rpartition('@')[2]}"
    facts = conninfo_to_dict(value)
    secret = [name for name in ("password", "sslpassword", "passfile") if facts.get(name)]
    return make_conninfo("", **{**facts, **dict.fromkeys(secret, "***")})
