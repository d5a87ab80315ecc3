"""Django's WSGI application behind the front (docs/decisions/): nobody who sends or reads slowly holds a thread.

The loop reads a request whole, a thread of a few makes the page, and the loop writes it. An answer that is a stream is made
piece by piece, each when the peer has taken the one before.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import InterfaceError, OperationalError, close_old_connections
from django.http import parse_cookie
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, override

from tocsin.console.bounds import MOST_REQUEST
from tocsin.console.spool import IN_MEMORY, Spool, SpoolSpace
from tocsin.front import NO_LENGTH, Answer, Call
from tocsin.http1 import Incoming
from tocsin.kit.settings import Settings
from tocsin.kit.visitor import client_address, network_of

THREADS: Final = 8
"""Of a process: so many pages are made at once."""
_MOST_OF_OTHERS = 64 * 1024  # the body of what is no POST
_PIECE = 64 * 1024
_BUSY = 503
_REASONS = {
    408: gettext_lazy("The request came too slowly. Please try again."),
    413: gettext_lazy("The request is too large: 64 MB at most."),
    500: gettext_lazy("Something went wrong on our side. Try again."),
    _BUSY: gettext_lazy("Too much at once. Please try again in a moment."),
}
_HOP_BY_HOP = frozenset({"content-length", "connection", "transfer-encoding", "date"})
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Any]
IsKnown = Callable[[str], bool]


def is_large(request: Incoming) -> bool:
    """Whether its body needs room beyond memory, or may need it."""
    return request.has_body and (request.length is None or request.length > IN_MEMORY)


def is_logged_in(cookies: str) -> bool:
    """Whether they name a session of somebody who is logged in: nobody else has a large form to send."""
    from django.contrib.sessions.backends.db import SessionStore  # a model: not before Django is set up

    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
    try:
        return bool(key) and SESSION_KEY in SessionStore(key)
    except (OperationalError, InterfaceError):
        return True  # the page says that the database is away
    finally:
        close_old_connections()


class Gateway:
    """What the front serves."""

    def __init__(
        self, wsgi: Wsgi, own: Settings, space: SpoolSpace | None = None, is_known: IsKnown = is_logged_in
    ) -> None:
        self._wsgi = wsgi
        self._is_known = is_known
        self._trusted = own.trusted_proxies
        self._space = space or SpoolSpace()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="page")
        self._same = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": own.host,
            "SERVER_PORT": str(own.console_port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if own.tls_certificate else "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": own.console_processes > 1,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": _FileWrapper,
        }

    def find_max_body(self, request: Incoming) -> int:
        """Forms and their files come by POST."""
        return MOST_REQUEST if request.method == "POST" else _MOST_OF_OTHERS

    def explain(self, status: int, reason: str) -> Answer:
        """In both languages: who asks is not known."""
        said = _REASONS.get(status, reason)
        texts = []
        for language in ("en", "zh-hans"):
            with override(language):
                texts.append(str(said))
        headers = [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")]
        if status == _BUSY:
            headers.append(("retry-after", "2"))
        return Answer(status, headers, "\n".join(dict.fromkeys(texts)).encode())

    async def __call__(self, call: Call) -> Answer:
        """The page."""
        request = call.request
        has_space = not is_large(request) or await self._ask(request.headers.get("cookie", ""))
        if not has_space and not request.chunked:
            return Answer(302, [("location", reverse("account_login"))], b"")
        spool = await self._receive(call, self._space if has_space else None)
        job = self._pool.submit(self._answer, self._describe(call, spool))
        job.add_done_callback(lambda _: spool.close())
        return await asyncio.wrap_future(job)

    async def _ask(self, cookies: str) -> bool:
        return await asyncio.wrap_future(self._pool.submit(self._is_known, cookies))

    async def _receive(self, call: Call, space: SpoolSpace | None) -> Spool:
        """The body. Raises BodyError."""
        client = client_address(call.socket_address, call.request.headers.get("x-forwarded-for"), self._trusted)
        spool = Spool(space, network_of(client))

        def keep(piece: bytes) -> None:
            if not spool.write(piece):
                call.fail(_BUSY if space else 413, "no room for the body")

        try:
            await call.receive(keep)
        except BaseException:
            spool.close()
            raise
        return spool

    def end(self) -> None:
        """No further pages; what waits for a thread is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _describe(self, call: Call, spool: Spool) -> dict[str, Any]:
        """The environ of PEP 3333."""
        request = call.request
        environ = {
            **self._same,
            "REQUEST_METHOD": request.method,
            "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
            "QUERY_STRING": request.query,
            "REMOTE_ADDR": call.socket_address,
            "CONTENT_LENGTH": str(spool.size),
            "wsgi.input": spool.open(),
        }
        for name, value in request.headers.items():
            if name == "content-type":
                environ["CONTENT_TYPE"] = value
            elif name not in {"content-length", "transfer-encoding"} and "_" not in name:  # else it looks like another
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ

    def _answer(self, environ: dict[str, Any]) -> Answer:
        """In a thread."""
        begun: list[tuple[int, list[tuple[str, str]]]] = []

        def start(line: str, headers: list[tuple[str, str]], _error: object = None) -> None:
            begun.append((int(line[:3]), headers))

        result = self._wsgi(environ, start)
        status, told = begun[-1]
        headers = [(name, value) for name, value in told if name.lower() not in _HOP_BY_HOP]
        length = next((int(value) for name, value in told if name.lower() == "content-length"), None)
        if getattr(result, "streaming", False) or isinstance(result, _FileWrapper):
            pieces = _Pieces(result, self._pool, get_language())
            return Answer(status, headers, b"", pieces, NO_LENGTH if length is None else length)
        try:
            body = b"".join(result)
        finally:
            _close(result)
        return Answer(status, headers, body, length=length if environ["REQUEST_METHOD"] == "HEAD" else None)


class _FileWrapper:
    """A file that an answer is read from (PEP 3333)."""

    def __init__(self, file: Any, _size: int = _PIECE) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(_PIECE):
            yield piece

    def close(self) -> None:
        """With the file."""
        _close(self._file)


class _Pieces:
    """An answer that is read piece by piece, each in any thread, in the language of its request."""

    def __init__(self, result: Any, pool: ThreadPoolExecutor, language: str | None) -> None:
        self._result = result
        self._pool = pool
        self._language = language
        self._iterator = iter(result)

    async def read(self) -> bytes:
        """The next one; none: the end."""
        return await asyncio.wrap_future(self._pool.submit(self._next))

    def _next(self) -> bytes:
        try:
            with override(self._language):
                return next(filter(None, self._iterator), b"")
        finally:
            close_old_connections()  # the next piece may be read in another thread

    def close(self) -> None:
        """In a thread, too: files and generators end there."""
        with contextlib.suppress(RuntimeError):  # the process ends
            self._pool.submit(_close, self._result)


def _close(result: Any) -> None:
    close = getattr(result, "close", None)
    if close is not None:
        close()
