"""What of a refused request is shown to its account: the start of its body, without what must stay secret. Pure.

Signs, keys and passwords are masked wherever they stand, and so is what may be a code: values of templates, and groups of
4 to 8 digits within texts. Numbers of phones are longer and stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

KEPT = 1024
MASK = "•••"
_HIDDEN = "sign|signature|key|api_?key|secret|token|password|pwd|authorization|code|otp|captcha|template_?params|params"
_TEXT = "content|subject|text|html|body|message"
_JSON_HIDDEN = re.compile(
    rf'("(?:{_HIDDEN})"\s*:\s*)("(?:[^"\\]|\\.)*(?:"|$)|\[[^\]]*(?:\]|$)|\{{[^}}]*(?:\}}|$)|[^,\s}}\]]+)', re.I
)
_JSON_TEXT = re.compile(rf'("(?:{_TEXT})"\s*:\s*)("(?:[^"\\]|\\.)*(?:"|$))', re.I)
_FORM_HIDDEN = re.compile(rf"((?:^|[&\n?])(?:{_HIDDEN})=)([^&\n]*)", re.I)
_FORM_TEXT = re.compile(rf"((?:^|[&\n?])(?:{_TEXT})=)([^&\n]*)", re.I)
_PART_HIDDEN = re.compile(rf'(name="(?:{_HIDDEN})"[^\n]*\n(?:[^\n]+\n)*\n)([^\n]*)', re.I)
_PART_TEXT = re.compile(rf'(name="(?:{_TEXT})"[^\n]*\n(?:[^\n]+\n)*\n)([^\n]*)', re.I)
_CODE = re.compile(r"(?<![0-9])[0-9]{4,8}(?![0-9])")
_SIGNATURE = frozenset({"account", "sign", "datetime"})


def show_request(query: Mapping[str, str], body: bytes) -> str:
    """The fields of the URL but those that sign, and the start of the body; secrets masked."""
    lines = [f"{name}={value}" for name, value in query.items() if name not in _SIGNATURE]
    text = body[:KEPT].decode("utf-8", "replace").replace("\r\n", "\n")
    whole = "\n".join([*lines, text] if text else lines)
    cut = len(body) > KEPT or len(whole) > KEPT
    clean = "".join(each if each.isprintable() or each in "\n\t" else "�" for each in whole[:KEPT])
    return mask(clean) + ("…" if cut else "")


def mask(text: str) -> str:
    """The text without secrets."""
    for pattern in (_JSON_HIDDEN, _FORM_HIDDEN, _PART_HIDDEN):
        text = pattern.sub(rf"\g<1>{MASK}", text)
    for pattern in (_JSON_TEXT, _FORM_TEXT, _PART_TEXT):
        text = pattern.sub(lambda found: found[1] + _CODE.sub(MASK, found[2]), text)
    return text
