"""What must be true before the processes start: the schema, the sealing key, and the demo where it belongs.

Runs as a child of `tocsin up` (`python -m tocsin.bootstrap.preparation`), so that Django's memory does not stay.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass

import psycopg

from tocsin.accounts import check_canary
from tocsin.kit.error_text import describe_error
from tocsin.kit.leash import die_with_parent
from tocsin.kit.seal import SealError, open_seal
from tocsin.kit.settings import Settings, SettingsError, read_settings

_PUBLIC_DEMO = (
    "TOCSIN_HOST {} would publish the demo's API key and log-in: leave --demo out, listen on 127.0.0.1,"
    " or say TOCSIN_DEMO_PUBLIC=on"
)


class PreparationError(Exception):
    """Why the database could not be prepared, as one sentence."""


@dataclass(frozen=True)
class Prepared:
    """The demo account and its key; "" where there is no demo."""

    account: str = ""
    api_key: str = ""


def prepare_in_child(settings: Settings, dsn: str, *, demo: bool, embedded: bool) -> Prepared:
    """Prepare the database in a process of its own. Raises PreparationError."""
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "tocsin.bootstrap.preparation", *["--demo"] * demo, *["--embedded"] * embedded],
        env={**os.environ, "DATABASE_URL": dsn, "TOCSIN_HOME": str(settings.home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise PreparationError(f"preparing the database ended with code {done.returncode}, see above") from None
    if "error" in answer:
        raise PreparationError(answer["error"])
    return Prepared(**answer)


def prepare(settings: Settings, *, demo: bool, embedded: bool) -> Prepared:
    """Migrate, make the sealing key, make the demo: where `demo` says so, or in an embedded database of nobody's.

    Nowhere a demo is made that strangers could reach, unless the settings say so. Raises PreparationError, ExposureError.
    """
    from tocsin.bootstrap.demo import ACCOUNT, create
    from tocsin.bootstrap.door import is_public
    from tocsin.bootstrap.exposure import check_exposure
    from tocsin.bootstrap.login import make_login
    from tocsin.bootstrap.migrate import migrate
    from tocsin.bootstrap.seed import ensure_defaults

    migrate(settings.database_url)
    seal = open_seal(settings, make=True)
    with psycopg.connect(settings.database_url, autocommit=True) as conn:
        ensure_defaults(conn)
        check_canary(conn, seal, make=True)
        present = conn.execute("SELECT FROM account WHERE name = %s", (ACCOUNT,)).fetchone() is not None
        empty = conn.execute("SELECT FROM account LIMIT 1").fetchone() is None
        private = settings.demo_public == "on" or not is_public(settings)
        if demo and not private:
            raise PreparationError(_PUBLIC_DEMO.format(settings.host))
        check_exposure(conn, seal, settings)
    if demo or (embedded and private and (present or empty)):
        facts = create(settings.database_url, settings)
        make_login(facts.account)
        return Prepared(facts.account, facts.api_key)
    return Prepared()


def _main() -> None:
    from tocsin.bootstrap.exposure import ExposureError

    try:
        prepared = prepare(read_settings(os.environ), demo="--demo" in sys.argv, embedded="--embedded" in sys.argv)
        answer = asdict(prepared)
    except SettingsError as error:
        answer = {"error": "; ".join(error.mistakes)}
    except (SealError, PreparationError, ExposureError) as error:
        answer = {"error": str(error)}
    except psycopg.OperationalError as error:
        answer = {"error": f"the database does not answer: {' '.join(describe_error(error).split())}"}
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
