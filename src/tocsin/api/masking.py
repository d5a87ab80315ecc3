"""What of a refused request is shown to its account: the start of its body, without what must stay secret. Pure.

Signs, keys and passwords are masked wherever they stand, and so is what may be a code: values of templates, words with a
digit within texts, and the whole text unless the request says plainly that it is no verification. Numbers of phones stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tocsin.content import hide_codes

KEPT = 1024
MASK = "•••"
_HIDDEN = (
    "sign|signature|key|api_?key|secret|token|password|pwd|authorization|code|otp|captcha|template_?params|params"
    "|placeholders"
)
_TEXT = "content|theme|title|subject|text|html|body|message"
_JSON_HIDDEN = re.compile(
    rf'("(?:{_HIDDEN})\\*"\s*:\s*)("(?:[^"\\]|\\.)*(?:"|$)|\[[^\]]*(?:\]|$)|\{{[^}}]*(?:\}}|$)|[^,\s}}\]]+)', re.I
)
_JSON_TEXT = re.compile(rf'("(?:{_TEXT})"\s*:\s*)("(?:[^"\\]|\\.)*(?:"|$))', re.I)
_FORM_HIDDEN = re.compile(rf"((?:^|[&\n?])(?:{_HIDDEN})=)([^&\n]*)", re.I)
_FORM_TEXT = re.compile(rf"((?:^|[&\n?])(?:{_TEXT})=)([^&\n]*)", re.I)
_PART_HIDDEN = re.compile(rf'(name="(?:{_HIDDEN})"[^\n]*\n(?:[^\n]+\n)*\n)([^\n]*)', re.I)
_PART_TEXT = re.compile(rf'(name="(?:{_TEXT})"[^\n]*\n(?:[^\n]+\n)*\n)([^\n]*)', re.I)
_FORM_VALUES = re.compile(r"((?:^|[&\n?])emails=)([^&\n]*placeholders[^&\n]*)", re.I)  # JSON in a form
_ACTION = re.compile(
    r"""(?:"action"\s*:\s*"?|(?:^|[&\n?])action=|name="action"[^\n]*\n(?:[^\n]+\n)*\n)([^"&\n,}]*)""", re.I
)
_PLAIN = frozenset({"marketing", "notification"})
_OTP = "/api/v1/vos/otp"
_WITHOUT_ACTION = frozenset(  # their texts are notifications
    {"/api/v1/sms/mssSend", "/api/v1/sms/mmsSend", "/api/v1/email/sendEmail", "/api/v1/vos/notice"}
)
_has_fields = re.compile(r'''"\w+"\s*:|(?:^|[&\n])\w+=|name="''').search
_SIGNATURE = frozenset({"account", "sign", "datetime"})


def show_request(query: Mapping[str, str], body: bytes, path: str) -> str:
    """The fields of the URL but those that sign, and the start of the body; secrets masked."""
    lines = [f"{name}={value}" for name, value in query.items() if name not in _SIGNATURE]
    text = body[:KEPT].decode("utf-8", "replace").replace("\r\n", "\n")
    if not _has_fields(text):
        text = hide_codes(text, MASK)
    whole = "\n".join([*lines, text] if text else lines)
    cut = len(body) > KEPT or len(whole) > KEPT
    clean = "".join(each if each.isprintable() or each in "\n\t" else "�" for each in whole[:KEPT])
    return mask(clean, plain=_is_plain(path, clean)) + ("…" if cut else "")


def _is_plain(path: str, text: str) -> bool:
    """Whether the texts of a request are certainly none that prove who somebody is."""
    actions = {found.strip().lower() for found in _ACTION.findall(text)}
    return path in _WITHOUT_ACTION or (path != _OTP and bool(actions) and actions <= _PLAIN)


def mask(text: str, *, plain: bool) -> str:
    """Without secrets; of texts that are not `plain` nothing is left."""
    for pattern in (_JSON_HIDDEN, _FORM_HIDDEN, _FORM_VALUES, _PART_HIDDEN):
        text = pattern.sub(rf"\g<1>{MASK}", text)
    for pattern in (_JSON_TEXT, _FORM_TEXT, _PART_TEXT):
        text = pattern.sub(lambda found: found[1] + (hide_codes(found[2], MASK) if plain else MASK), text)
    return text
