"""Errors as a log may hold them: what kind, where, and which rule was broken, without the values that broke it.

Values are texts of people, numbers, keys and passwords. PostgreSQL repeats them in DETAIL, Python in quotes. Pure.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import Final

import psycopg

_QUOTED: Final = re.compile(r"""['"].*(?P<end>['"])|['"].*""", re.S)
_LONG_NUMBER: Final = re.compile(r"\d{5,}")
_ADDRESS: Final = re.compile(r'"[^"]*(?:@|://)[^"]*"|\S*://\S*')
_VALUES: Final = ("22", "P0")
"""Classes of SQLSTATE whose messages repeat values: data exceptions, and what our functions raise."""
_NAMES_ONLY: Final = (OSError, TypeError, AttributeError, NameError, ImportError)
_CHAIN_MOST: Final = 10


def describe_error(error: BaseException) -> str:
    """Its message without values; the name of its kind where it has none."""
    cause = error.__cause__
    if type(error).__module__ == "django.db.utils" and isinstance(cause, psycopg.Error):
        error = cause  # Django repeats the text of the driver's error
    if isinstance(error, psycopg.Error):
        text = _describe_sql(error)
    elif _names_things_only(error):
        text = str(error)
    else:
        text = hide_values(str(error))
    return text.strip() or type(error).__name__


def _names_things_only(error: BaseException) -> bool:
    """Whether its message is ours, or quotes names of files and of things in the code; those of mail servers quote addresses."""
    module = type(error).__module__
    return module.startswith("tocsin.") or (isinstance(error, _NAMES_ONLY) and module != "smtplib")


def hide_values(text: str) -> str:
    """The text without all from its first quotation mark to its last, and without long numbers."""
    return _LONG_NUMBER.sub("…", _QUOTED.sub(lambda found: "'…'" if found["end"] else "'…", text))


def _describe_sql(error: psycopg.Error) -> str:
    if error.sqlstate is None:  # of the driver or the network: it may repeat a part of the connection string
        return _ADDRESS.sub('"…"', str(error))
    primary = error.diag.message_primary or ""
    facts = [f"{type(error).__name__} ({error.sqlstate}): "]
    facts.append(hide_values(primary) if error.sqlstate.startswith(_VALUES) else primary)
    facts += [f"; {line}" for line in (error.diag.context or "").splitlines() if line.startswith("PL/pgSQL function")]
    return "".join(facts)


def format_error(error: BaseException) -> str:
    """Where it came from and what it is, with the errors that led to it."""
    return "\n\n".join(reversed(list(_format_chain(error))))


def _format_chain(error: BaseException | None) -> Iterator[str]:
    for _ in range(_CHAIN_MOST):
        if error is None:
            return
        frames = "".join(traceback.format_tb(error.__traceback__))
        head = f"Traceback (most recent call last):\n{frames}" if frames else ""
        yield f"{head}{type(error).__qualname__}: {describe_error(error)}" + "".join(_format_parts(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _format_parts(error: BaseException) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions[:_CHAIN_MOST]:
            yield "\n  | " + format_error(part).replace("\n", "\n  | ")
