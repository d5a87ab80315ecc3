"""Refusals of the API as people read them: beside which field of the send page, in their language.

The API says a number and an English detail; both are known here. A detail that is not known is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.utils.translation import gettext as _

from tocsin.console.compose import VALUE, Faults, tell_size
from tocsin.console.kinds import Kind
from tocsin.content import Status

_Say = Callable[[Kind, str], tuple[str, str]]
"""(field, sentence) of a detail."""


def word_refusal(kind: Kind, status: int, detail: str) -> Faults:
    """What is wrong, by field. `detail`: what the API says behind its phrase."""
    own = _OF_EMAIL if kind.is_email else _OF_NUMBERS
    say = own.get(status) or _GENERAL.get(status) or _say_unknown
    field, text = say(kind, detail)
    return {field: text}


def cut_detail(message: str) -> str:
    """What stands behind the phrase in a message of the API."""
    return message.partition(": ")[2]


def _say_unknown(_kind: Kind, detail: str) -> tuple[str, str]:
    return "", _("The platform refuses it: %(detail)s") % {"detail": detail or "?"}


def _say_too_many(kind: Kind, _detail: str) -> tuple[str, str]:
    if kind.one:
        return "numbers", _("A code goes to one number.")
    return "numbers", _("Too many recipients: %(most)s at once at most.") % {"most": f"{kind.most:,}"}


def _say_too_long(kind: Kind, detail: str) -> tuple[str, str]:
    words = detail.split()
    if len(words) > 5 and words[1].startswith("part"):
        limits = {"parts": words[0], "most": words[5]}
        return "content", _("The text has %(parts)s parts; this account sends %(most)s at most.") % limits
    return "content", _("The text is too long: %(most)s characters at most.") % {"most": f"{kind.content_most:,}"}


def _say_no_fit(_kind: Kind, detail: str) -> tuple[str, str]:
    if "variables" in detail:
        return "template", _("A value of the template is missing.")
    return "content", _("This country takes approved templates only: choose one, or submit this text as a template.")


def _say_no_value(_kind: Kind, detail: str) -> tuple[str, str]:
    name = detail.removeprefix("placeholder ").partition(" ")[0]
    return VALUE + name, _("Enter a value.")


def _say_field(kind: Kind, detail: str) -> tuple[str, str]:
    """Of -12: the detail begins with the API's name of the field."""
    for start, field, say in _FIELDS:
        if detail.startswith(start):
            return field, say(kind)
    return _say_unknown(kind, detail)


def _say_files(kind: Kind) -> str:
    facts = {"count": kind.files_most, "most": tell_size(kind.files_bytes)}
    if kind.is_email:
        return _("These files cannot go: %(count)s at most, %(most)s together.") % facts
    types = "png, jpg, bmp, gif, webp, psd, svg, tiff, mp3, wav, txt, vcf"
    text = _("These files cannot go. Types: %(types)s; %(count)s files at most, %(most)s together.")
    return text % {"types": types, **facts}


_FIELDS: Final[list[tuple[str, str, Callable[[Kind], str]]]] = [
    ("action", "action", lambda _kind: _("Say what the message is for.")),
    ("title is", "title", lambda _kind: _("Enter a title.")),
    ("title", "title", lambda _kind: _("The title is too long, or has a character that cannot be sent.")),
    ("attachment", "files", _say_files),
    ("senderId", "sender", lambda _kind: _("This sender is not granted to the account.")),
    ("showPhone", "sender", lambda _kind: _("This number is not granted to the account.")),
    ("theme, content", "content", lambda _kind: _("The text has a word that is not allowed.")),
    ("theme", "title", lambda _kind: _("The subject is too long, or has a character that cannot be sent.")),
    ("from", "from", lambda _kind: _("The name is too long, or has a character that cannot be sent.")),
    ("content", "content", lambda _kind: _("The text is too long, or has a character that cannot be sent.")),
    ("emails", "numbers", lambda _kind: _("These addresses cannot be read.")),
    ("placeholders", "template", lambda _kind: _("A value of the template is missing.")),
    ("storage", "", lambda _kind: _("The platform is busy. Try again in a moment.")),
    ("too m", "", lambda _kind: _("The platform is busy. Try again in a moment.")),
    ("Idempotency-Key", "", lambda _kind: _("This was sent before, with another content.")),
]
_GENERAL: Final[dict[int, _Say]] = {
    Status.AUTHENTICATION: lambda _kind, _detail: (
        "", _("The platform does not know this console: its sealing key or its clock differs. Ask your operator."),
    ),
    Status.NUMBER_EMPTY: lambda _kind, _detail: ("numbers", _("Enter at least one number.")),
    Status.TOO_MANY_NUMBERS: _say_too_many,
    Status.COUNTRY_EMPTY: lambda _kind, _detail: ("country", _("Choose a country.")),
    Status.COUNTRY_UNKNOWN: lambda _kind, _detail: ("country", _("Nothing can be sent to this country.")),
    Status.PLATFORM: _say_field,
    Status.SCHEDULE_FORMAT: lambda _kind, _detail: ("at", _("Choose a date and a time.")),
    Status.TIME_RANGE: lambda _kind, _detail: ("at", _("Choose a time within the next 30 days.")),
    Status.TEMPLATE_EMPTY: lambda _kind, _detail: (
        "template", _("This template cannot be used any more: choose another one."),
    ),
    Status.BALANCE_INSUFFICIENT: lambda _kind, _detail: ("", _("The balance does not cover it, or a spend limit is reached.")),
    Status.USER_LOCKED: lambda _kind, _detail: ("", _("The account is locked. Ask your operator.")),
    Status.TOO_FREQUENT: lambda _kind, _detail: ("", _("Too many requests of this account at once. Try again in a moment.")),
    Status.NO_CHANNEL: lambda _kind, detail: (
        ("routing", _("This channel is not granted to the account."))
        if detail == "routing"
        else ("numbers", _("No route or price leads there."))
    ),
    Status.NUMBER_ABNORMAL: lambda _kind, _detail: ("numbers", _("None of these can be sent to.")),
    Status.COUNTRY_ERROR: lambda _kind, _detail: ("numbers", _("None of these can be sent to.")),
    Status.BLACKLISTED: lambda _kind, _detail: ("numbers", _("None of these can be sent to.")),
}  # fmt: skip
_OF_NUMBERS: Final[dict[int, _Say]] = {
    Status.SENSITIVE_CONTENT: lambda _kind, _detail: ("content", _("The text has a word that is not allowed.")),
    Status.CONTENT_EMPTY: lambda _kind, _detail: ("content", _("Enter a text.")),
    Status.CONTENT_TOO_LONG: _say_too_long,
    Status.NOT_TEMPLATE: _say_no_fit,
}
_OF_EMAIL: Final[dict[int, _Say]] = {
    Status.SENSITIVE_CONTENT: lambda _kind, _detail: (
        "", _("The account has no sending domain for email. Ask your operator."),
    ),
    Status.CONTENT_EMPTY: lambda _kind, _detail: ("title", _("Enter a subject.")),
    Status.CONTENT_TOO_LONG: lambda _kind, _detail: ("content", _("Enter a text.")),
    Status.NOT_TEMPLATE: _say_no_value,
    Status.QUERY_ID: lambda _kind, _detail: ("routing", _("This channel is not granted to the account.")),
}  # fmt: skip
