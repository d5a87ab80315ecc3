"""Writes small MMDB files (MaxMind DB file format 2.0), for tests of their reader: IPv4 prefixes, maps and texts."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

Value = str | int | Mapping[str, "Value"]

_METADATA = b"\xab\xcd\xefMaxMind.com"
_RECORD_BYTES = 4


def encode(value: Value) -> bytes:
    """A value of the data section: a text of under 29 bytes, a 32-bit number, a map."""
    if isinstance(value, str):
        body = value.encode()
        assert len(body) < 29
        return bytes([2 << 5 | len(body)]) + body
    if isinstance(value, int):
        return b"\xc4" + value.to_bytes(4, "big")
    return bytes([7 << 5 | len(value)]) + b"".join(encode(key) + encode(each) for key, each in value.items())


def _encode_metadata(node_count: int) -> bytes:
    def short(number: int) -> bytes:
        return b"\xa2" + number.to_bytes(2, "big")

    facts = {
        "binary_format_major_version": short(2),
        "binary_format_minor_version": short(0),
        "build_epoch": b"\x08\x02" + (1).to_bytes(8, "big"),
        "database_type": encode("Test"),
        "description": encode({}),
        "ip_version": short(4),
        "languages": b"\x00\x04",
        "node_count": encode(node_count),
        "record_size": short(8 * _RECORD_BYTES),
    }
    return bytes([7 << 5 | len(facts)]) + b"".join(encode(name) + fact for name, fact in facts.items())


def build(records: Mapping[str, Value]) -> bytes:
    """The bytes of a file with a record for each prefix."""
    nodes: list[list[int | None]] = [[None, None]]
    data, leaves = b"", dict[tuple[int, int], int]()
    for prefix, value in records.items():
        network = ipaddress.IPv4Network(prefix)
        *path, last = map(int, f"{int(network.network_address):032b}"[: network.prefixlen])
        node = 0
        for bit in path:
            following = nodes[node][bit]
            if following is None:
                following = nodes[node][bit] = len(nodes)
                nodes.append([None, None])
            node = following
        leaves[node, last] = len(data)
        data += encode(value)
    tree = b""
    for number, sides in enumerate(nodes):
        for side, following in enumerate(sides):
            leaf = leaves.get((number, side))
            empty = len(nodes) if following is None else following
            tree += (empty if leaf is None else len(nodes) + 16 + leaf).to_bytes(_RECORD_BYTES, "big")
    return tree + bytes(16) + data + _METADATA + _encode_metadata(len(nodes))
