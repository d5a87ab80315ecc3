"""Where an address is: the country by a table that is installed, the city where the operator has a database.

The table is iptocc's, the five registries' own lists of what they assigned to which country: public, for both versions of
IP, renewed with each release. It says where an address is registered, which is where it is used in some 95 of 100 cases.
An MMDB file (DB-IP, IP2Location, MaxMind ... by their licences, chosen by the operator) says more, and goes first.
"""

from __future__ import annotations

import ipaddress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from tocsin.content.countries import load_countries

if TYPE_CHECKING:
    from maxminddb import Reader
    from maxminddb.types import Record

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_NOWHERE: Final = ("", "")
_MOST_CHARS: Final = 64


class Place(NamedTuple):
    """country_name: in English, as in `countries.csv`; city: in English. What is not known is ""."""

    country_name: str
    city: str


class Places:
    """Finds places; holds the operator's database open. One for a process."""

    def __init__(self, mmdb_path: Path | None = None) -> None:
        """Raises ValueError, with a sentence for the operator, where the file cannot be read."""
        self._reader = None if mmdb_path is None else _open(mmdb_path)

    def find(self, ip: str) -> Place:
        """The place of an address of either version; anything else, private addresses too, is nowhere."""
        address = _read_address(ip)
        if address is None:
            return Place(*_NOWHERE)
        country, city = _look_up(self._reader, address) if self._reader else _NOWHERE
        return Place(country or _find_registered(address), city)

    def close(self) -> None:
        """Lets the file go."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _open(path: Path) -> Reader:
    import maxminddb

    try:
        return maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError) as fault:
        raise ValueError(f"{path} is no MMDB file that can be read: {fault}") from None


def _read_address(ip: str) -> Address | None:
    try:
        address = ipaddress.ip_address(ip[:_MOST_CHARS].strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return address if address.is_global else None


def _find_registered(address: Address) -> str:
    import iptocc

    return _country_names().get(iptocc.country_code(str(address)) or "", "")


def _look_up(reader: Reader, address: Address) -> tuple[str, str]:
    import maxminddb

    try:
        record = reader.get(address)
    except (maxminddb.InvalidDatabaseError, ValueError):  # a damaged file; an IPv6 address in a file of IPv4
        return _NOWHERE
    if not isinstance(record, dict):
        return _NOWHERE
    country, city = record.get("country"), record.get("city")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code", country)
    known = _country_names().get(code) if isinstance(code, str) else None
    return known or _read_name(country), city if isinstance(city, str) else _read_name(city)


def _read_name(value: Record | None) -> str:
    """The English name in a record of MaxMind's shape, {names: {en}}; other makers write plain texts."""
    names = value.get("names") if isinstance(value, dict) else None
    name = names.get("en") if isinstance(names, dict) else None
    return name if isinstance(name, str) else ""


@cache
def _country_names() -> dict[str, str]:
    return {row.iso: row.name for row in load_countries()}
