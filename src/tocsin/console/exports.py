"""What an export is asked for: filters as forms send them, the words of the file in the user's language, who may take what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django_stubs_ext import StrPromise

from tocsin.console.rights import EXPORT, MONEY
from tocsin.console.shown import PRODUCTS, REASONS, STATES
from tocsin.content import load_countries
from tocsin.files import EXPORTS, Job, Kind, Trouble
from tocsin.messaging import State
from tocsin.traffic import PRODUCT_NAMES, Product

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
}
STATE_WORDS = {"under-way": State.UNDER_WAY, "delivered": State.DELIVERED, "failed": State.FAILED}
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
_NO_DIGIT = re.compile(r"\D")
_is_batch = re.compile("[0-9]{1,18}").fullmatch


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
    since, until = _read_time(form.get("from", "")), _read_time(form.get("to", ""), behind=True)
    if since and until and since >= until:
        raise FilterError(_("The end lies before the beginning."))
    span = {"since": since.isoformat() if since else None, "until": until.isoformat() if until else None}
    if kind is Kind.LEDGER:
        word = form.get("kind", "")
        return {**span, "kind": word if word in _ENTRY_KINDS else ""}
    number = _NO_DIGIT.sub("", form.get("number", ""))[:15]
    if kind is Kind.REPLIES:
        return {**span, "number": number}
    return {
        **span,
        "number": number,
        "state": STATE_WORDS.get(form.get("state", "")),
        "product": _read_product(form.get("product", "")),
        "country": _read_country(form.get("country", "")),
        "batch": _read_batch(form.get("batch", "")),
    }


def _read_time(text: str, *, behind: bool = False) -> datetime | None:
    """A day or a minute in the user's zone; `behind`: the end of it, which is not itself within."""
    text = text.strip()
    if not text:
        return None
    try:
        day = parse_date(text)
        at = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001  made aware below
    except ValueError:
        at = day = None
    if at is None:
        raise FilterError(_("%(text)s is no date.") % {"text": text[:40]})
    try:
        if behind:
            at += timedelta(days=1) if day else timedelta(minutes=1)
        return (at if at.tzinfo else timezone.make_aware(at)).astimezone(UTC)
    except OverflowError:
        raise FilterError(_("%(text)s is no date.") % {"text": text[:40]}) from None


def _read_product(text: str) -> int | None:
    """By its number or its name."""
    if text in PRODUCT_NAMES:
        return int(PRODUCT_NAMES[text])
    return int(text) if text.isdecimal() and text in {str(int(product)) for product in Product} else None


def _read_country(text: str) -> int | None:
    """By codeId or ISO code. Raises FilterError: a file of every country is not what was asked for."""
    text = text.strip()
    if not text:
        return None
    found = next((row.code_id for row in load_countries() if text.upper() in {row.iso, str(row.code_id)}), None)
    if found is None:
        raise FilterError(_("There is no country %(text)s.") % {"text": text[:40]})
    return found


def _read_batch(text: str) -> int | None:
    text = text.strip()
    if text and not _is_batch(text):
        raise FilterError(_("%(text)s is no batch number.") % {"text": text[:40]})
    return int(text) if text else None


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
    if (state := asked.get("state")) is not None:
        said.append(str(STATES[State(state)]))
    if product := asked.get("product"):
        said.append(str(PRODUCTS[Product(product)]))
    if country := asked.get("country"):
        row = next(row for row in load_countries() if row.code_id == country)
        said.append(row.name_zh if (get_language() or "").startswith("zh") else row.name)
    if batch := asked.get("batch"):
        said.append(_("batch %(batch)s") % {"batch": batch})
    if kind := asked.get("kind"):
        said.append(str(_ENTRY_KINDS[kind]))
    if asked.get("since") or asked.get("until"):
        said.append(f"{_show_time(asked.get('since'))} – {_show_time(asked.get('until'))}")
    return " · ".join(said)


def _show_time(text: str | None) -> str:
    return date_format(timezone.localtime(datetime.fromisoformat(text)), "Y-m-d H:i") if text else "…"
