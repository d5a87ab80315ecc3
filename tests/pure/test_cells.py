"""Files that people open in a spreadsheet: nothing in them is calculated, and what was written is still there."""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from tocsin.clerk.sheets import Cell, open_sheet
from tocsin.content import safe_cell

RISKY = "=+-@\t\r\n＝＋－＠"


@given(st.text())
def test_no_text_begins_like_a_formula(text: str) -> None:
    safe = safe_cell(text)
    assert not safe or safe[0] not in RISKY
    assert safe.removeprefix("'") == text.removeprefix("'"), "nothing else changes"


@pytest.mark.parametrize("text", ["6281234567801", "", "hello", "'quoted'", "1.5", "你好"])
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


def write(form: str, rows: list[list[Cell]]) -> bytes:
    pieces: list[bytes] = []
    with open_sheet(form, pieces.append) as sheet:
        for row in rows:
            sheet.add(row)
        sheet.pack()
        sheet.end(lambda: None)
    return b"".join(pieces)


@given(st.lists(st.lists(st.text(max_size=40), min_size=1, max_size=4), min_size=1, max_size=5))
def test_a_csv_reads_back_and_runs_nothing(rows: list[list[Cell]]) -> None:
    text = write("csv", rows).decode("utf-8-sig")
    found = list(csv.reader(io.StringIO(text, newline="")))
    assert len(found) == len(rows)
    assert all(not cell or cell[0] not in RISKY for row in found for cell in row)


def test_numbers_of_ours_stay_numbers() -> None:
    assert write("csv", [["a"], [Decimal("-0.05")], [7]]).decode("utf-8-sig") == "a\r\n-0.05\r\n7\r\n"


def test_an_xlsx_has_texts_as_texts_and_numbers_as_numbers() -> None:
    data = write("xlsx", [["To", "Content", "Cost"], ["6281234567801", "=1+1\x00\x07", Decimal("-0.05")]])
    rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert rows == [["To", "Content", "Cost"], ["6281234567801", "'=1+1", -0.05]]
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
