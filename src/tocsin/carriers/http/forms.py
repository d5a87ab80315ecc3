"""Templates: placeholders in braces, and how values are escaped where they stand. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

NAMES = ("to", "from", "text", "id", "part", "parts", "priority", "validity_s", "expires_at", "user", "secret")
PLACEHOLDER = re.compile(r"\{(" + "|".join(NAMES) + r")\}")
_LIKE_ONE = re.compile(r"\{([a-z_]{1,32})\}")

Escape = Callable[[str], str]

_OF_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
# Every character that XML 1.0 does not know (section 2.2); tab, line feed and return it knows.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def list_unknown(template: str) -> list[str]:
    """What looks like a placeholder and is none."""
    return [name for name in _LIKE_ONE.findall(template) if name not in NAMES]


def fill(template: str, values: Mapping[str, str], escape: Escape) -> str:
    """The template with its placeholders filled; what is filled in is not looked at again."""
    return PLACEHOLDER.sub(lambda found: escape(values[found[1]]), template)


def escape_json(text: str) -> str:
    """Inside the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def escape_url(text: str) -> str:
    """A value of a query or a form."""
    return quote(text, safe="")


def escape_xml(text: str) -> str:
    """Text or an attribute; what XML cannot hold becomes U+FFFD."""
    return "".join(_OF_XML.get(c, c) for c in _NOT_XML.sub("\ufffd", text))


def escape_of(content_type: str) -> Escape:
    """How values of a body of that type are escaped; plain text is not."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")):
        return escape_json
    if kind == "application/x-www-form-urlencoded":
        return escape_url
    if kind.endswith(("/xml", "+xml")):
        return escape_xml
    return str
