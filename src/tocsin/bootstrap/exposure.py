"""What the whole world knows must not be served to it: the demo's key, log-in and page of mails, beyond this machine.

An operator who changed the key and the password, or took them away, is not stopped.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import accounts
from tocsin.bootstrap.demo import ACCOUNT, API_KEY
from tocsin.bootstrap.door import is_public
from tocsin.bootstrap.login import LOGIN, PASSWORD
from tocsin.kit import clock
from tocsin.kit.seal import Seal, SealError, open_seal
from tocsin.kit.settings import Settings, SettingsError

_LOG = logging.getLogger(__name__)
_AGAIN_S = 1.0


class ExposureError(Exception):
    """What would be published, as one sentence."""


def find_published(conn: Connection[TupleRow], seal: Seal, settings: Settings) -> list[str]:
    """What a door beyond this machine would publish. An empty database publishes nothing."""
    found = []
    try:
        if _holds_published_key(conn, seal):
            found.append(f"the demo's API key (`tocsin key rotate {ACCOUNT} --revoke` ends it)")
        if _holds_published_password(conn):
            found.append(f"the demo's log-in ({LOGIN}: give it another password at the console)")
    except psycopg.errors.UndefinedTable:
        return []
    if settings.console_outbox == "on" and not settings.smtp_url:
        found.append("the page of all mails (TOCSIN_CONSOLE_OUTBOX=on)")
    return found


def check_exposure(conn: Connection[TupleRow], seal: Seal, settings: Settings) -> None:
    """Raise ExposureError where the settings would publish something and do not say that this is meant."""
    if settings.demo_public == "on" or not is_public(settings):
        return
    found = find_published(conn, seal, settings)
    if found:
        raise ExposureError(
            f"TOCSIN_HOST {settings.host} would publish {' and '.join(found)}:"
            " change that, listen on 127.0.0.1, or say TOCSIN_DEMO_PUBLIC=on"
        )


def check_exposure_at_start(settings: Settings) -> None:
    """The same for a process by itself; waits for the database. Raises ExposureError, SettingsError."""
    if settings.demo_public == "on" or not is_public(settings):
        return None
    seal = open_seal(settings)
    while True:
        try:
            with psycopg.connect(settings.database_url, connect_timeout=5, application_name="tocsin start") as conn:
                return check_exposure(conn, seal, settings)
        except psycopg.OperationalError as error:
            _LOG.warning("the database must say first whether it holds the demo: %s", error)
            time.sleep(_AGAIN_S)


def _holds_published_key(conn: Connection[TupleRow], seal: Seal) -> bool:
    try:
        account = accounts.find_account(conn, ACCOUNT)
    except accounts.AccountError:
        return False
    keys = accounts.list_keys(conn, account.id)
    holding = [key for key in keys if key.expires_at is None or key.expires_at > clock.now()]
    return not account.locked and any(_opens(seal, key.sealed) == API_KEY for key in holding)


def _opens(seal: Seal, sealed: str) -> str:
    try:
        return seal.open(sealed)
    except (SealError, SettingsError):
        return ""  # said elsewhere


def _holds_published_password(conn: Connection[TupleRow]) -> bool:
    row = conn.execute("SELECT password FROM console_user WHERE email = %s AND is_active", (LOGIN,)).fetchone()
    return row is not None and _fits(PASSWORD, row[0])


def _fits(password: str, stored: str) -> bool:
    """Django's PBKDF2 hash, checked without Django: the API must not load it."""
    method, _, rest = stored.partition("$")
    if method != "pbkdf2_sha256" or rest.count("$") != 2:
        return False
    rounds, salt, expected = rest.split("$")
    found = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), int(rounds))
    return hmac.compare_digest(base64.b64encode(found).decode("ascii"), expected)
