"""What an export is asked for: filters as forms send them, the words of the file in the user's language, who may take what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from tocsin import messaging
from tocsin.console.filters import read_filter
from tocsin.console.lazy import StrPromise
from tocsin.console.names import PRODUCTS, list_countries
from tocsin.console.rights import EXPORT, MONEY
from tocsin.console.shown import REASONS, STATES
from tocsin.files import EXPORTS, Job, Kind, Trouble
from tocsin.messaging import State
from tocsin.traffic import Product

MOST_ROWS = 1_000_000
RIGHTS: dict[Kind, str] = {Kind.MESSAGES: EXPORT, Kind.REPLIES: EXPORT, Kind.LEDGER: MONEY, Kind.BLACKLIST: EXPORT}
KINDS: dict[Kind, StrPromise] = {
    Kind.MESSAGES: gettext_lazy("Messages"),
    Kind.REPLIES: gettext_lazy("Replies"),
    Kind.LEDGER: gettext_lazy("Ledger"),
    Kind.BLACKLIST: gettext_lazy("Blacklist"),
}
FORMATS = {"csv": "CSV", "xlsx": "XLSX"}
TROUBLES: dict[str, StrPromise] = {
    Trouble.BROKEN: gettext_lazy("Something went wrong on our side. Try again."),
    Trouble.TOO_LARGE: gettext_lazy("The file became too large: choose a shorter time."),
    Trouble.FULL: gettext_lazy(
        "The files of this account take all the space that they may. Remove some and try again."
    ),
}
_ENTRY_KINDS: dict[str, StrPromise] = {
    "charge": gettext_lazy("charge"),
    "refund": gettext_lazy("refund"),
    "recharge": gettext_lazy("recharge"),
    "credit": gettext_lazy("credit"),
    "gift": gettext_lazy("gift"),
    "adjustment": gettext_lazy("adjustment"),
    "opening": gettext_lazy("opening"),
}
_ORIGINS: dict[str, StrPromise] = {
    "operator": gettext_lazy("entered by hand"),
    "unsubscribe": gettext_lazy("unsubscribed"),
    "complaint": gettext_lazy("complained"),
}
_is_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


class FilterError(ValueError):
    """What cannot be asked for, as a sentence for its user."""


def kinds_of(can: frozenset[str]) -> list[Kind]:
    """What somebody may take out."""
    return [kind for kind in EXPORTS if RIGHTS[kind] in can]


def read_asked(kind: Kind, form: Mapping[str, str]) -> dict[str, Any]:
    """All that the clerk needs. Raises FilterError."""
    chosen = form.get("format", "csv")
    if chosen not in FORMATS:
        raise FilterError(_("Choose CSV or XLSX."))
    return {
        "format": chosen,
        "zone": timezone.get_current_timezone_name(),
        "chinese": (get_language() or "").startswith("zh"),
        "filter": {name: value for name, value in _read_filter(kind, form).items() if value not in {None, ""}},
        "words": _describe_words(kind),
    }


def _read_filter(kind: Kind, form: Mapping[str, str]) -> dict[str, Any]:
    if kind is Kind.BLACKLIST:
        return {}
    found = read_filter(_end_of_day(form))
    if found.troubles:
        raise FilterError(str(next(iter(found.troubles.values()))))
    if found.message_id:
        raise FilterError(_("A single message needs no file: the log shows all of it."))
    asked = found.asked
    span = {
        "since": _time_of(asked.floor) if asked.floor != messaging.OLDEST else "",
        "until": _time_of(asked.before) if asked.before != messaging.NEWEST else "",
    }
    if kind is Kind.LEDGER:
        word = form.get("kind", "")
        return {**span, "kind": word if word in _ENTRY_KINDS else ""}
    if kind is Kind.REPLIES:
        return {**span, "number": asked.prefix, "sender": form.get("sender", "").strip().removeprefix("+")[:64]}
    return {
        **span,
        "number": asked.prefix,
        "state": asked.state,
        "product": asked.product,
        "country": asked.country_id,
        "batch": asked.batch_no,
    }


def _end_of_day(form: Mapping[str, str]) -> dict[str, str]:
    """A day as the end means all of it."""
    until = form.get("to", "").strip()
    return {**form, "to": f"{until}T23:59" if _is_day(until) else until}


def _time_of(key: str) -> str:
    return datetime.fromtimestamp(messaging.time_of(key), UTC).isoformat()


def _describe_words(kind: Kind) -> dict[str, Any]:
    """Heads and values of the file, as the user's language has them now."""
    tables: dict[Kind, dict[str, Any]] = {
        Kind.MESSAGES: {
            "columns": [
                _("Message id"), _("Accepted"), _("Batch"), _("Product"), _("To"), _("Country"), _("Sender"), _("Content"),
                _("Parts"), _("Cost"), _("State"), _("Reason"), _("Submitted"), _("Ended"),
            ],
            "products": {str(int(product)): str(word) for product, word in PRODUCTS.items()},
            "states": {str(int(state)): str(word) for state, word in STATES.items()},
            "reasons": {str(int(reason)): str(word) for reason, word in REASONS.items()},
        },
        Kind.REPLIES: {"columns": [_("Time"), _("From"), _("To"), _("Content"), _("Message id")]},
        Kind.LEDGER: {
            "columns": [
                _("Time"), _("Kind"), _("Amount"), _("Gift"), _("Balance after"), _("Batch"), _("Messages"), _("Note"),
            ],
            "kinds": {word: str(said) for word, said in _ENTRY_KINDS.items()},
        },
        Kind.BLACKLIST: {
            "columns": [_("Number or address"), _("Origin"), _("Added")],
            "origins": {word: str(said) for word, said in _ORIGINS.items()},
        },
    }  # fmt: skip
    return tables[kind]


def describe_filter(job: Job) -> str:
    """What a job was asked for, in a line; "": everything."""
    asked = job.asked["filter"]
    said = []
    if number := asked.get("number"):
        said.append(f"{number}…")
    if sender := asked.get("sender"):
        said.append(f"{sender}…")
    if (state := asked.get("state")) is not None:
        said.append(str(STATES[State(state)]))
    if product := asked.get("product"):
        said.append(str(PRODUCTS[Product(product)]))
    if country := asked.get("country"):
        said.append(dict(list_countries()).get(country, str(country)))
    if batch := asked.get("batch"):
        said.append(_("batch %(batch)s") % {"batch": batch})
    if kind := asked.get("kind"):
        said.append(str(_ENTRY_KINDS[kind]))
    if asked.get("since") or asked.get("until"):
        said.append(f"{_show_time(asked.get('since'))} – {_show_time(asked.get('until'))}")
    return " · ".join(said)


def _show_time(text: str | None) -> str:
    return date_format(timezone.localtime(datetime.fromisoformat(text)), "Y-m-d H:i") if text else "…"
