"""A template as people write and read it: what they typed, what is wrong with it, how it looks with values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext as _

from tocsin.console import compose
from tocsin.console.compose import VALUE
from tocsin.console.gauge import fill_template, size_up
from tocsin.content import is_html
from tocsin.templates import EMAIL, KINDS, TemplateRow

_NAMED: Final = re.compile(r"(\{+[^{}]*\}+)")


class Written(NamedTuple):
    """What a person typed."""

    kind: str
    name: str
    subject: str
    text: str


def read_written(post: Mapping[str, Any]) -> Written:
    """The fields of the form."""
    kind, name, subject, text = (str(post.get(each, "")).replace("\r\n", "\n") for each in Written._fields)
    return Written(
        kind if kind in KINDS else "sms", name.strip(), subject.strip() if kind == EMAIL else "", text.strip()
    )


def word_fault(sentence: str) -> dict[str, str]:
    """What the context says of a draft, beside its field and in the visitor's language."""
    found = _NAMED.search(sentence)
    part = found[1] if found else ""
    faults = [
        ("a name has", "name", _("100 characters at most, and no line ends.")),
        ("a template of email needs a subject", "subject", _("An email needs a subject of one line, 500 characters at most.")),
        ("a template of email has", "text", _("1 to 100,000 characters.")),
        ("a template cannot hold", "text", _("The text has a character that cannot be sent.")),
        ("a template has at most 1", "text", _("1,024 characters at most.")),
        ("a template needs text", "text", _("Write some text beside the variables.")),
        ("variables count from", "text", _("Variables count from {1}.")),
        ("a template has at most", "text", _("50 variables at most.")),
        ("variables count without", "text", _("Variables count without a gap: %(part)s is missing.") % {"part": part}),
    ]  # fmt: skip
    for start, field, text in faults:
        if sentence.startswith(start):
            return {field: text}
    if "is no variable" in sentence:
        bad = sentence.partition(" is no variable")[0]
        return {"text": _("%(part)s is no variable: write {1}, {2} and so on.") % {"part": bad}}
    return {"text": sentence}


def describe_text(row: TemplateRow, fields: Mapping[str, str]) -> dict[str, Any]:
    """How it looks with these values, those that are missing as their names."""
    text, subject = fill_template(row, fields)
    return {
        "inputs": [(VALUE + name, name, fields.get(VALUE + name, "")) for name in compose.list_variables(row)],
        "filled": text, "filled_subject": subject, "html": row.kind == EMAIL and is_html(row.text),
        "size": size_up(text) if row.kind == "sms" else None,
    }  # fmt: skip
