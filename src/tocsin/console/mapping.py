"""What the columns of an upload are and what is sent to its rows: read from the form, and shown again as it was typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tocsin.console.lazy import StrPromise
from tocsin.console.names import list_countries
from tocsin.console.shown import REASONS, STATUSES
from tocsin.content import find_unknown, name_columns, text_fault, units16
from tocsin.files import Job, Trouble
from tocsin.traffic import Reason

MOST_UNITS: Final = 1024
MOST_DAYS: Final = 30
ACTIONS: Final[dict[str, StrPromise]] = {
    "NOTIFICATION": gettext_lazy("Notification"),
    "MARKETING": gettext_lazy("Marketing"),
}
FAULTS: Final[dict[str, StrPromise]] = {
    "number": gettext_lazy("no valid number"),
    "no-number": gettext_lazy("the number is missing"),
    "country": gettext_lazy("the country is not known or does not fit the number"),
    "duplicate": gettext_lazy("the number is in an earlier row already"),
    "no-value": gettext_lazy("a value for the text is missing"),
    "bad-text": gettext_lazy("the text has characters that cannot be sent"),
    "too-long": gettext_lazy("the text is longer than 1,024 characters"),
}
TROUBLES: Final[dict[str, StrPromise]] = {
    Trouble.BROKEN: gettext_lazy("Something went wrong on our side. Try again."),
    Trouble.NO_TABLE: gettext_lazy(
        "This is no CSV and no XLSX file that can be read. Save it as CSV (UTF-8) and try again."
    ),
    Trouble.OLD_OR_LOCKED: gettext_lazy(
        "This workbook has a password, or is of a format older than XLSX. Save it as XLSX without a password, or as CSV."
    ),
    Trouble.ENCODING: gettext_lazy("The characters of this file cannot be read. Save it as CSV (UTF-8) and try again."),
    Trouble.EMPTY: gettext_lazy("There are no rows in this file."),
    Trouble.TOO_MANY_ROWS: gettext_lazy("A file may have 200,000 rows at most. Divide it."),
    Trouble.TOO_WIDE: gettext_lazy("A file may have 100 columns at most."),
    Trouble.TOO_LARGE: gettext_lazy("The table in this file is too large. Save it as CSV, or divide it."),
    Trouble.MONEY: gettext_lazy(
        "The balance is not enough for the next messages. Top up, then go on: nothing is sent twice."
    ),
    Trouble.AWAY: gettext_lazy("The API does not answer. Go on in a while: nothing is sent twice."),
    Trouble.REFUSED: gettext_lazy("The API refused the next messages."),
    Trouble.LOCKED: gettext_lazy("The account is locked: nothing can be sent."),
}


class Chosen(NamedTuple):
    """`asked`: for the clerk; `troubles`: what is wrong with which input; `typed`: each input as it came."""

    asked: dict[str, Any]
    troubles: dict[str, str]
    typed: dict[str, str]


def say_fault(word: str) -> str:
    """Why a row is not sent."""
    kind, _colon, number = word.partition(":")
    if kind == "reason":
        return str(REASONS.get(Reason(int(number)), number))
    if kind == "status":
        return str(STATUSES.get(int(number), number)) if number.lstrip("-").isdigit() else number
    return str(FAULTS.get(word, word))


def guess(job: Job) -> dict[str, str]:
    """What the form begins with: what was chosen before, else the clerk's guess."""
    asked, found = job.asked, job.found
    country = asked.get("country", found["country"])
    return {
        "headed": "on" if asked.get("headed", found["headed"]) else "",
        "number": str(asked.get("number", found["number"])),
        "country": "" if country is None else str(country),
        "usual": str(asked.get("usual", 0)),
        "content": asked.get("content", ""),
        "action": asked.get("action", "NOTIFICATION"),
        "sender": asked.get("sender", ""),
        "when": asked.get("when", ""),
    }


def read_chosen(job: Job, head: list[str], form: Mapping[str, str]) -> Chosen:
    """`head`: the cells of the first row."""
    names = ("headed", "number", "country", "usual", "content", "action", "sender", "when")
    typed = {name: form.get(name, "")[:4000] for name in names}
    troubles: dict[str, str] = {}
    width, headed = int(job.found["width"]), bool(typed["headed"])
    number, country = _read_column(typed["number"], width), _read_column(typed["country"], width)
    if number is None:
        troubles["number"] = _("Choose the column of the numbers.")
    elif number == country:
        troubles["country"] = _("One column cannot be both.")
    usual = int(typed["usual"]) if typed["usual"].isdecimal() and len(typed["usual"]) < 9 else 0
    if usual and usual not in dict(list_countries()):
        troubles["usual"] = _("Choose a country.")
    content = typed["content"].replace("\r\n", "\n").strip()
    if trouble := _find_trouble(content, name_columns(head if headed else [], width)):
        troubles["content"] = trouble
    sender = typed["sender"].strip()
    if len(sender) > 20 or not sender.isprintable():
        troubles["sender"] = _("A sender has 20 characters at most.")
    action = typed["action"] if typed["action"] in ACTIONS else "NOTIFICATION"
    asked = {
        "headed": headed, "number": number, "country": country, "usual": usual, "content": content, "action": action,
        "sender": sender, "when": typed["when"], "send_time": _read_time(typed["when"], troubles),
    }  # fmt: skip
    return Chosen(asked, troubles, typed)


def _read_column(text: str, width: int) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 4 and int(text) < width else None


def _find_trouble(content: str, names: dict[str, int]) -> str:
    if not content:
        return _("Write what is to be sent.")
    if text_fault(content):
        return _("The text has characters that cannot be sent.")
    if units16(content) > MOST_UNITS:
        return _("A text has 1,024 characters at most.")
    if unknown := find_unknown(content, names):
        return _("There is no column {%(name)s}.") % {"name": unknown[0]}
    return ""


def _read_time(text: str, troubles: dict[str, str]) -> str:
    """Epoch seconds of a time on the user's clock; "": at once."""
    if not text.strip():
        return ""
    try:
        at = timezone.make_aware(datetime.fromisoformat(text.strip()).replace(tzinfo=None))
    except (ValueError, OverflowError):
        troubles["when"] = _("Write a date and a time, such as 2026-01-31T08:00.")
        return ""
    if not timezone.now() < at < timezone.now() + timedelta(days=MOST_DAYS):
        troubles["when"] = _("The time must lie ahead, by 30 days at most.")
        return ""
    return str(int(at.timestamp()))
