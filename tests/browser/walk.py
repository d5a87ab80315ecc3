"""Which pages axe looks at: of all that links lead to, those with something that no page before them has.

What is on a page is told by its tags and classes, a link with the tag before it; texts and ids make no difference. So every
branch of a template that the demo's past shows is looked at once, and a hundred pages of messages that differ by numbers are one.
"""

from __future__ import annotations

import re
from itertools import pairwise

from bench.crawl import Visitor, crawl

OF_A_KIND = 24
"""More than the demo has of anything that is there in each state."""

_TAG = re.compile(rb'<(\w+)(?=[\s>])(?:[^>]*?\sclass="([^"]*)")?')
_CHOSEN = re.compile(rb" ?\bactive\b")


class Walk:
    """Pages that were worth a look so far."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self._seen: set[tuple[bytes, bytes]] = set()

    def meet(self, path: str, body: bytes) -> None:
        """Keep the page if it shows something new."""
        marks = read_marks(body)
        if marks <= self._seen:
            return
        self._seen |= marks
        self.pages.append(path)


def read_marks(body: bytes) -> set[tuple[bytes, bytes]]:
    """Tags with their classes, and links with the tag before them, of the content of a page: what is around it is on all pages."""
    content = body.partition(b'class="page-wrapper"')[2] or body
    tags = [name + b"." + _CHOSEN.sub(b"", classes) for name, classes in _TAG.findall(content)]
    linked = ((before, tag) for before, tag in pairwise([b"", *tags]) if tag.startswith(b"a."))
    return {*((b"", tag) for tag in tags), *linked}


def find_pages(visitor: Visitor, start: str) -> list[str]:
    """Their addresses, for a visitor who is logged in."""
    walk = Walk()
    crawl(visitor, start, OF_A_KIND, walk.meet)
    return walk.pages
