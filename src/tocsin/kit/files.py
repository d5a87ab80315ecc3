"""Open files of a process: sockets are files, and the limit that a shell gives is small."""

from __future__ import annotations

import contextlib
import resource


def raise_file_limit() -> int:
    """Take as many as the system lets us; how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 20
