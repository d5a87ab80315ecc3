"""What verbs that change something share: one transaction, an audit row in it, refusals as one sentence."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
import psycopg
from psycopg.rows import TupleRow

from tocsin import accounts, audit, billing, compliance, routing, senders, templates
from tocsin.cli.base import Refusal, open_session
from tocsin.cli.names import explain_unknown
from tocsin.kit.seal import Seal, SealError, open_seal
from tocsin.kit.settings import Settings
from tocsin.kit.suggest import UnknownNameError

Conn = psycopg.Connection[TupleRow]
Facts = Mapping[str, Any]


class Amount(click.ParamType[int]):
    """Decimal text, as micro-units."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return billing.to_micros(value)
        except billing.MoneyError as error:
            self.fail(str(error), param, ctx)


class PositiveAmount(Amount):
    """An amount of 0 or more."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        micros = super().convert(value, param, ctx)
        if micros < 0:
            self.fail(f"{value} is negative", param, ctx)
        return micros


class OrNone(click.ParamType[int]):
    """A whole number from 1 on, or `none` for no limit (0 after conversion)."""

    name = "number|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == "none":
            return 0
        if not (str(value).isascii() and str(value).isdigit()) or int(value) < 1:
            self.fail(f"{value!r} is neither a whole number from 1 on nor `none`", param, ctx)
        return int(value)


AMOUNT, POSITIVE_AMOUNT, OR_NONE = Amount(), PositiveAmount(), OrNone()


@contextmanager
def open_change(settings: Settings | None = None) -> Iterator[Conn]:
    """A session as base.open_session gives it; what cannot be done is one sentence (exit 1), and nothing is changed."""
    try:
        with open_session(settings) as conn:
            try:
                yield conn
            except UnknownNameError as error:
                raise Refusal(explain_unknown(conn, error)) from error
    except _REFUSALS as error:
        raise Refusal(str(error)) from error


_REFUSALS = (
    accounts.AccountError, billing.BillingError, compliance.ComplianceError, routing.RoutingError, SealError,
    senders.SenderError, templates.TemplateError,
)  # fmt: skip


def find_owner(conn: Conn, account: str | None) -> int:
    """Id of the account of that name; None: of everybody. Raises AccountError."""
    return compliance.EVERYBODY if account is None else accounts.find_account(conn, account).id


def open_known_seal(conn: Conn, settings: Settings) -> Seal:
    """The seal of this installation, made if there is none anywhere. Raises SealError where the database knows another.

    A secret that is sealed with a key of this machine alone could be opened by no process.
    """
    seal = open_seal(settings, make=True)
    accounts.check_canary(conn, seal, make=True)
    return seal


def note(conn: Conn, action: str, subject: str, before: Facts | None, after: Facts | None) -> None:
    """Audit a change under the name of the operating system's user."""
    audit.record(conn, name_actor(), action, subject, before, after)


def note_difference(conn: Conn, action: str, subject: str, before: Facts, after: Facts) -> Facts:
    """Audit what differs, if anything does; the differences as they are after."""
    changed = [name for name in after if before.get(name) != after[name]]
    if changed:
        note(conn, action, subject, {name: before.get(name) for name in changed}, pick(after, changed))
    return pick(after, changed)


def pick(facts: Facts, names: list[str]) -> Facts:
    """Some of the facts."""
    return {name: facts[name] for name in names}


def name_actor() -> str:
    """The operating system's user, and whose sudo it was."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        user = str(os.getuid())
    behind = os.environ.get("SUDO_USER")
    return f"{user} (sudo of {behind})" if behind else user


def given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def tell_time(at: datetime | None) -> str:
    """A time as people read it, UTC."""
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M:%S")


def tell_age(age_s: float) -> str:
    """A length of time in one unit."""
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if age_s >= 2 * seconds:
            return f"{age_s / seconds:.0f} {unit}"
    return f"{max(age_s, 0):.0f} s"


def tell_yes(value: bool) -> str:
    """yes or no."""
    return "yes" if value else "no"
