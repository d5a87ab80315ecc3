"""A table is read in a process with limits: whatever the file describes, this process stays as small as it was."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import psutil
import pytest
from xlsxwriter import Workbook

from tocsin.tables import Fault, ReaderError, TableError, read_rows


class StoppedError(Exception):
    """What a clerk's check raises where the process is to end."""


def stay() -> None:
    pass


def stop() -> None:
    raise StoppedError


def find_readers() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "tocsin.tables.child" in each.cmdline()]


def read(folder: Path, data: bytes) -> list[tuple[int, list[str]]]:
    file = folder / "upload"
    file.write_bytes(data)
    return [row for rows in read_rows(file, stay) for row in rows]


def refuse(folder: Path, data: bytes) -> Fault:
    with pytest.raises(TableError) as error:
        read(folder, data)
    return error.value.fault


def make_book(cell: bytes) -> bytes:
    """A workbook of two cells; the start tag of the second is `cell`."""
    first, out = io.BytesIO(), io.BytesIO()
    book = Workbook(first)
    sheet = book.add_worksheet()
    sheet.write(0, 0, "a")
    sheet.write(1, 0, "6281234567801")
    book.close()
    with zipfile.ZipFile(first) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.infolist():
            new.writestr(each.filename, old.read(each).replace(b'<c r="A2"', cell))
    return out.getvalue()


def test_rows_come_as_they_are_in_the_file(tmp_path: Path) -> None:
    lines = [f"Ann {n},62812{n:07}" for n in range(1200)]
    assert read(tmp_path, "\n".join(lines).encode()) == [(n, line.split(",")) for n, line in enumerate(lines, 1)]
    assert read(tmp_path, make_book(b'<c r="A2"')) == [(1, ["a"]), (2, ["6281234567801"])]


@pytest.mark.parametrize(
    "cell", [b'<c r="XFD1048576"', b"<c r='XFD1048576'", b'<c s="0" t="s" cm="0" vm="0" ph="false" r="XFD1048576"']
)
def test_a_cell_in_the_last_corner_costs_this_process_nothing(tmp_path: Path, cell: bytes) -> None:
    """However the cell is spelt: a whole sheet would be 500 GB."""
    book = make_book(cell)
    assert len(book) < 8192
    before = psutil.Process().memory_info().rss
    assert refuse(tmp_path, book) is Fault.TOO_LARGE
    assert psutil.Process().memory_info().rss < before + (20 << 20)
    assert find_readers() == []


def test_a_cell_far_below_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, make_book(b'<c r="B90000"')) == [(1, ["a"]), (90_000, ["", "6281234567801"])]


def test_one_endless_line_is_refused(tmp_path: Path) -> None:
    assert refuse(tmp_path, b"," * (2 << 20)) is Fault.TOO_WIDE


def test_a_clerk_that_is_to_end_ends_the_reader(tmp_path: Path) -> None:
    file = tmp_path / "upload"
    file.write_bytes(b"1\n" * 100_000)
    with pytest.raises(StoppedError):
        next(read_rows(file, stop))
    assert find_readers() == []


def test_a_fault_of_ours_is_not_said_to_be_the_customers(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"FileNotFoundError in .*, line \d+"):
        next(read_rows(tmp_path / "gone", stay))
