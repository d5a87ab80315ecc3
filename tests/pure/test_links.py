"""The links of an email: what is written into it, and that it means what it should."""

from __future__ import annotations

import re

from tocsin.content import LinkKind, read_token
from tocsin.messaging import Linker

KEY, ID, OTHER = b"k" * 32, b"\x01" * 16, b"\x02" * 16
LINKER = Linker("https://mail.example.com", KEY)
TARGET = "https://shop.example.com/a?b=1&c=2"
HTML = f'<p><a href="{TARGET.replace("&", "&amp;")}">Shop</a> <a href="{{unsubscribe}}">no more</a></p>'


def tokens(text: str) -> list[tuple[LinkKind, bytes, str]]:
    found = [read_token(KEY, each) for each in re.findall(r"https://mail\.example\.com/t/([\w-]+)", text)]
    return [(each.kind, each.message_id, each.url) for each in found if each is not None]


def test_links_pixel_and_unsubscribing_are_of_the_message() -> None:
    for message_id in (ID, OTHER):
        assert tokens(LINKER.track(HTML, message_id)) == [
            (LinkKind.CLICK, message_id, TARGET),
            (LinkKind.UNSUBSCRIBE, message_id, ""),
            (LinkKind.OPEN, message_id, ""),
        ]


def test_what_is_no_html_stays() -> None:
    text = f"Look at {TARGET} <now>, a < b"
    assert LINKER.track(text, ID) == text


def test_a_link_that_is_too_long_leads_where_it_led() -> None:
    html = f'<a href="https://x.example.com/{"y" * 2000}">z</a>'
    assert LINKER.track(html, ID).startswith(html)


def test_the_link_of_the_header_unsubscribes() -> None:
    assert tokens(LINKER.unsubscribe_url(ID)) == [(LinkKind.UNSUBSCRIBE, ID, "")]
