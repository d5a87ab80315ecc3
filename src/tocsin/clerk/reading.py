"""The first step of an upload: its file becomes rows, and a guess is made which column is the number."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from tocsin.content import clean_number
from tocsin.files import Desk, Job, State, Step, Trouble, rows
from tocsin.tables import TableError, read_rows

_LOOK_AT: Final = 50
_NUMBER_HEADS = re.compile("phone|mobile|cell|number|msisdn|tel|手机|电话|号码|手機|電話", re.IGNORECASE)
_COUNTRY_HEADS = re.compile("country|nation|国家|國家|地区", re.IGNORECASE)
_DIGITS: Final = range(6, 19)


def read_upload(desk: Desk, job: Job, check: Callable[[], None]) -> None:
    """Read it; its user goes on. `check` raises where the process is to end. Raises files.Lost, files.Full."""
    with desk.hold(job) as conn:
        rows.drop_rows(conn, job.id)
    with tempfile.TemporaryDirectory(prefix="tocsin-clerk-") as folder:
        file = Path(folder) / "upload"
        with file.open("wb") as copy:
            for data in desk.read(job):
                copy.write(data)
        try:
            facts = _store(desk, job, file, check)
        except TableError as error:
            desk.fail(job, Trouble(error.fault))
            return
    if not facts["rows"]:
        desk.fail(job, Trouble.EMPTY)
        return
    with desk.hold(job) as conn:
        rows.weigh(conn, job.id)
    desk.begin(job)  # the bytes are not needed any more
    desk.check_room(job)  # rows may take several times what the file took
    desk.finish(job, Step.MAP, State.OPEN, facts)


def _store(desk: Desk, job: Job, file: Path, check: Callable[[], None]) -> dict[str, Any]:
    count, width = 0, 0
    first: list[list[str]] = []

    def go_on() -> None:
        check()
        desk.tell(job, count, 50)

    with closing(read_rows(file, go_on)) as steps:
        for step in steps:
            count += len(step)
            width = max(width, *(len(cells) for _, cells in step))
            first += [cells for _, cells in step[: _LOOK_AT - len(first)]]
            with desk.hold(job) as conn:
                rows.add_rows(conn, job.id, step)
    return {"rows": count, "width": width, **_guess(first, width)}


def _guess(first: list[list[str]], width: int) -> dict[str, Any]:
    """Which column is what, by the head, else by what stands in it; whether there is a head."""
    columns = [[row[at] if at < len(row) else "" for row in first] for at in range(width)]
    headed = bool(first) and not any(_looks_like_number(cell) for cell in first[0]) and len(first) > 1
    body = [column[1:] if headed else column for column in columns]
    scores = [sum(map(_looks_like_number, column)) for column in body]
    named = [at for at, column in enumerate(columns) if headed and _NUMBER_HEADS.search(column[0]) and scores[at]]
    number = named[0] if named else max(range(width), key=lambda at: scores[at], default=0)
    countries = [at for at, column in enumerate(columns) if headed and _COUNTRY_HEADS.search(column[0])]
    return {"headed": headed, "number": number, "country": countries[0] if countries else None}


def _looks_like_number(cell: str) -> bool:
    return len(clean_number(cell).removeprefix("+")) in _DIGITS
