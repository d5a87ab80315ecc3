"""Placeholders of an email: `{name}`, `${name}`, `{{name}}` in subject and content, for the names that are given.

A text is cut once and filled for each recipient: `compile_text`, then `PlaceholderText.fill`. What is not given stays as
it is, so that braces of CSS do no harm. Values are filled in one pass: a value that looks like a placeholder stays too.
The recipient's value wins over the request's: the caller gives a ChainMap, or one mapping of both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from html import escape
from typing import Final

from tocsin.content.values import decode_json, read_text

NAME_CHARS: Final = 64
_PLACEHOLDER: Final = re.compile(rf"\{{\{{([^{{}}]{{1,{NAME_CHARS}}})\}}\}}|\$?\{{([^{{}}]{{1,{NAME_CHARS}}})\}}")
_NAME: Final = re.compile(r"\w[\w.-]*").fullmatch
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# The name of a tag ends at white space, "/" or ">": <tom@example.com> and <https://example.com> are none.
_TAG: Final = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)(?=[\s/>])[^<>]*>|<(!doctype)\s[^<>]*>", re.IGNORECASE)
_HTML_NAMES: Final = (
    "!doctype a abbr acronym address area article aside b base basefont bdi bdo big blockquote body br button caption center"
    " cite code col colgroup dd del details dfn dir div dl dt em fieldset figcaption figure font footer form h1 h2 h3 h4 h5"
    " h6 head header hgroup hr html i img input ins kbd label legend li link main map mark menu meta nav noscript object ol"
    " option p pre q s samp script section select small span strike strong style sub summary sup svg table tbody td textarea"
    " tfoot th thead time title tr tt u ul var video wbr"
)
_IS_HTML_NAME: Final = frozenset(_HTML_NAMES.split()).__contains__


class PlaceholderText:
    """A text cut at its placeholders; made by `compile_text`."""

    __slots__ = ("_pieces", "_slots", "_treat")

    def __init__(self, pieces: list[str], slots: list[tuple[int, str]], treat: Callable[[str], str] | None) -> None:
        """`slots`: (place in `pieces`, name); `treat` is done to each value."""
        self._pieces, self._slots, self._treat = pieces, slots, treat

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with the values that are given in place of their placeholders."""
        if not self._slots:
            return self._pieces[0]
        treated: dict[str, str | None] = {}
        pieces = self._pieces.copy()
        for place, name in self._slots:
            if name not in treated:
                treated[name] = self._find_value(values, name)
            if (value := treated[name]) is not None:
                pieces[place] = value
        return "".join(pieces)

    def measure(self, values: Mapping[str, str]) -> int:
        """Characters that `fill` would return: to be asked first, as a short text may name a long value very often."""
        sizes: dict[str, int | None] = {}
        chars = sum(map(len, self._pieces))
        for place, name in self._slots:
            if name not in sizes:
                value = self._find_value(values, name)
                sizes[name] = None if value is None else len(value)
            if (size := sizes[name]) is not None:
                chars += size - len(self._pieces[place])
        return chars

    def _find_value(self, values: Mapping[str, str], name: str) -> str | None:
        value = values.get(name)
        return value if value is None or self._treat is None else self._treat(value)


def compile_text(
    text: str, names: Container[str] | None = None, *, escape_html: bool = False, one_line: bool = False
) -> PlaceholderText:
    """Cuts a text once. `names`: all that may be given to any recipient; None: any.

    `escape_html` is for HTML content: values are escaped, quotes too. `one_line` is for a subject: control characters
    and line ends of values become blanks, so that no value can begin another header.
    """
    pieces, slots, end = list[str](), list[tuple[int, str]](), 0
    for found in _PLACEHOLDER.finditer(text):
        name = found[1] or found[2]
        if names is None or name in names:
            pieces.append(text[end : found.start()])
            slots.append((len(pieces), name))
            pieces.append(found[0])
            end = found.end()
    pieces.append(text[end:])
    return PlaceholderText(pieces, slots, _choose_treatment(escape_html, one_line))


def _choose_treatment(escape_html: bool, one_line: bool) -> Callable[[str], str] | None:
    if escape_html:
        return (lambda value: escape(_flatten(value))) if one_line else escape
    return _flatten if one_line else None


def _flatten(value: str) -> str:
    return _CONTROLS.sub(" ", value)


def fill_text(text: str, values: Mapping[str, str], *, escape_html: bool = False, one_line: bool = False) -> str:
    """One text for one recipient; see `compile_text` for many."""
    return compile_text(text, values, escape_html=escape_html, one_line=one_line).fill(values)


def names_in(text: str) -> set[str]:
    """Names of placeholders: letters, digits, `_`, `.` and `-`, as far as they look like a name.

    What else stands in braces (CSS, a sentence) is filled if it is given, but nobody is asked for it.
    """
    names = {found[1] or found[2] for found in _PLACEHOLDER.finditer(text)}
    return {name for name in names if _NAME(name)}


def is_html(content: str) -> bool:
    """Has it a tag that HTML knows? Addresses in angle brackets and comparisons are none."""
    return any(_IS_HTML_NAME((found[1] or found[2]).lower()) for found in _TAG.finditer(content))


def read_placeholders(value: object, field: str = "placeholders") -> dict[str, str]:
    """The values by name: of an object, or of JSON text of one. None, "", null and {} are none.

    Values are strings or numbers. Raises ValueError with a sentence that names `field`.
    """
    if isinstance(value, str):
        value = decode_json(value, field) if value and not value.isspace() else None
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{field} must be an object of names and values")  # noqa: TRY004  every fault of a field is one
    for name in value:
        if not isinstance(name, str) or not 1 <= len(name) <= NAME_CHARS or "{" in name or "}" in name:
            raise ValueError(f"{field}: a name has 1 to {NAME_CHARS} characters, and no braces")
    return {name: read_text(each, f"{field}.{name}") for name, each in value.items()}
