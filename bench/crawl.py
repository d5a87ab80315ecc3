"""A visitor of the console who follows links: one page of each kind, by plain HTTP on one connection."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from bench.children import BrokenError

_MOST: Final = 300
_OF_A_LIST: Final = 2  # pages of a list by the same filters
_LINK = re.compile(rb'href="([^"#]+)"')
_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="([^"]+)"')
_ID = re.compile(r"[0-9a-f]{32}|\d+")
_ELSEWHERE = re.compile(r"^/(static|user/logout)/|/download/|\.(csv|xlsx|txt|json)$")


class Visitor:
    """A person's browser, as far as a server sees it."""

    def __init__(self, port: int) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._cookies: SimpleCookie = SimpleCookie()

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, str, bytes]:
        """Status, where a redirect leads, and the body."""
        headers = {"Cookie": "; ".join(f"{name}={each.value}" for name, each in self._cookies.items())}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._line.request(method, path, urlencode(fields) if fields is not None else None, headers)
        answer = self._line.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            self._cookies.load(cookie)
        return answer.status, answer.headers.get("Location", ""), answer.read()

    def log_in(self, address: str, password: str) -> None:
        """Raises BrokenError where that fails."""
        token = _TOKEN.search(self.ask("GET", "/user/login/")[2])
        fields = {"login": address, "password": password, "csrfmiddlewaretoken": token[1].decode() if token else ""}
        status, where, _ = self.ask("POST", "/user/login/", fields)
        if status != 302 or "login" in where:
            raise BrokenError(f"{address} cannot log in: {status} {where}")

    def time(self, path: str) -> float:
        """Seconds that a page takes. Raises BrokenError where it is none."""
        began = time.perf_counter()
        status, _, _ = self.ask("GET", path)
        if status != 200:
            raise BrokenError(f"{path} answered {status}")
        return time.perf_counter() - began


def crawl(
    visitor: Visitor, start: str, of_a_kind: int = 2, look: Callable[[str, bytes], None] | None = None
) -> list[str]:
    """Every page that links lead to from `start`, so many of each kind at most (ids and values of filters make no other kind).

    `look` is shown each of them.
    """
    waiting, seen, kinds = [start], {start}, dict[str, int]()
    pages: list[str] = []
    while waiting and len(pages) < _MOST:
        path = waiting.pop(0)
        status, where, body = visitor.ask("GET", path)
        if status == 302:
            found = [where]
        elif status == 200:
            pages.append(path)
            if look is not None:
                look(path, body)
            found = [link.decode().replace("&amp;", "&") for link in _LINK.findall(body)]
        else:
            raise BrokenError(f"{path} answered {status}")
        for link in found:
            to = urlsplit(urljoin(path, link))
            address = f"{to.path}?{to.query}" if to.query else to.path
            if to.netloc or address in seen or _ELSEWHERE.search(to.path):
                continue
            seen.add(address)
            kind = _ID.sub("*", to.path) + str(sorted(name for name, value in parse_qsl(to.query) if value))
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] <= (min(of_a_kind, _OF_A_LIST) if to.query else of_a_kind):
                waiting.append(address)
    return pages
