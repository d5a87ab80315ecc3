"""What was asked of the message log: read from a query, shown again as it was typed, and said as a question to messaging."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tocsin import messaging
from tocsin.messaging import Asked, State
from tocsin.traffic import PRODUCT_NAMES

NAMES: Final = ("number", "state", "product", "country", "batch", "from", "to")
"""The inputs, of the page and of what it gives to an export."""
STATE_WORDS: Final = {"under-way": State.UNDER_WAY, "delivered": State.DELIVERED, "failed": State.FAILED}
_MOST: Final = 254  # characters of an input: the longest address
_DECORATION = re.compile(r"[\s()+\-.]")
_is_id = re.compile("[0-9a-f]{32}").fullmatch
_is_batch = re.compile(r"[0-9]{17}").fullmatch
_is_number = re.compile(r"[0-9]{1,15}").fullmatch
_is_country = re.compile(r"[0-9]{1,9}").fullmatch
_is_address = re.compile(r"[\x21-\x7e]+").fullmatch


class Filter(NamedTuple):
    """`typed`: each input as it came; `troubles`: what is wrong with which; `message_id`: one was typed, in hex."""

    typed: dict[str, str]
    troubles: dict[str, str | Promise]
    asked: Asked
    message_id: str = ""

    @property
    def given(self) -> dict[str, str]:
        """The inputs that say something."""
        return {name: text for name, text in self.typed.items() if text}

    @property
    def query(self) -> str:
        """The same as the query of an address."""
        return urlencode(self.given)


def read_filter(query: Mapping[str, str]) -> Filter:
    """The filter of a query; what cannot be read is a trouble and filters nothing."""
    typed = {name: query.get(name, "").replace("\x00", "").strip()[:_MOST] for name in NAMES}
    troubles: dict[str, str | Promise] = {}
    prefix, batch, message_id = _read_number(typed["number"], troubles)
    if typed["batch"]:
        batch = int(typed["batch"]) if _is_batch(typed["batch"]) else None
        if batch is None:
            troubles["batch"] = _("A batch number has 17 digits.")
    asked = Asked(
        prefix=prefix,
        state=STATE_WORDS.get(typed["state"]),
        batch_no=batch,
        product=PRODUCT_NAMES.get(typed["product"]),
        country_id=int(typed["country"]) if _is_country(typed["country"]) else None,
    )
    since, until = (_read_time(typed, name, troubles) for name in ("from", "to"))
    if since and until and since > until:
        troubles["to"] = _("This is before the beginning.")
    elif since or until:
        asked = asked._replace(
            floor=messaging.key_of(since) if since else asked.floor,
            before=messaging.key_of(until + timedelta(minutes=1)) if until else asked.before,  # the minute is within
        )
    return Filter(typed, troubles, asked, message_id)


def _read_number(text: str, troubles: dict[str, str | Promise]) -> tuple[str, int | None, str]:
    """A prefix, a batch number or a message id: whichever it looks like."""
    bare = _DECORATION.sub("", text).lower()
    if _is_id(bare):
        return "", None, bare
    if _is_batch(bare):
        return "", int(bare), ""
    if _is_number(bare.removeprefix("00")) and bare.removeprefix("00"):
        return bare.removeprefix("00"), None, ""
    if text and (bare.isdigit() or not _is_address(text)):
        troubles["number"] = _("This begins no number, and is no message id and no batch number.")
        return "", None, ""
    return text.lower(), None, ""


def _read_time(typed: Mapping[str, str], name: str, troubles: dict[str, str | Promise]) -> datetime | None:
    """A time of a clock in the visitor's zone."""
    if not typed[name]:
        return None
    try:
        read = datetime.fromisoformat(typed[name]).replace(tzinfo=None)
        read.timestamp()
        return timezone.make_aware(read)
    except (ValueError, OverflowError):
        troubles[name] = _("Write a date and a time, such as 2026-01-31T08:00.")
        return None


def read_key(text: str) -> str:
    """A key of the log in an address; that of the newest where it is none."""
    return text if _is_id(text) else messaging.NEWEST
