"""Whether an SVG is a picture and nothing else: no script, no document type, nothing that it would fetch.

A viewer runs what an SVG carries, so that a list of what is allowed to point elsewhere is the only safe one. The document
is read by expat, without entities: the first DOCTYPE ends it. Source: W3C SVG 2, chapters 5 (document structure),
15 (scripting) and 16 (linking).
"""

from __future__ import annotations

import re
from typing import Final
from xml.parsers import expat

_NAMESPACE: Final = "http://www.w3.org/2000/svg"
_ACTIVE: Final = frozenset(
    {"script", "foreignobject", "iframe", "object", "embed", "audio", "video", "handler", "listener"}
)
_POINTING: Final = frozenset({"href", "src", "data", "action", "formaction", "base"})
_harmless_target: Final = re.compile(r"\s*(?:#|data:image/(?:png|jpeg|gif|webp);|$)", re.IGNORECASE).match
# In styles and in values: addresses other than fragments of this document, imports, expressions.
# Nothing that was passed is tried again: the text may be all blanks.
_reaches_out: Final = re.compile(
    r"url\(\s*+['\"]?+\s*+(?!#)|image-set\(|@import|expression\(|javascript:|\\", re.IGNORECASE
).search
_BLANKS: Final = {ord(char): None for char in "\t\r\n"}
_NOTES: Final = ("aria-", "data-", "id", "class", "title")


class _ActiveContentError(Exception):
    """The document is more than a picture."""


class _Reader:
    """Keeps only what a style says; raises at the first element or attribute that a picture does not need."""

    def __init__(self) -> None:
        self._is_root = True
        self._style = list[str]()
        self._styles_open = 0

    def open(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        local = local.lower()
        if local in _ACTIVE or (self._is_root and (local != "svg" or namespace not in {_NAMESPACE, ""})):
            raise _ActiveContentError
        self._is_root = False
        self._styles_open += local == "style"
        for key, value in attributes.items():
            _check_attribute(key, value)

    def close(self, name: str) -> None:
        if name.rpartition(" ")[2].lower() == "style":
            self._styles_open -= 1
            if _reaches_out("".join(self._style)):
                raise _ActiveContentError
            self._style.clear()

    def read_text(self, text: str) -> None:
        if self._styles_open:
            self._style.append(text)

    def refuse(self, *_: object) -> None:
        raise _ActiveContentError


def _check_attribute(key: str, value: str) -> None:
    namespace, _, name = key.rpartition(" ")
    name = name.lower()
    if name.startswith("on") or (name in _POINTING and not _harmless_target(value)):
        raise _ActiveContentError
    # An animation that sets an address, or a handler, while the picture is shown.
    if name == "attributename" and (value.strip().lower().rpartition(":")[2] in _POINTING or value.strip()[:2] == "on"):
        raise _ActiveContentError
    # Editors keep their notes in attributes of namespaces of their own; nothing reads them.
    if not namespace and not name.startswith(_NOTES) and _reaches_out(value.translate(_BLANKS)):
        raise _ActiveContentError


def is_safe_svg(data: bytes) -> bool:
    """Whether the bytes are a well-formed SVG document that neither runs nor fetches anything."""
    parser = expat.ParserCreate(namespace_separator=" ")
    reader = _Reader()
    parser.StartElementHandler = reader.open
    parser.EndElementHandler = reader.close
    parser.CharacterDataHandler = reader.read_text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.ProcessingInstructionHandler = reader.refuse  # a style sheet from elsewhere
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, _ActiveContentError, ValueError, LookupError):
        # The last two: a declared encoding that is unknown, or has several bytes a character.
        return False
    return True
