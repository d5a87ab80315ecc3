"""The verbs that run the product: everything at once (`up`), or one process of it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable

import click

from tocsin.cli.base import FAILED, USAGE, Refusal, find_dsn, load_settings, open_session, show, table, verb
from tocsin.kit import last_words
from tocsin.kit.log import set_up_logging
from tocsin.kit.loops import Stop
from tocsin.kit.seal import SealError
from tocsin.kit.settings import Settings, SettingsError

_LOG = logging.getLogger(__name__)
Loop = Callable[[Settings, Stop], Awaitable[None]]


@verb()
@click.option(
    "--demo", is_flag=True, help="Make the demo account on DATABASE_URL too. Its key is published: never in production."
)
def up(demo: bool) -> None:
    """Run everything: database, API, worker, pusher, console and clerk, until Ctrl-C.

    Without DATABASE_URL it brings its own PostgreSQL under TOCSIN_HOME (./var), with a demo account on first start.
    """
    from tocsin.bootstrap.supervisor import CANNOT_RUN, run_up

    settings = load_settings()
    set_up_logging(settings.log_level, "up")
    try:
        run_up(settings, demo=demo)
    except CANNOT_RUN as error:
        raise Refusal(str(error), USAGE) from error


@verb()
def api() -> None:
    """Run one API process."""
    from tocsin.bootstrap.api import run

    _run_loop("api", run, is_door=True)


@verb()
def worker() -> None:
    """Run one worker: submits messages to carriers and takes in their receipts."""
    from tocsin.bootstrap.worker import run

    _run_loop("worker", run)


@verb()
def push() -> None:
    """Run one pusher: delivers reports and replies to the accounts' endpoints."""
    from tocsin.bootstrap.push import run

    _run_loop("push", run)


@verb()
def console() -> None:
    """Run one console process: the pages for people, at TOCSIN_CONSOLE_PORT."""
    from tocsin.bootstrap.console import run
    from tocsin.bootstrap.door import PortError, check_console_port

    settings = load_settings()
    set_up_logging(settings.log_level, "console")
    _warn_of_root()
    if not settings.console_port:
        raise Refusal("TOCSIN_CONSOLE_PORT is 0, which means no console", USAGE)
    try:
        check_console_port(settings)
    except PortError as error:
        raise Refusal(str(error), USAGE) from None
    settings = settings.replace(database_url=find_dsn(settings))
    _refuse_exposure(settings)
    run(settings)


@verb()
def clerk() -> None:
    """Run one clerk: writes the console's exports, reads and sends its uploads."""
    from tocsin.bootstrap.clerk import run

    _run_loop("clerk", run)


@verb()
def migrate() -> None:
    """Bring the database to the present schema. Safe to run at any time, by several at once too."""
    from tocsin.bootstrap.migrate import migrate as bring_up_to_date
    from tocsin.bootstrap.seed import ensure_defaults

    settings = load_settings()
    with open_session(settings) as conn:  # says so where none runs
        bring_up_to_date(find_dsn(settings))
        ensure_defaults(conn)
    show({"migrated": True}, "The schema is up to date.")


@verb()
def config() -> None:
    """Show the effective settings, or all mistakes in them at once. Secrets are hidden."""
    try:
        rows = load_settings().describe()
    except SettingsError as error:
        raise Refusal("\n".join(error.mistakes), FAILED) from None
    show(
        {row.name: {"value": row.value, "source": row.source, "help": row.help} for row in rows},
        table(["setting", "value", "from", "what for"], rows),
    )


def _warn_of_root() -> None:
    """Of a process that is started by itself; `tocsin up` has said it for its children."""
    if os.geteuid() == 0 and last_words.FILE not in os.environ:
        _LOG.warning("runs as root, and need not: start it as another user")


def _refuse_exposure(settings: Settings) -> None:
    from tocsin.bootstrap.exposure import ExposureError, check_exposure_at_start

    try:
        check_exposure_at_start(settings)
    except ExposureError as error:
        raise Refusal(str(error), USAGE) from None


def _run_loop(name: str, run: Loop, *, is_door: bool = False) -> None:
    """Run a process until SIGTERM or SIGINT; a second signal does not wait. Exit 1 where a part of it broke."""
    import uvloop

    settings = load_settings()
    set_up_logging(settings.log_level, name)
    _warn_of_root()
    settings = settings.replace(database_url=find_dsn(settings))
    if is_door:
        _refuse_exposure(settings)

    async def until_told() -> str:
        stop = Stop()

        def tell() -> None:
            if stop.is_set():
                os._exit(1)
            stop.set()

        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, tell)
        await run(settings, stop)
        return stop.broken

    try:
        broken = uvloop.run(until_told())
    except SealError as error:
        raise Refusal(str(error), USAGE) from None
    if broken:
        raise Refusal(f"{broken} ended unasked; the log says why")
