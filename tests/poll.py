"""Waiting in tests: look again until a deadline, never a bare sleep.

A deadline is there so that a test ends which has failed: it is long, whatever the caller says, because a busy machine may
take many times what a quiet one does, and waiting costs a test that passes nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_STEP_S = 0.02
PATIENCE_S = 60.0


async def until(check: Callable[[], T | Awaitable[T]], timeout_s: float = PATIENCE_S) -> T:
    """What `check` (sync or async) returns, once truthy. AssertionError with its last value at the deadline."""
    timeout_s = max(timeout_s, PATIENCE_S)
    deadline = time.monotonic() + timeout_s
    while True:
        found = check()
        value: T = await found if inspect.isawaitable(found) else found
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(_explain(check, value, timeout_s))
        await asyncio.sleep(_STEP_S)


def until_sync(check: Callable[[], T | None], timeout_s: float = PATIENCE_S) -> T:
    """The same without a loop."""
    timeout_s = max(timeout_s, PATIENCE_S)
    deadline = time.monotonic() + timeout_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(_explain(check, value, timeout_s))
        time.sleep(_STEP_S)


def _explain(check: object, value: object, timeout_s: float) -> str:
    code = getattr(check, "__code__", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
    return f"not within {timeout_s:g} s: {getattr(check, '__qualname__', check)}{where}; last value {value!r}"
