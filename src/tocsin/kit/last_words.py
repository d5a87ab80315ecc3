"""Why a process ends, as one sentence, in the file that its parent named. The whole trace goes to the log, as ever.

It must import nothing of ours, nor of others: it stands around all imports.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

FILE = "LAST_WORDS"
"""The environment's variable; no setting, since only a parent sets it."""
_MOST = 500


def leave(sentence: str) -> None:
    """Write it down, where somebody asked for it."""
    name = os.environ.get(FILE)
    if name:
        with contextlib.suppress(OSError):
            opened = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as file:
                file.write(" ".join(sentence.split())[:_MOST])


@contextlib.contextmanager
def left_by_faults() -> Iterator[None]:
    """What is raised in here and is no order to exit."""
    try:
        yield
    except Exception as error:
        leave(f"{type(error).__name__}: {error}")
        raise


def read(file: Path) -> str:
    """What a process left; "" where it left nothing."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
