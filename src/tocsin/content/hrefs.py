"""Finds the links of an HTML text and where they stand, so that they can be replaced and all else stays as it was.

A tokenizer by the rules of the HTML standard (section 13.2.5) as far as positions of start and end tags need them:
comments, declarations, raw text elements, quoted and bare attributes. It builds no tree and writes nothing. What it has
passed it does not look at again, so that its time grows with the text alone, whatever the text is: the standard library's
parser goes over an unclosed comment again and again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5
from typing import Final, NamedTuple

_SPACES: Final = "\t\n\f\r "
_tag_name: Final = re.compile(f"[a-zA-Z][^{_SPACES}/>]*").match
_gap: Final = re.compile(f"[{_SPACES}/]*").match
_attribute_name: Final = re.compile(f"=?[^{_SPACES}/>=]*").match
_equals: Final = re.compile(f"[{_SPACES}]*=[{_SPACES}]*").match
_bare_value: Final = re.compile(f"[^{_SPACES}>]*").match
_comment_end: Final = re.compile("--!?>").search
# Elements whose content is text up to their end tag. `plaintext` never ends.
_RAW_TEXT: Final = frozenset(
    {"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"}
)
_closers: Final = {
    name: re.compile(f"</{name}(?=[{_SPACES}/>])", re.IGNORECASE).search for name in _RAW_TEXT if name != "plaintext"
}


class Value(NamedTuple):
    """An attribute's value as written: html[start:end], without the quotes; quote: the character around it, or ""."""

    start: int
    end: int
    quote: str


class Tag(NamedTuple):
    """A tag at html[start:end]. attributes: the first of each name, in lower case; an end tag has none."""

    start: int
    end: int
    name: str
    is_end: bool
    attributes: dict[str, Value]


def read_tags(html: str) -> Iterator[Tag]:
    """All start and end tags, in order. A tag that the text breaks off is none."""
    at = html.find("<")
    while at >= 0:
        tag, after = _read_markup(html, at)
        if after < 0:
            return
        if tag is not None:
            yield tag
            if tag.name in _RAW_TEXT and not tag.is_end:
                after = _find_closer(html, tag)
                if after < 0:
                    return
        at = html.find("<", after)


def _find_closer(html: str, tag: Tag) -> int:
    search = _closers.get(tag.name)
    closer = search(html, tag.end) if search else None
    return closer.start() if closer else -1


def _read_markup(html: str, at: int) -> tuple[Tag | None, int]:
    """The tag that begins at a `<`, if one does, and where to go on; -1: the text ends in it."""
    is_end = html.startswith("/", at + 1)
    name = _tag_name(html, at + 1 + is_end)
    if name is not None:
        return _read_tag(html, at, name[0].lower(), is_end)
    if html.startswith("!--", at + 1):
        return None, _skip_comment(html, at)
    if is_end or html[at + 1 : at + 2] in {"!", "?"}:  # a declaration, or what the standard reads as a comment
        end = html.find(">", at + 2)
        return None, end + 1 if end >= 0 else -1
    return None, at + 1


def _skip_comment(html: str, at: int) -> int:
    for short in (">", "->"):  # <!--> and <!---> are whole comments
        if html.startswith(short, at + 4):
            return at + 4 + len(short)
    end = _comment_end(html, at + 4)
    return end.end() if end else -1


def _read_tag(html: str, at: int, name: str, is_end: bool) -> tuple[Tag | None, int]:
    attributes = dict[str, Value]()
    place = at + 1 + is_end + len(name)
    while True:
        place = _end_of(_gap(html, place), place)
        if place >= len(html):
            return None, -1
        if html[place] == ">":
            return Tag(at, place + 1, name, is_end, attributes), place + 1
        end = _end_of(_attribute_name(html, place), place)
        key = html[place:end].lower()
        value, place = _read_value(html, end)
        if place < 0:
            return None, -1
        if not is_end:
            attributes.setdefault(key, value)


def _end_of(match: re.Match[str] | None, place: int) -> int:
    return match.end() if match else place


def _read_value(html: str, place: int) -> tuple[Value, int]:
    """The value behind an attribute's name, empty without one, and where to go on; -1: its quote is never closed."""
    equals = _equals(html, place)
    if equals is None:
        return Value(place, place, ""), place
    start = equals.end()
    quote = html[start : start + 1]
    if quote in {'"', "'"}:
        end = html.find(quote, start + 1)
        return Value(start + 1, end, quote), end + 1 if end >= 0 else -1
    end = _end_of(_bare_value(html, start), start)
    return Value(start, end, ""), end


_references: Final = re.compile("&(#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[a-zA-Z][a-zA-Z0-9]{1,31})(;?)(=?)").sub


def decode_value(text: str) -> str:
    """An attribute's value without its character references.

    One without a semicolon before `=` is none there (`?a=1&copy=2`): the standard's rule for attributes, 13.2.5.73.
    """
    return _references(_decode_reference, text) if "&" in text else text


def _decode_reference(match: re.Match[str]) -> str:
    name, semicolon, equals = match.groups()
    if name[0] == "#":
        code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
        return (chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd") + equals
    if equals and not semicolon:
        return match[0]
    return html5.get(name + semicolon, match[0].removesuffix("=")) + equals
