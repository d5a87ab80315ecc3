"""What a person typed on the send page: read, kept as it was typed, and put into the body of an API request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple
from zoneinfo import available_timezones

from django.utils.translation import gettext as _
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import accounts, routing, templates
from tocsin.accounts import ROUTING
from tocsin.console.kinds import Kind
from tocsin.console.names import name_country
from tocsin.console.public import File
from tocsin.content import UNSUBSCRIBE, names_in, parse_template, read_send_time
from tocsin.kit import clock
from tocsin.templates import EVERYBODY, TemplateRow

ACTIONS: Final = ("NOTIFICATION", "MARKETING", "VERIFY")
VALUE: Final = "value-"
"""Before the name of a template's variable, in names of fields."""
_NAMES: Final = (
    "country", "numbers", "sender", "template", "content", "title", "from", "action", "routing", "when", "at", "zone",
)  # fmt: skip
_VALUES_MOST: Final = 100
_TEMPLATES_MOST: Final = 500
_is_time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?").fullmatch

Fields = Mapping[str, str]
Faults = dict[str, str]
"""Name of a field ("": the send as a whole) -> a sentence."""


class Choice(NamedTuple):
    """A country as people choose it."""

    code_id: int
    label: str
    words: tuple[str, ...]  # by which it is known too, lower case


class Choices(NamedTuple):
    """What the account may choose from."""

    countries: Sequence[Choice]
    senders: Sequence[str]
    channels: Sequence[str]
    templates: Sequence[TemplateRow]

    def find_country(self, word: str) -> Choice | None:
        """By its label, a name, its ISO code, its codeId, or a calling code that no other has."""
        word = " ".join(word.lower().split())
        found = [each for each in self.countries if word == each.label.lower() or word in each.words]
        return found[0] if len(found) == 1 or (found and word == found[0].label.lower()) else None

    def find_template(self, word: str) -> TemplateRow | None:
        """One that may be sent."""
        return next((each for each in self.templates if str(each.id) == word), None)


def read_choices(conn: Connection[TupleRow], account_id: int, kind: Kind) -> Choices:
    """Of an account and a product."""
    grants = [(grant, value) for _, grant, value in accounts.list_grants(conn, account_id)]
    approved = [
        row
        for owner in (account_id, EVERYBODY)
        for row in templates.list_templates(conn, owner, kind.template_kind, "approved", _TEMPLATES_MOST)
    ]
    return Choices(
        list_countries(conn) if kind.to_numbers else [],
        sorted(value for grant, value in grants if grant == kind.sender_grant) if kind.to_numbers else [],
        sorted(value for grant, value in grants if grant == ROUTING),
        approved,
    )


def list_countries(conn: Connection[TupleRow]) -> list[Choice]:
    """Those that may be sent to, by name."""
    rows = [row for row in routing.list_countries(conn) if row.enabled]
    found = [
        Choice(
            row.code_id,
            f"{name_country(row.code_id) or row.name} (+{row.calling_code})",
            (
                row.name.lower(), row.name_zh.lower(), row.iso.lower(), str(row.code_id), str(row.calling_code),
                f"+{row.calling_code}",
            ),
        )
        for row in rows
    ]  # fmt: skip
    return sorted(found, key=lambda each: each.label)


@cache
def list_zones() -> list[str]:
    """IANA's names."""
    return sorted(
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix", "right"))
    )


def read_fields(post: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the page, as they were typed."""
    values = [name for name in post if name.startswith(VALUE)][:_VALUES_MOST]
    return {name: str(post.get(name, "")).replace("\r\n", "\n").replace("\0", "") for name in (*_NAMES, *values)}


def list_variables(template: TemplateRow) -> list[str]:
    """Names of what a template is filled with, in their order."""
    if template.kind == templates.EMAIL:
        return sorted((names_in(template.subject) | names_in(template.text)) - UNSUBSCRIBE)
    return [str(number) for number in range(1, parse_template(template.text).count + 1)]


def find_faults(kind: Kind, fields: Fields, choices: Choices, files: Sequence[File]) -> Faults:
    """What is missing, and what the API could not be asked."""
    faults: Faults = {}
    if kind.to_numbers and choices.find_country(fields["country"]) is None:
        faults["country"] = _("Choose a country from the list.") if fields["country"] else _("Choose a country.")
    if not fields["numbers"].strip():
        faults["numbers"] = _("Enter at least one number.") if kind.to_numbers else _("Enter at least one address.")
    if kind.is_email and not fields["from"].strip():
        faults["from"] = _("Enter the name that recipients see.")
    faults |= _find_content_faults(kind, fields, choices)
    if kind.acts and fields["action"] not in ACTIONS:
        faults["action"] = _("Say what the message is for.")
    if fields["when"] == "later" and (fault := _find_time_fault(fields)):
        faults["at"] = fault
    if sum(len(file.data) for file in files) > kind.files_bytes:
        faults["files"] = tell_too_large(kind)
    elif len(files) > kind.files_most:
        faults["files"] = _("Too many files: %(most)s at most.") % {"most": kind.files_most}
    return faults


def _find_content_faults(kind: Kind, fields: Fields, choices: Choices) -> Faults:
    faults: Faults = {}
    template = choices.find_template(fields["template"])
    if fields["template"] and template is None:
        faults["template"] = _("This template cannot be used any more: choose another one.")
    elif template is not None:
        for name in list_variables(template):
            if not fields.get(VALUE + name, "").strip():
                faults[VALUE + name] = _("Enter a value.")
    elif not fields["content"].strip():
        faults["content"] = _("Enter the code.") if kind.one else _("Enter a text.")
    if kind.titled and not fields["title"].strip() and not (kind.is_email and template):
        faults["title"] = _("Enter a subject.") if kind.is_email else _("Enter a title.")
    return faults


def _find_time_fault(fields: Fields) -> str:
    if not _is_time(fields["at"]):
        return _("Choose a date and a time.")
    found = read_send_time(write_time(fields), fields["zone"], clock.now_s())
    if isinstance(found, float):
        return ""
    if fields["zone"] not in list_zones() and fields["zone"] != "UTC":
        return _("Choose a time zone from the list.")
    return _("Choose a time within the next 30 days.")


def write_time(fields: Fields) -> str:
    """The time as the API reads it: that of the page has a T, and mostly no seconds."""
    text = fields["at"].replace("T", " ")
    return text if text.count(":") > 1 else f"{text}:00"


def build_body(kind: Kind, fields: Fields, choices: Choices, files: Sequence[File] = ()) -> dict[str, Any]:
    """The request of the API."""
    country = choices.find_country(fields["country"])
    template = choices.find_template(fields["template"])
    body: dict[str, Any] = {"routing": fields["routing"] if fields["routing"] in choices.channels else ""}
    if kind.is_email:
        body |= {"emails": fields["numbers"], "theme": fields["title"], "from": fields["from"]}
    else:
        body |= {
            "numbers": fields["numbers"],
            "codeId": str(country.code_id) if country else "",
            kind.sender_field: fields["sender"] if fields["sender"] in choices.senders else "",
        }
    if kind.acts:
        body["action"] = fields["action"]
    if kind.titled and not kind.is_email:
        body["title"] = fields["title"]
    body |= _build_content(fields, template) if template else {"content": fields["content"]}
    if fields["when"] == "later":
        body |= {"sendTime": write_time(fields), "timeZone": fields["zone"]}
    if files:
        body["attachment"] = list(files)
    return {name: value for name, value in body.items() if value != ""}


def _build_content(fields: Fields, template: TemplateRow) -> dict[str, Any]:
    values = {name: fields.get(VALUE + name, "") for name in list_variables(template)}
    if template.kind == templates.EMAIL:
        return {"templateId": str(template.id), "placeholders": values}
    return {"templateId": str(template.id), "templateParams": list(values.values())}


def fill_sample(template: TemplateRow, fields: Fields) -> dict[str, str]:
    """The fields with a stand-in for each value that is missing, so that a template can be looked at."""
    shown = {name: fields.get(VALUE + name, "") or f"{{{name}}}" for name in list_variables(template)}
    return {**fields, **{VALUE + name: value for name, value in shown.items()}}


def tell_too_large(kind: Kind) -> str:
    """Of files."""
    return _("The files are too large: %(most)s together at most.") % {"most": tell_size(kind.files_bytes)}


def tell_size(count: int) -> str:
    """Of bytes, for people."""
    return f"{count // 1024} KB" if count < 1024 * 1024 else f"{count // 1024 // 1024} MB"
