"""Who is calling, seen through the proxies that the operator trusts. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ADDRESS_MOST = 64
_SITE_BITS = 64  # of an IPv6 address: what one client may have whole
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # a translator before us dresses IPv4 clients so (RFC 6052)


def client_address(socket_address: str, forwarded: str | None, trusted: Sequence[Network]) -> str:
    """The socket's address; behind a trusted proxy the last address in X-Forwarded-For that is no trusted proxy."""
    if forwarded is None or not is_within(read_visitor(socket_address), trusted):
        return socket_address
    for hop in reversed(forwarded.split(",")):
        text = hop.strip()[:_ADDRESS_MOST]
        ip = read_visitor(text)
        if not is_within(ip, trusted):
            return text if ip is None else str(ip)
    return socket_address


def read_visitor(text: str) -> Address | None:
    """An address, with brackets or a port too (some proxies write it); one that is IPv4 in IPv6's dress is IPv4."""
    if text[:1] == "[":
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def undress(text: str) -> str:
    """The address in its ordinary form: one that is IPv4 in IPv6's dress is IPv4. What is no address stays as it is."""
    ip = read_visitor(text)
    return text if ip is None else str(ip)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What limits count an address by: an IPv4 address as it is, an IPv6 address by its /64, which one client may have whole."""
    ip = read_visitor(address)
    if ip is None:
        return address[:_ADDRESS_MOST]
    if ip.version == 4:
        return str(ip)
    if ip in _NAT64:
        return str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return str(ipaddress.IPv6Network((int(ip), _SITE_BITS), strict=False))


def is_within(ip: Address | None, networks: Sequence[Network]) -> bool:
    """Whether the address is in one of the networks; None is in none."""
    return ip is not None and any(ip in network for network in networks)
