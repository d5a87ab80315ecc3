"""Tables that people bring: encodings and separators are told apart, bombs and other files are refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from xlsxwriter import Workbook

from tocsin.clerk.numbers import find_number
from tocsin.clerk.tables import MOST_COLUMNS, MOST_ROWS, TableError, read_table
from tocsin.content import ColumnText, find_unknown, name_columns
from tocsin.files import Trouble

TEXT = "姓名,手机\r\n张三,13800138000\r\n李四,13900139000\r\n"
ROWS = [(1, ["姓名", "手机"]), (2, ["张三", "13800138000"]), (3, ["李四", "13900139000"])]


def read(folder: Path, data: bytes) -> list[tuple[int, list[str]]]:
    file = folder / "upload"
    file.write_bytes(data)
    return list(read_table(file))


def refuse(folder: Path, data: bytes) -> Trouble:
    with pytest.raises(TableError) as error:
        read(folder, data)
    return error.value.trouble


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
    ("data", "trouble"),
    [
        (b"", Trouble.EMPTY),
        (b"\n\n , ,\n", Trouble.EMPTY),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, Trouble.NO_TABLE),
        (b"\xd0\xcf\x11\xe0" + b"a" * 100, Trouble.NO_TABLE),
        (b"PK\x03\x04 no zip at all", Trouble.NO_TABLE),
        (b"caf\xff,\xff\xfe\xfd\n", Trouble.ENCODING),
        (b"," * MOST_COLUMNS + b"x", Trouble.TOO_WIDE),
        (b"1\n" * (MOST_ROWS + 2), Trouble.TOO_MANY_ROWS),
        (b'"' + b"x" * 100_000, Trouble.NO_TABLE),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, trouble: Trouble) -> None:
    assert refuse(tmp_path, data) is trouble


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


def test_a_cell_in_the_last_corner_is_refused_before_the_table_is_made(tmp_path: Path) -> None:
    assert refuse(tmp_path, make_book({(0, 0): "a", (1_048_575, 0): "b"})) is Trouble.TOO_MANY_ROWS
    assert refuse(tmp_path, make_book({(0, 0): "a", (0, 16_383): "b"})) is Trouble.TOO_WIDE
    assert refuse(tmp_path, make_book({(0, 0): "a", (150_000, 60): "b"})) is Trouble.TOO_LARGE


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
    assert refuse(tmp_path, bomb) is Trouble.TOO_LARGE


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    bomb = bytearray(swell(make_book({(0, 0): "a"}), "xl/media/image1.png", b"\0" * (160 << 20)))
    true, false = (160 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert bomb.count(true) == 2, "in its own head and in the list of members"
    assert refuse(tmp_path, bytes(bomb).replace(true, false)) is Trouble.NO_TABLE


def test_a_zip_that_is_no_book_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as other:
        other.writestr("a.txt", "hello")
    assert refuse(tmp_path, out.getvalue()) is Trouble.NO_TABLE


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
