"""Links of an email that tell when it was opened, what was clicked, and who unsubscribes.

A link is `/t/` and a token: what it means and for which message, under a signature. The address that a click leads to is
in the token, so that the door needs no table to redirect, and redirects only where this installation has signed.

    version (1 byte) | kind (1) | message id (16) | extra | HMAC-SHA256 of all that (its first 16 bytes)

in base64 for URLs, without padding. It must not know the host that links point to, nor count anything.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from enum import IntEnum
from html import escape
from typing import Final, NamedTuple

from tocsin.content.hrefs import decode_value, read_tags

TRACKING: Final = "tracking links"
"""The purpose of the keys that sign."""

_VERSION: Final = 1
_ID_BYTES, _MAC_BYTES, _HEAD_BYTES = 16, 16, 18
_LEAST_KEY_BYTES: Final = 16
_PURPOSE: Final = b"tocsin tracking link\0"  # the key may sign other things elsewhere
# Of a target; a longer one is left as it is. Browsers and mail readers take links of over 8,000 characters.
MOST_URL_CHARS: Final = 2_000
_MOST_EXTRA_BYTES: Final = 4 * MOST_URL_CHARS
_MOST_TOKEN_CHARS: Final = -(-(_HEAD_BYTES + _MOST_EXTRA_BYTES + _MAC_BYTES) * 4 // 3)


class LinkKind(IntEnum):
    """What a link tells. The numbers are in links that are out: none is changed or used again."""

    OPEN = 1
    CLICK = 2
    UNSUBSCRIBE = 3


class Token(NamedTuple):
    """What a link means. extra: of a click, the UTF-8 of the URL that it leads to."""

    kind: LinkKind
    message_id: bytes
    extra: bytes

    @property
    def url(self) -> str:
        """Where a click leads to; "" for other kinds."""
        return self.extra.decode() if self.kind is LinkKind.CLICK else ""


def make_token(key: bytes, kind: LinkKind, message_id: bytes, extra: bytes = b"") -> str:
    """The signed token of a link, 46 characters and 4 for each 3 bytes of `extra`.

    Raises ValueError for a key of under 16 bytes, an id that has not 16, an extra of over 8,000 bytes, and for a click
    whose `extra` is no http URL.
    """
    if len(key) < _LEAST_KEY_BYTES or len(message_id) != _ID_BYTES or len(extra) > _MOST_EXTRA_BYTES:
        raise ValueError("the key, the message id or the extra has a wrong length")
    if kind is LinkKind.CLICK and not _is_target(extra):
        raise ValueError("a click leads to an http URL of at most 2,000 characters")
    body = bytes((_VERSION, kind)) + message_id + extra
    return urlsafe_b64encode(body + _sign(key, body)).rstrip(b"=").decode()


def read_token(keys: bytes | Sequence[bytes], token: str) -> Token | None:
    """What a token means, where one of the keys has signed it; None for anything else, whatever it is."""
    body, mac = _unpack(token)
    if len(body) < _HEAD_BYTES or body[0] != _VERSION:
        return None
    signed = False
    for key in [keys] if isinstance(keys, bytes) else keys:  # all of them: the time tells nothing
        signed |= hmac.compare_digest(_sign(key, body), mac)
    if not signed or body[1] not in _KINDS:
        return None
    found = Token(LinkKind(body[1]), body[2:_HEAD_BYTES], body[_HEAD_BYTES:])
    return None if found.kind is LinkKind.CLICK and not _is_target(found.extra) else found


_KINDS: Final = frozenset(LinkKind)


def _sign(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + body, "sha256")[:_MAC_BYTES]


def _unpack(token: str) -> tuple[bytes, bytes]:
    """(body, signature) of a text that is base64 for URLs in its one canonical form; empty for another."""
    if not isinstance(token, str) or len(token) > _MOST_TOKEN_CHARS or not token.isascii():
        return b"", b""
    try:
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        return b"", b""
    if urlsafe_b64encode(data).rstrip(b"=").decode() != token:
        return b"", b""
    return data[:-_MAC_BYTES], data[-_MAC_BYTES:]


# No blank, control character or backslash: a Location header takes it as it is, and no browser reads another host in it.
_http_url: Final = re.compile(r"https?://[^\s\\\0-\x20\x7f-\x9f/?#]+[^\s\\\0-\x20\x7f-\x9f]*", re.IGNORECASE).fullmatch


def _is_target(extra: bytes) -> bool:
    try:
        url = extra.decode()
    except UnicodeDecodeError:
        return False
    return len(url) <= MOST_URL_CHARS and _http_url(url) is not None


_PIXEL: Final = '<img src="{}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'
UNSUBSCRIBE: Final = frozenset({"unsubscribe", "unsubscribe_url", "unsubscribeurl"})
"""Names of placeholders that no client gives a value for: links to them become ours."""

_is_unsubscribe: Final = re.compile(
    r"\$?\{\s*unsubscribe(?:_?url)?\s*\}|\{\{\s*unsubscribe(?:_?url)?\s*\}\}", re.IGNORECASE
).fullmatch
# What a browser drops from an address before it reads it.
_DROPPED: Final = {ord(char): None for char in "\t\r\n"}


class Link(NamedTuple):
    """The address of an <a>. url: what it means; raw: as it is written, without quotes; is_bare: it has none."""

    url: str
    raw: str
    is_bare: bool


class Page(NamedTuple):
    """An HTML text cut at its links and at the place of the pixel (None): read once, written for each recipient."""

    pieces: tuple[str, ...]
    slots: tuple[Link | None, ...]  # one less than pieces: each stands behind the piece of its number

    def write(self, make_link: Callable[[str], str], pixel_url: str, unsubscribe_url: str | None) -> str:
        """The text with its links, as `rewrite_html` says."""
        base, found, _ = pixel_url.partition("/t/")
        ours = base + found if found else pixel_url
        written = [self.pieces[0]]
        for slot, piece in zip(self.slots, self.pieces[1:], strict=True):
            if slot is None:
                written.append(_PIXEL.format(escape(pixel_url)))
            elif _is_unsubscribe(slot.url):
                written.append(_write_link(slot, unsubscribe_url))
            elif slot.url.startswith(ours) or slot.url == unsubscribe_url:
                written.append(slot.raw)
            else:
                written.append(_write_link(slot, make_link(slot.url)))
            written.append(piece)
        return "".join(written)


def _write_link(link: Link, url: str | None) -> str:
    if url is None or url == link.url:
        return link.raw
    return f'"{escape(url)}"' if link.is_bare else escape(url)


def read_page(html: str) -> Page:
    """Cuts an HTML text at the links of its <a> elements that may be tracked, and before its last </body> or at its end."""
    cuts = list[tuple[int, int, Link | None]]()
    body_end = len(html)
    for tag in read_tags(html):
        if tag.name == "body" and tag.is_end:
            body_end = tag.start
        if tag.name == "a" and "href" in tag.attributes and "data-no-track" not in tag.attributes:
            value = tag.attributes["href"]
            raw = html[value.start : value.end]
            url = decode_value(raw).translate(_DROPPED).strip("\f ")
            if _http_url(url) or _is_unsubscribe(url):
                cuts.append((value.start, value.end, Link(url, raw, value.quote == "")))
    cuts.append((body_end, body_end, None))
    cuts.sort(key=lambda cut: cut[0])
    starts = [0, *(end for _, end, _ in cuts)]
    ends = [*(start for start, _, _ in cuts), len(html)]
    pieces = tuple(html[start:end] for start, end in zip(starts, ends, strict=True))
    return Page(pieces, tuple(link for _, _, link in cuts))


def rewrite_html(html: str, make_link: Callable[[str], str], pixel_url: str, unsubscribe_url: str | None) -> str:
    """An HTML text whose http links are `make_link(URL)`, with the pixel; all else is as it was, byte for byte.

    Links of <a> elements alone; none with `data-no-track`, none that is tracked already (below the `/t/` of `pixel_url`).
    A URL that `make_link` gives back stays as it is written. A link to `{unsubscribe}`, also as `${...}`, `{{...}}` and
    with `_url`, becomes `unsubscribe_url`.
    """
    return read_page(html).write(make_link, pixel_url, unsubscribe_url)
