"""The links of one email: its http links lead over `/t/`, a pixel tells that it was read, one click unsubscribes.

Only content that is HTML is touched. A content that many recipients share is read once and written for each of them.
"""

from __future__ import annotations

from tocsin.content import LinkKind, Page, is_html, make_token, read_page

_PATH = "/t/"


class Linker:
    """`base_url`: where this installation's API is reached from outside; `key`: signs the tokens."""

    def __init__(self, base_url: str, key: bytes) -> None:
        self._base = base_url + _PATH
        self._key = key
        self._read: tuple[str, Page] | None = None

    def unsubscribe_url(self, message_id: bytes) -> str:
        """Where a POST unsubscribes the recipient of this message (RFC 8058)."""
        return self._link(LinkKind.UNSUBSCRIBE, message_id)

    def track(self, content: str, message_id: bytes) -> str:
        """The content with the links of this message."""
        if not is_html(content):
            return content
        if self._read is None or self._read[0] != content:
            self._read = content, read_page(content)

        def make_link(url: str) -> str:
            try:
                return self._link(LinkKind.CLICK, message_id, url.encode())
            except ValueError:  # longer than a link may be: it leads where it led, untold
                return url

        pixel = self._link(LinkKind.OPEN, message_id)
        return self._read[1].write(make_link, pixel, self.unsubscribe_url(message_id))

    def _link(self, kind: LinkKind, message_id: bytes, extra: bytes = b"") -> str:
        return self._base + make_token(self._key, kind, message_id, extra)
