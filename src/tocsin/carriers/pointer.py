"""Finds a value in a document by a rule: a JSON pointer (RFC 6901), or the plain name of a field. Pure."""

from __future__ import annotations

from typing import Any

_SAID_MOST = 1000


def find(document: Any, rule: str) -> Any:
    """The value at `rule`; None where there is none. "" is the whole document; `id` is the same as `/id`."""
    if not rule:
        return document
    steps = rule[1:].split("/") if rule.startswith("/") else [rule]
    for step in steps:
        if isinstance(document, dict):
            document = document.get(step.replace("~1", "/").replace("~0", "~"))
        elif isinstance(document, list) and step.isascii() and step.isdigit() and len(step) < 7:
            document = document[int(step)] if int(step) < len(document) else None
        else:
            return None
    return document


def find_text(document: Any, rule: str) -> str:
    """The same as text, at most 1,000 characters: numbers as their digits, yes and no as JSON writes them, else ""."""
    value = find(document, rule)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 256:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return str(value).strip()[:_SAID_MOST] if isinstance(value, str | int | float) else ""
