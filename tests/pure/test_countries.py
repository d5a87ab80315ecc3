"""The codeId table as shipped."""

from __future__ import annotations

import hashlib

import phonenumbers

from tocsin.content import CountryRow, load_countries, numbering

ROWS = load_countries()
BY_ISO = {row.iso: row for row in ROWS}


def test_the_ids_of_the_page() -> None:
    assert BY_ISO["CN"] == CountryRow(10001, "CN", 86, "China", "中国", True)
    assert BY_ISO["ID"] == CountryRow(10007, "ID", 62, "Indonesia", "印度尼西亚", False)


def test_every_numbering_plan_has_a_row_with_its_calling_code() -> None:
    for iso in phonenumbers.SUPPORTED_REGIONS:
        assert BY_ISO[iso].calling_code == phonenumbers.country_code_for_region(iso)
        assert str(BY_ISO[iso].calling_code) == numbering(iso).calling_code


def test_ids_and_names_are_unique_and_ordered() -> None:
    ids = [row.code_id for row in ROWS]
    assert ids == list(range(10001, 10001 + len(ROWS)))
    for column in ("iso", "name", "name_zh"):
        assert len({getattr(row, column) for row in ROWS}) == len(ROWS), column
    for row in ROWS:
        assert row.iso.isalpha()
        assert len(row.iso) == 2
        assert row.name.strip() == row.name != ""
        assert any("\u4e00" <= char <= "\u9fff" for char in row.name_zh), row


def test_templates_are_demanded_where_the_contract_says() -> None:
    assert {row.iso for row in ROWS if row.template_required} == {"CN", "HK", "MO", "TW"}


def test_shipped_ids_are_never_renumbered() -> None:
    shipped = ",".join(f"{row.code_id}{row.iso}" for row in ROWS[:245])
    assert (
        hashlib.sha256(shipped.encode()).hexdigest()
        == "e384fdce4d55f999f78d0295370a93e251da34a15c8e43bb7b4d92bce462d4a0"
    )


def test_some_names() -> None:
    expected = {"US": ("United States", "美国"), "GB": ("United Kingdom", "英国"), "CI": ("Côte d'Ivoire", "科特迪瓦")}
    assert {iso: (BY_ISO[iso].name, BY_ISO[iso].name_zh) for iso in expected} == expected
