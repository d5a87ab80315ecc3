"""The preview beside the send form: how the text goes out, what it costs, what stands in the way; from what is there so far.

What is missing is stood in for, so that a price is seen before the form is complete; complaints about it are for the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from tocsin import templates
from tocsin.console import compose
from tocsin.console.compose import VALUE, Choices, Fields
from tocsin.console.estimate import Estimate, ask_estimate
from tocsin.console.kinds import Kind
from tocsin.console.tenancy import Member
from tocsin.content import fill_text, is_html, measure, parse_template, units16
from tocsin.templates import TemplateRow
from tocsin.traffic import Product

_SINGLE: Final = {False: 160, True: 70}
_PART: Final = {False: 153, True: 67}
_WIDE_MOST: Final = 12


class Size(NamedTuple):
    """How an SMS goes out. `left`: characters until the next part; `wide`: what makes it Unicode; `without`: parts if not."""

    ucs2: bool
    units: int
    parts: int
    left: int
    wide: Sequence[str]
    without: int


def gauge(who: Member, kind: Kind, fields: Fields, choices: Choices) -> dict[str, Any]:
    """What the fragment shows."""
    text, subject = say(kind, fields, choices)
    facts: dict[str, Any] = {"kind": kind, "text": text, "subject": subject, "html": kind.is_email and is_html(text)}
    if kind.product is Product.SMS and text:
        facts["size"] = size_up(text)
    if not fields["numbers"].strip() or (kind.to_numbers and choices.find_country(fields["country"]) is None):
        return {**facts, "waits": True}
    found, faults = ask_estimate(who, kind, compose.build_body(kind, _complete(kind, fields, choices), choices))
    return {**facts, "estimate": found, "troubles": list(faults.values()), "spoken": _find_spoken(kind, fields, found)}


def _complete(kind: Kind, fields: Fields, choices: Choices) -> dict[str, str]:
    template = choices.find_template(fields["template"])
    complete = compose.fill_sample(template, fields) if template else dict(fields)
    for name in ("content", "title", "from"):
        complete[name] = complete[name] if complete[name].strip() else "1234" if kind.one else "."
    if complete["action"] not in compose.ACTIONS:
        complete["action"] = compose.ACTIONS[0]
    return complete | {"when": "now"}


def _find_spoken(kind: Kind, fields: Fields, found: Estimate | None) -> str:
    said = fields["content"].strip() or fields["template"]
    return found.content if found is not None and kind.is_voice and said else ""


def say(kind: Kind, fields: Fields, choices: Choices) -> tuple[str, str]:
    """Text and subject as the recipient gets them, as far as the values are there."""
    template = choices.find_template(fields["template"])
    if template is None:
        return fields["content"], fields["title"] if kind.titled else ""
    text, subject = fill_template(template, fields)
    return text, fields["title"] if kind.titled and fields["title"].strip() else subject


def fill_template(template: TemplateRow, fields: Fields) -> tuple[str, str]:
    """Its text and subject, with the values that are there."""
    filled = compose.fill_sample(template, fields)
    values = {name: filled[VALUE + name] for name in compose.list_variables(template)}
    if template.kind != templates.EMAIL:
        return parse_template(template.text).fill(list(values.values())), ""
    subject = fill_text(template.subject, values, one_line=True)
    return fill_text(template.text, values, escape_html=is_html(template.text)), subject


def size_up(text: str) -> Size:
    """Of an SMS."""
    ucs2, parts, units = measure(text)
    room = _SINGLE[ucs2] if parts == 1 else parts * _PART[ucs2]
    wide = [char for char in dict.fromkeys(text) if measure(char).ucs2] if ucs2 else []
    plain = "".join(char for char in text if char not in set(wide))
    return Size(
        ucs2, units16(text) if ucs2 else units, parts, max(room - units, 0), wide[:_WIDE_MOST], measure(plain).parts
    )
