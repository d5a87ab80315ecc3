"""Tables that people bring: CSV in the encodings and with the separators that spreadsheets write, and XLSX. Read row by row.

The content says what a file is, never the name. Sizes are checked as far as a reader can check them. An XLSX of a few kilobytes
can still describe a table of gigabytes, so a file that somebody brings is read in a process with limits (process.py).
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from python_calamine import CalamineError, CalamineWorkbook

MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 100
_MOST_TEXT: Final = 64 * 1024 * 1024
_MOST_INFLATED: Final = 150 * 1024 * 1024
_MOST_MEMBERS: Final = 1000
_MOST_SEPARATORS: Final = 20_000  # of a row: spreadsheets write some for empty cells
_LONGEST_CELL: Final = 4000
_LONGEST_FIELD: Final = 64 * 1024
_SAMPLE: Final = 64 * 1024
_BLOCK: Final = 1024 * 1024
_SEPARATORS: Final = ",;\t|"
_ZIP, _OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

csv.field_size_limit(_LONGEST_FIELD)


class Fault(StrEnum):
    """Why a file cannot be read. The words are those of files.Trouble."""

    TOO_LARGE = "too-large"
    NO_TABLE = "no-table"
    OLD_OR_LOCKED = "old-or-locked"
    ENCODING = "encoding"
    EMPTY = "empty"
    TOO_MANY_ROWS = "too-many-rows"
    TOO_WIDE = "too-wide"


class TableError(ValueError):
    """A file that cannot be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


def read_table(file: Path) -> Iterator[tuple[int, list[str]]]:
    """(line from 1 on, cells) of each row that is not empty. Raises TableError."""
    with file.open("rb") as opened:
        head = opened.read(4)
    rows = _read_workbook(file) if head == _ZIP else _read_text(file)
    count, size = 0, 0
    for line, cells in rows:
        if not any(cells):
            continue
        count += 1
        size += sum(map(len, cells))
        if count > MOST_ROWS + 1:  # one may be the head
            raise TableError(Fault.TOO_MANY_ROWS)
        if len(cells) > MOST_COLUMNS:
            raise TableError(Fault.TOO_WIDE)
        if size > _MOST_TEXT:  # one long text may stand in every cell, and is only once in the file
            raise TableError(Fault.TOO_LARGE)
        yield line, cells
    if not count:
        raise TableError(Fault.EMPTY)


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()[:_LONGEST_CELL]


def _read_text(file: Path) -> Iterator[tuple[int, list[str]]]:
    encoding = _find_encoding(file)
    with file.open(encoding=encoding, newline="") as text:
        separator = _find_separator(text.read(_SAMPLE))
        text.seek(0)
        try:
            for line, row in enumerate(csv.reader(text, delimiter=separator), 1):
                if len(row) > _MOST_SEPARATORS:
                    raise TableError(Fault.TOO_WIDE)
                yield line, _trim([_clean(cell) for cell in row])
        except csv.Error:
            raise TableError(Fault.NO_TABLE) from None


def _trim(cells: list[str]) -> list[str]:
    """Without the empty ones behind the last."""
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _find_encoding(file: Path) -> str:
    """Of UTF-8, UTF-16 and GB18030 the first that all of the file is in."""
    with file.open("rb") as opened:
        head = opened.read(4096)
    if head.startswith(_OLD_OFFICE):
        raise TableError(Fault.OLD_OR_LOCKED)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        names = ["utf-16"]
    elif b"\0" in head:
        low, high = head[0::2].count(0), head[1::2].count(0)
        names = ["utf-16-le"] if high > low else ["utf-16-be"]
        if max(low, high) < len(head) // 8:
            raise TableError(Fault.NO_TABLE)
    else:
        names = ["utf-8-sig", "gb18030"]
    for name in names:
        if _is_in(file, name):
            return name
    raise TableError(Fault.ENCODING)


def _is_in(file: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with file.open("rb") as opened:
        try:
            while block := opened.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
    return True


def _find_separator(sample: str) -> str:
    """The one that cuts the most rows into equally many cells, more than one."""
    best, most = ",", 0
    for separator in _SEPARATORS:
        try:
            widths = [len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if row]
        except csv.Error:
            continue
        width, rows = (
            Counter(width for width in widths if width > 1).most_common(1)[0] if max(widths, default=0) > 1 else (0, 0)
        )
        if width and rows > most:
            best, most = separator, rows
    return best


def _read_workbook(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Of the first sheet."""
    _check_workbook(file)
    try:
        book = CalamineWorkbook.from_path(str(file))
        if not book.sheet_names:
            raise TableError(Fault.EMPTY)
        sheet = book.get_sheet_by_index(0)
    except (CalamineError, OSError, ValueError):
        raise TableError(Fault.NO_TABLE) from None
    for line, row in enumerate(sheet.iter_rows(), 1):
        if row.count("") == len(row):  # a cell far below makes 100,000 of them
            continue
        yield line, _trim([_clean(_write(cell)) for cell in row])


def _write(cell: object) -> str:
    """A cell as people see it: a number that is whole has no point and no exponent."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e18 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def _check_workbook(file: Path) -> None:
    """Inflate all of it once, to nowhere. Raises TableError."""
    size = 0
    try:
        with zipfile.ZipFile(file) as book:
            members = book.infolist()
            if len(members) > _MOST_MEMBERS or not any(m.filename.lower().startswith("xl/workbook.") for m in members):
                raise TableError(Fault.NO_TABLE)
            if sum(member.file_size for member in members) > _MOST_INFLATED:
                raise TableError(Fault.TOO_LARGE)
            for member in members:
                with book.open(member) as inflated:
                    size += _measure(inflated)
                if size > _MOST_INFLATED:
                    raise TableError(Fault.TOO_LARGE)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):  # RuntimeError: with a password
        raise TableError(Fault.NO_TABLE) from None


def _measure(inflated: IO[bytes]) -> int:
    """Bytes of a member. zipfile stops at the length that the member claims, and its checksum is wrong where that was a lie."""
    size = 0
    while block := inflated.read(_BLOCK):
        size += len(block)
    return size
