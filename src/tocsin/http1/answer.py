"""An answer as bytes (RFC 9112, sections 4 to 6). No I/O; the date is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_WITHOUT_BODY = frozenset({204, 304})


def render(  # noqa: PLR0913  an answer and how its connection goes on
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    date: str,
    closes: bool = False,
    is_head: bool = False,
    length: int | None = None,
) -> bytes:
    """The whole answer. `date` is an HTTP-date (RFC 9110, 5.6.7); to HEAD the length is told and the body left out.

    `length`: of a body that is written elsewhere; below 0: a body that tells its own end.
    Values come from this program, not from the peer; a CR or LF in one raises ValueError and is not sent.
    """
    lines = [_LINES[status]]
    for name, value in headers:
        if "\n" in value or "\r" in value:
            raise ValueError(f"the header {name} holds a line break")
        lines.append(f"{name}: {value}\r\n")
    length = len(body) if length is None else length
    if status not in _WITHOUT_BODY and length >= 0:
        lines.append(f"content-length: {length}\r\n")
    lines.append(f"date: {date}\r\nconnection: close\r\n\r\n" if closes else f"date: {date}\r\n\r\n")
    head = "".join(lines).encode("latin-1")
    return head if is_head or status in _WITHOUT_BODY else head + body
