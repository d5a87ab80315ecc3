"""How many pages of one account are made at a time: its heavy searches leave threads for the pages of others.

Each process of the console counts for itself, since each has threads of its own.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

ACCOUNT_MOST: Final = 5
"""Of gateway.THREADS."""
_AGAIN_S: Final = "2"

_lock = threading.Lock()
_held: Counter[int] = Counter()


@contextmanager
def take_share(account_id: int) -> Iterator[bool]:
    """Whether the account may have this page made now; it counts until the block ends."""
    with _lock:
        may = _held[account_id] < ACCOUNT_MOST
        if may:
            _held[account_id] += 1
    try:
        yield may
    finally:
        if may:
            with _lock:
                _held[account_id] -= 1
                if not _held[account_id]:
                    del _held[account_id]


def say_busy(request: HttpRequest) -> HttpResponse:
    """The page in place of one that the account has no share left for."""
    answer = render(request, "console/busy.html", status=503)
    answer["Retry-After"] = _AGAIN_S
    return answer
