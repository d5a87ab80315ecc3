"""Where an address is: the registries' table, and a database of the operator in front of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pure import mmdb
from tocsin.content import Place, Places, load_countries

TABLE = Places(None)


@pytest.mark.parametrize(
    ("ip", "country_name"),
    [
        ("8.8.8.8", "United States"),
        ("::ffff:8.8.8.8", "United States"),
        ("2001:4860:4860::8888", "United States"),
        ("114.114.114.114", "China"),
        ("219.76.4.4", "Hong Kong"),
        ("193.0.6.139", "Netherlands"),
        ("2001:67c:2e8:22::c100:68b", "Netherlands"),
        ("127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("100.64.0.1", ""),
        ("::1", ""),
        ("fe80::1%eth0", ""),
        ("fc00::1", ""),
        ("224.0.0.1", ""),
        ("0.0.0.0", ""),
        ("255.255.255.255", ""),
        ("", ""),
        ("junk", ""),
        ("8.8.8", ""),
        ("8.8.8.8, 9.9.9.9", ""),
        ("1" * 10_000, ""),
    ],
)
def test_countries_of_addresses(ip: str, country_name: str) -> None:
    assert TABLE.find(ip) == Place(country_name, "")


@given(st.ip_addresses().map(str) | st.text())
def test_every_country_is_one_of_the_table(ip: str) -> None:
    assert TABLE.find(ip).country_name in {"", *(row.name for row in load_countries())}


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_where_the_address_is(ip: object) -> None:
    assert TABLE.find(f"::ffff:{ip}") == TABLE.find(f"{ip}")


RECORDS: dict[str, mmdb.Value] = {
    "8.8.8.0/24": {
        "country": {"iso_code": "US", "names": {"en": "USA"}},
        "city": {"names": {"de": "x", "en": "Los Angeles"}},
    },
    "9.9.9.0/24": {"country": {"iso_code": "XX", "names": {"en": "Elsewhere"}}},
    "114.114.0.0/16": {"city": {"names": {"en": "Nanjing"}}},
    "1.2.3.0/24": {"country_code": "FR", "city": "Y"},
    "1.2.4.0/24": {"country": "DE", "city": 7},
    "1.2.5.0/24": "text",
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    path = tmp_path / "city.mmdb"
    path.write_bytes(mmdb.build(RECORDS))
    return Places(path)


def test_the_database_of_the_operator_goes_first(places: Places) -> None:
    assert places.find("8.8.8.8") == Place("United States", "Los Angeles")
    assert places.find("::ffff:8.8.8.8") == Place("United States", "Los Angeles")
    assert places.find("9.9.9.9") == Place("Elsewhere", "")
    assert places.find("114.114.114.114") == Place("China", "Nanjing")
    assert places.find("1.2.3.4") == Place("France", "Y")
    assert places.find("1.2.4.4") == Place("Germany", "")
    assert places.find("1.2.5.4") == TABLE.find("1.2.5.4")
    assert places.find("193.0.6.139") == Place("Netherlands", "")
    assert places.find("2001:4860:4860::8888") == Place("United States", "")
    assert places.find("10.1.2.3") == Place("", "")


def test_a_closed_database_leaves_the_table(places: Places) -> None:
    places.close()
    places.close()
    assert places.find("8.8.8.8") == Place("United States", "")


def test_a_damaged_database_leaves_the_table(tmp_path: Path) -> None:
    path = tmp_path / "city.mmdb"
    data = mmdb.build(RECORDS)
    start = data.index(mmdb.encode("country"))
    path.write_bytes(data[: start - 1] + b"\xff" * 8 + data[start + 7 :])
    assert Places(path).find("8.8.8.8") == Place("United States", "")


@pytest.mark.parametrize("content", [None, b"", b"no database", b"\xab\xcd\xefMaxMind.com"])
def test_a_file_that_is_no_database_is_told_at_once(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "city.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="no MMDB file that can be read"):
        Places(path)
