"""Children that end with their parent, however it ends (Linux; elsewhere the kernel offers no such thing)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

END_WITHIN_S = 7.0
"""What a process of ours has for ending in order, from SIGTERM on; `tocsin up` kills it then. Whatever waits while it
ends has its part of this."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(sign: signal.Signals) -> Callable[[], None]:
    """A preexec function: the kernel sends `sign` to the child when the thread that started it ends.

    It runs after a change of user, which would clear it. Start such children from the main thread only.
    """
    parent = os.getpid()

    def fasten() -> None:
        if _LIBC is None:
            return
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the leash was on
            os._exit(1)

    return fasten
