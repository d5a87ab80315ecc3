"""Tables as files: CSV (UTF-8 with a mark, which spreadsheets need) and XLSX. Texts are made safe from being calculated."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

from xlsxwriter import Workbook

from tocsin.content import safe_cell

Cell = str | int | Decimal
"""A text is made safe; a number is one of our own making."""

_CHUNK: Final = 512 * 1024
_LONGEST_CELL: Final = 32_000  # XLSX takes 32,767
_WIDTH: Final = 22
# What XML cannot say; in a CSV nobody misses it.
_CONTROLS: Final = {code: "" for code in range(32) if chr(code) not in "\t\n\r"} | {0xFFFE: "", 0xFFFF: ""}

Write = Callable[[bytes], None]


class Sheet(Protocol):
    """A table that grows by rows."""

    def add(self, row: Sequence[Cell]) -> None:
        """The next row."""

    def pack(self) -> None:
        """Put it together, which may take long; nothing is written meanwhile."""

    def end(self, check: Callable[[], None]) -> None:
        """Write what is left. `check` raises where the process is to end."""


def write_text(cell: str) -> str:
    """A text as it goes into a cell."""
    return safe_cell(cell.translate(_CONTROLS)[:_LONGEST_CELL])


@contextmanager
def open_sheet(form: str, write: Write) -> Iterator[Sheet]:
    """A table of that form, "csv" or "xlsx", whose bytes go to `write`."""
    if form == "csv":
        yield _Csv(write)
        return
    with tempfile.TemporaryDirectory(prefix="tocsin-clerk-") as folder:
        yield _Xlsx(Path(folder), write)


class _Csv:
    def __init__(self, write: Write) -> None:
        self._write = write
        self._text = io.StringIO(newline="")
        self._text.write("\ufeff")
        self._rows = csv.writer(self._text)

    def add(self, row: Sequence[Cell]) -> None:
        self._rows.writerow([write_text(cell) if isinstance(cell, str) else cell for cell in row])
        if self._text.tell() >= _CHUNK:
            self._flush()

    def _flush(self) -> None:
        data = self._text.getvalue().encode("utf-8", "replace")
        self._text.seek(0)
        self._text.truncate()
        if data:
            self._write(data)

    def pack(self) -> None:
        return

    def end(self, check: Callable[[], None]) -> None:
        check()
        self._flush()


class _Xlsx:
    """Rows go to files of the folder at once; the workbook is put together in the end."""

    def __init__(self, folder: Path, write: Write) -> None:
        self._write = write
        self._file = folder / "table.xlsx"
        self._book = Workbook(
            str(self._file), {"constant_memory": True, "tmpdir": str(folder), "strings_to_urls": False}
        )
        self._table = self._book.add_worksheet()
        self._bold = self._book.add_format({"bold": True})
        self._table.freeze_panes(1, 0)
        self._at = 0

    def add(self, row: Sequence[Cell]) -> None:
        if not self._at:
            self._table.set_column(0, len(row) - 1, _WIDTH)
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                self._table.write_string(self._at, column, write_text(cell), None if self._at else self._bold)
            else:
                self._table.write_number(self._at, column, cell)
        self._at += 1

    def pack(self) -> None:
        self._book.close()

    def end(self, check: Callable[[], None]) -> None:
        with self._file.open("rb") as file:
            while data := file.read(_CHUNK):
                check()
                self._write(data)
