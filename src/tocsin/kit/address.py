"""Addresses and URLs that customers name: what they may be, and which of them lead inside. Pure.

An address counts as what packets to it end up at: an IPv4 address dressed as IPv6 is judged as the IPv4 address it is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple
from urllib.parse import quote, urlsplit

MAX_URL = 2048

_NAT64 = IPv6Network("64:ff9b::/96")
# What the standard library of some Python versions takes for public, and a cloud's metadata at a public address.
_ALSO_INSIDE_4 = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
_ALSO_INSIDE_6 = tuple(
    map(IPv6Network, ("64:ff9b:1::/48", "100::/64", "2001::/23", "3fff::/20", "5f00::/16", "fec0::/10"))
)


class Guard:
    """Says which addresses are off limits. `allowed` are networks that the operator opened."""

    def __init__(self, allowed: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def refuses(self, address: str) -> bool:
        """True for a numeric address that may not be connected to."""
        ip = ipaddress.ip_address(address.partition("%")[0])
        faces = _faces(ip)
        if any(face in network for face in faces for network in self._allowed):
            return False
        return any(_is_inside(face) for face in faces)


def _faces(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    if isinstance(ip, IPv4Address):
        return [ip]
    if ip.ipv4_mapped is not None:
        return [ip.ipv4_mapped]
    if ip in _NAT64:
        return [IPv4Address(int(ip) & 0xFFFFFFFF)]
    inner = [ip.sixtofour] if ip.sixtofour else list(ip.teredo or ())
    return [ip, *inner]


def _is_inside(ip: IPv4Address | IPv6Address) -> bool:
    also = _ALSO_INSIDE_4 if isinstance(ip, IPv4Address) else _ALSO_INSIDE_6
    return not ip.is_global or ip.is_multicast or ip.is_reserved or any(ip in network for network in also)


class Target(NamedTuple):
    """A URL, taken apart once."""

    host: str  # ASCII
    port: int
    tls: bool
    head: bytes  # path, version and Host: what follows the method


@lru_cache(maxsize=4096)
def read_url(url: str) -> Target:
    """An http or https URL. Raises ValueError with a sentence that says what is wrong."""
    return read_once(url, MAX_URL)


def read_once(url: str, most: int) -> Target:
    """The same for a URL that does not come again, of up to `most` characters."""
    if len(url) > most:
        raise ValueError(f"the URL is longer than {most} characters")
    if not url.isprintable() or " " in url:
        raise ValueError("the URL has blanks or control characters")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError("the URL must begin with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL must not hold a user or password")
    if not parts.hostname:
        raise ValueError("the URL names no host")
    tls = parts.scheme == "https"
    host = _ascii_host(parts.hostname)
    try:
        port = parts.port or (443 if tls else 80)
    except ValueError:
        raise ValueError("the URL's port is no port") from None
    name = f"[{host}]" if ":" in host else host
    if port != (443 if tls else 80):
        name += f":{port}"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]") if parts.query else ""
    return Target(host, port, tls, f"{path}{query} HTTP/1.1\r\nHost: {name}\r\n".encode())


def limit_key(address: str) -> str:
    """What limits by address count by: an IPv4 address, however it is dressed, and of an IPv6 address its /64.

    Who has an IPv6 address has the whole network that it is in. What is no address counts as it is.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Network((ip, 64), strict=False))


def _ascii_host(host: str) -> str:
    try:
        text = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise ValueError("the URL's host is no name") from None
    if "%" in text:
        raise ValueError("the URL's address must not name an interface")
    if ":" in text:
        ipaddress.IPv6Address(text)
    elif not all(c.isalnum() or c in "-._" for c in text):
        raise ValueError("the URL's host is no name")
    return text
