"""An export: rows of a source, step by step, into a CSV or XLSX file in the database. A part of it is in memory at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tocsin.clerk.sheets import open_sheet
from tocsin.clerk.sources import open_source
from tocsin.files import Desk, Job, State, Step, Trouble

MOST_ROWS: Final = 1_000_000
MOST_BYTES: Final = 512 * 1024 * 1024


def write_export(desk: Desk, job: Job, check: Callable[[], None]) -> None:
    """Write it. `check` is called for each step and raises where the process is to end. Raises files.Lost."""
    desk.begin(job)
    rows, cut = 0, False
    with open_sheet(str(job.asked["format"]), lambda data: desk.write(job, data)) as sheet:
        sheet.add(job.asked["words"]["columns"])
        for step in open_source(desk.conn, job):
            check()
            for row in step.rows[: MOST_ROWS - rows]:
                sheet.add(row)
            rows += len(step.rows)
            desk.tell(job, min(rows, MOST_ROWS), min(int(step.share * 98), 98))
            cut = rows > MOST_ROWS
            if cut or desk.size_bytes > MOST_BYTES:
                break
        with desk.keeping(job):
            sheet.pack()
        sheet.end(check)
    if desk.size_bytes > MOST_BYTES:
        desk.begin(job)
        desk.fail(job, Trouble.TOO_LARGE)
        return
    desk.finish(job, Step.NONE, State.DONE, {"cut": cut})
