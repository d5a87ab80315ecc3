"""A clerk for tests: works in this process until nothing is left to do."""

from __future__ import annotations

from tocsin.clerk import Clerk, Tools


def work_off(dsn: str, *, files_days: int = 7) -> None:
    """Do all jobs that wait, and forget old ones."""
    over = False

    def wait(wait_s: float) -> bool:
        nonlocal over
        over = over or wait_s > 0  # it waits where it found nothing to do
        return over

    Clerk(Tools(dsn, 15.0, files_days, wait)).run()
