"""Texts of the OpenAPI document as HTML, in the visitor's language: `code`, **strong**, *emphasis*, paragraphs."""

from __future__ import annotations

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import pgettext

register = template.Library()
CONTEXT = "API"  # of the document's texts in the catalogue
_PIECES = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*)")
_TAGS = {"`": ("code", 1), "**": ("strong", 2), "*": ("em", 1)}


@register.filter
def prose(text: str) -> SafeString:
    """Paragraphs; each is a message of its own in the catalogue."""
    parts = (f"<p>{_word(part)}</p>" for part in text.split("\n\n") if part)
    return mark_safe("".join(parts))  # noqa: S308  escaped piece by piece


@register.filter
def phrase(text: str) -> SafeString:
    """The same within a line."""
    return mark_safe(" ".join(_word(part) for part in text.split("\n\n") if part))  # noqa: S308  the same


def _word(part: str) -> str:
    return "".join(_mark(piece) for piece in _PIECES.split(pgettext(CONTEXT, part)))


def _mark(piece: str) -> str:
    if not _PIECES.fullmatch(piece):
        return escape(piece)
    tag, width = _TAGS["**" if piece.startswith("**") else piece[0]]
    return f"<{tag}>{escape(piece[width:-width])}</{tag}>"
