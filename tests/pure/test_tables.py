"""Tables that people bring: encodings and separators are told apart, bombs and other files are refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from xlsxwriter import Workbook

from tocsin.clerk.numbers import find_number
from tocsin.content import ColumnText, find_unknown, name_columns
from tocsin.files import Trouble
from tocsin.tables import MOST_COLUMNS, MOST_ROWS, Fault, TableError, read_table

TEXT = "姓名,手机\r\n张三,13800138000\r\n李四,13900139000\r\n"
ROWS = [(1, ["姓名", "手机"]), (2, ["张三", "13800138000"]), (3, ["李四", "13900139000"])]


def read(folder: Path, data: bytes) -> list[tuple[int, list[str]]]:
    file = folder / "upload"
    file.write_bytes(data)
    return list(read_table(file))


def refuse(folder: Path, data: bytes) -> Fault:
    with pytest.raises(TableError) as error:
        read(folder, data)
    return error.value.fault


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk"])
def test_encodings_are_told_apart(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, TEXT.encode(encoding)) == ROWS


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_told_apart(tmp_path: Path, separator: str) -> None:
    lines = ['name,"phone"', '"A, B; C|D\t",1', "x,2"]
    text = "\n".join(lines).replace(",", separator).replace(f"A{separator} B", "A, B")
    assert [cells for _, cells in read(tmp_path, text.encode())] == [["name", "phone"], ["A, B; C|D", "1"], ["x", "2"]]


def test_a_column_of_numbers_is_enough(tmp_path: Path) -> None:
    assert read(tmp_path, b"6281234567801\n\n6281234567802") == [(1, ["6281234567801"]), (3, ["6281234567802"])]


def test_lines_within_quotes_are_one_row(tmp_path: Path) -> None:
    assert read(tmp_path, b'a,"one\ntwo"\nb,c\n') == [(1, ["a", "one\ntwo"]), (2, ["b", "c"])]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", Fault.EMPTY),
        (b"\n\n , ,\n", Fault.EMPTY),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, Fault.NO_TABLE),
        (b"\xd0\xcf\x11\xe0" + b"a" * 100, Fault.OLD_OR_LOCKED),
        (b"PK\x03\x04 no zip at all", Fault.NO_TABLE),
        (b"caf\xff,\xff\xfe\xfd\n", Fault.ENCODING),
        (b"," * MOST_COLUMNS + b"x", Fault.TOO_WIDE),
        (b"1\n" * (MOST_ROWS + 2), Fault.TOO_MANY_ROWS),
        (b'"' + b"x" * 100_000, Fault.NO_TABLE),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, fault: Fault) -> None:
    assert refuse(tmp_path, data) is fault


def test_the_files_of_accounts_know_every_fault() -> None:
    assert {str(fault) for fault in Fault} <= {str(trouble) for trouble in Trouble}


def make_book(fill: dict[tuple[int, int], object]) -> bytes:
    out = io.BytesIO()
    book = Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    for (row, column), value in fill.items():
        sheet.write(row, column, value)
    book.close()
    return out.getvalue()


def test_an_xlsx_is_read_as_people_see_it(tmp_path: Path) -> None:
    data = make_book({(0, 0): "Phone", (0, 1): "Sum", (2, 0): 6281234567801, (2, 1): 1.5, (3, 0): "0812", (3, 1): True})
    assert read(tmp_path, data) == [(1, ["Phone", "Sum"]), (3, ["6281234567801", "1.5"]), (4, ["0812", "TRUE"])]


def test_one_long_text_in_every_cell_is_refused(tmp_path: Path) -> None:
    book = make_book({(row, column): "x" * 4000 for row in range(170) for column in range(100)})
    assert len(book) < 1 << 20
    assert refuse(tmp_path, book) is Fault.TOO_LARGE


def swell(data: bytes, member: str, more: bytes) -> bytes:
    """The book with a member that inflates to a lot."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.infolist():
            new.writestr(each.filename, old.read(each))
        new.writestr(member, more)
    return out.getvalue()


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    bomb = swell(make_book({(0, 0): "a"}), "xl/media/image1.png", b"\0" * (160 << 20))
    assert len(bomb) < 1 << 20
    assert refuse(tmp_path, bomb) is Fault.TOO_LARGE


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    bomb = bytearray(swell(make_book({(0, 0): "a"}), "xl/media/image1.png", b"\0" * (160 << 20)))
    true, false = (160 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert bomb.count(true) == 2, "in its own head and in the list of members"
    assert refuse(tmp_path, bytes(bomb).replace(true, false)) is Fault.NO_TABLE


def test_a_zip_that_is_no_book_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as other:
        other.writestr("a.txt", "hello")
    assert refuse(tmp_path, out.getvalue()) is Fault.NO_TABLE


@pytest.mark.parametrize(
    ("text", "country", "usual", "found"),
    [
        ("+62 812-3456-7801", "", 0, ("6281234567801", "")),
        ("6281234567801", "", 0, ("6281234567801", "")),
        ("081234567801", "", 10007, ("6281234567801", "")),
        ("081234567801", "ID", 0, ("6281234567801", "")),
        ("081234567801", "印度尼西亚", 10001, ("6281234567801", "")),
        ("13800138000", "+86", 10007, ("8613800138000", "")),
        ("0044 7400 123456", "Indonesia", 10007, ("447400123456", "")),
        ("12", "", 10007, ("", "number")),
        ("", "", 10007, ("", "no-number")),
        ("hello", "", 10007, ("", "number")),
        ("081234567801", "Atlantis", 10007, ("", "country")),
        ("081234567801", "", 0, ("", "country")),
    ],
)
def test_the_number_that_a_row_means(text: str, country: str, usual: int, found: tuple[str, str]) -> None:
    number = find_number(text, country, usual)
    assert (number.phone, number.fault) == found


def test_texts_are_filled_from_columns() -> None:
    names = name_columns(["Name", "Phone", "name"], 28)
    assert find_unknown("{Name} {PHONE} {c} {ab} {Surname}", names) == ["Surname"]
    text = ColumnText("Hi { name }, {B}", names)
    assert text.fill(["{B}", "7"])[:2] == ("Hi {B}, 7", 1), "a cell names nothing"
    assert text.fill(["Ann"]).fault == "no-value"
    assert text.fill(["x" * 1020, "12345"]).fault == "too-long"
    assert ColumnText("the same for all", names).fill(["Ann"]) == ("", 1, "")
    assert ColumnText("你好{A}", names).fill(["字" * 70]).parts == 2
