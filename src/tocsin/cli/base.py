"""What all verbs share: `--json` before or after the verb, errors as one sentence, exit codes, a session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec
import psycopg
from psycopg.rows import TupleRow

from tocsin.bootstrap.facts import read_dsn
from tocsin.bootstrap.home import tell_owner
from tocsin.kit import last_words
from tocsin.kit.error_text import describe_error
from tocsin.kit.settings import Settings, SettingsError, read_settings
from tocsin.kit.suggest import join, suggest

_JSON = "tocsin.json"
FAILED = 1
USAGE = 2


class Refusal(click.ClickException):
    """Why a verb cannot do it, as one sentence. Exit code 1: a check failed; 2: wrong usage, or no database runs."""

    def __init__(self, sentence: str, exit_code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = exit_code


class Choice(click.Choice[str]):
    """One of some words; a wrong one is told which are close."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        hint = suggest(str(value), [str(each) for each in self.choices])
        return f"{super().get_invalid_choice_message(value, ctx).rstrip('.')}{': ' if hint else '.'}{hint}"


class Verb(click.Command):
    """A command that knows --json."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_json_option())


class Verbs(click.Group):
    """A group of verbs that knows --json; its groups and commands do too."""

    command_class = Verb
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_json_option())


def _json_option() -> click.Option:
    return click.Option(
        ["--json"], is_flag=True, expose_value=False, callback=_note_json, help="Print JSON, for scripts."
    )


def _note_json(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_JSON] = True


def verb(name: str | None = None, **attributes: Any) -> Callable[[Callable[..., Any]], Verb]:
    """`@verb()`: a top-level command."""
    return click.command(name, cls=Verb, **attributes)


def verbs(name: str | None = None, **attributes: Any) -> Callable[[Callable[..., Any]], Verbs]:
    """`@verbs()`: a top-level group, such as `account`; its own commands are made by `@<group>.command()`."""
    return click.group(name, cls=Verbs, **attributes)


def wants_json() -> bool:
    """Whether the caller asked for JSON."""
    return bool(click.get_current_context().meta.get(_JSON))


def show(value: Any, text: str) -> None:
    """Print `value` as JSON where that was asked for, else `text`."""
    if wants_json():
        click.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())
    elif text:
        click.echo(text)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as aligned columns under their titles."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def load_settings() -> Settings:
    """Settings of this environment. Raises SettingsError."""
    return read_settings(os.environ)


def find_dsn(settings: Settings) -> str:
    """DATABASE_URL, else the embedded database of TOCSIN_HOME. Raises Refusal (exit 2)."""
    dsn = settings.database_url or read_dsn(settings.home)
    if dsn is None and settings.home.exists() and not os.access(settings.home, os.R_OK | os.X_OK):
        raise Refusal(
            f"TOCSIN_HOME {settings.home} belongs to the user {tell_owner(settings.home)}: use it as that user or as root",
            USAGE,
        )
    if dsn is None:
        raise Refusal(
            f"no database runs: start `tocsin up`, or set TOCSIN_HOME (now {settings.home}) or DATABASE_URL", USAGE
        )
    return dsn


@contextmanager
def open_session(settings: Settings | None = None) -> Iterator[psycopg.Connection[TupleRow]]:
    """One transaction on the installation's database: committed at the end, rolled back by an exception."""
    dsn = find_dsn(settings or load_settings())
    try:
        conn = psycopg.connect(dsn, connect_timeout=5, application_name="tocsin cli")
    except psycopg.OperationalError as error:
        reason = " ".join(describe_error(error).split())
        raise Refusal(
            f"no database runs ({reason}): start `tocsin up`, or set TOCSIN_HOME or DATABASE_URL", USAGE
        ) from error
    with conn:
        yield conn


def run_to_exit(command: click.Command, arguments: list[str]) -> int:
    """Run a command line; its exit code, expected errors printed."""
    try:
        result = command.main(args=arguments, prog_name="tocsin", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return 130
    except (click.ClickException, SettingsError, psycopg.OperationalError, psycopg.errors.UndefinedTable) as error:
        return _fail(error, as_json="--json" in arguments)
    return result if isinstance(result, int) else 0


def _fail(error: Exception, *, as_json: bool) -> int:
    sentence, exit_code = _explain(error)
    last_words.leave(sentence)
    if as_json:
        click.echo(msgspec.json.encode({"error": sentence}).decode())
        return exit_code
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
    for line in sentence.splitlines():
        click.echo(f"tocsin: {line}", err=True)
    return exit_code


def _explain(error: Exception) -> tuple[str, int]:
    """What went wrong in words, and the exit code that says how."""
    match error:
        case Refusal():
            return error.format_message(), error.code
        case click.exceptions.NoSuchCommand():
            return join(error.message.rstrip("."), _suggest_verb(error.command_name, error.ctx)), USAGE
        case click.exceptions.NoSuchOption():
            return join(error.message.rstrip("."), _suggest_option(error.option_name, error.ctx)), USAGE
        case click.ClickException():
            return error.format_message(), USAGE
        case SettingsError():
            return "\n".join(error.mistakes), USAGE
        case psycopg.errors.UndefinedTable():
            return "the database has not our tables yet: run `tocsin migrate`", USAGE
        case _:
            return f"the database does not answer: {' '.join(describe_error(error).split())}", USAGE


_OTHER_WORDS = {
    "delete": "remove", "del": "remove", "rm": "remove", "drop": "remove", "ls": "list", "get": "show", "info": "show",
    "view": "show", "update": "set", "edit": "set", "new": "add", "create": "add", "make": "create", "add": "create",
    "stop": "pause", "start": "resume", "check": "test", "status": "doctor", "serve": "up", "run": "up",
}  # fmt: skip
"""What other tools call a verb."""


def _suggest_verb(word: str, ctx: click.Context | None) -> str:
    """The close ones of the group that was asked; else where a verb of this name is."""
    if ctx is None or not isinstance(ctx.command, click.Group):
        return ""
    group = ctx.command
    known = {name: name for name in group.list_commands(ctx)}
    known |= {other: name for other, name in _OTHER_WORDS.items() if name in known and other not in known}
    return suggest(word, known) or f"`{ctx.command_path} --help` names them all"


def _suggest_option(word: str, ctx: click.Context | None) -> str:
    if ctx is None:
        return ""
    known = [name for each in ctx.command.params for name in (*each.opts, *each.secondary_opts) if name.startswith("-")]
    return suggest(word, known) or f"`{ctx.command_path} --help` names them all"
