"""Time-ordered identifiers: UUIDv7 (RFC 9562, section 5.7) as 16 bytes, and request ids.

Layout: 48 bits of milliseconds, version, 12 + 62 bits that start at random in each millisecond and count up, so that ids
of one process are ordered in the order in which they were made, also when the clock stands or steps back.
"""

from __future__ import annotations

import itertools
import os

from tocsin.kit import clock

_LOW_BITS = 74
_LOW_MAX = (1 << _LOW_BITS) - 1
_VERSION = 0x7 << 76
_VARIANT = 0x2 << 62
_RAND_B = (1 << 62) - 1
_START_BYTES = 10
_STARTS_AT_ONCE = 64


class Ids:
    """Maker of UUIDv7; one per process and thread."""

    def __init__(self) -> None:
        self._ms = 0
        self._low = 0
        self._chance = b""

    def take(self, count: int, now_ms: int | None = None) -> list[bytes]:
        """`count` new ids, ascending, above every id made before."""
        ms = clock.now_ms() if now_ms is None else now_ms
        if ms > self._ms:
            self._ms = ms
            self._low = self._start()
        low = self._low + 1
        self._low += count
        if self._low > _LOW_MAX:
            self._ms += 1
            self._low = self._start()
            low = self._low + 1
            self._low += count
        head = (self._ms << 80) | _VERSION | _VARIANT
        if count == 1:
            return [(head | (low >> 62 << 64) | (low & _RAND_B)).to_bytes(16, "big")]
        return [(head | (x >> 62 << 64) | (x & _RAND_B)).to_bytes(16, "big") for x in range(low, low + count)]

    def _start(self) -> int:
        """Where a millisecond begins to count. The top bit stays free: room to count up within it."""
        if not self._chance:
            # Not one call for each millisecond: it would be dearer than the ids.
            self._chance = os.urandom(_START_BYTES * _STARTS_AT_ONCE)
        start, self._chance = self._chance[:_START_BYTES], self._chance[_START_BYTES:]
        return int.from_bytes(start, "big") >> 7

    def one(self) -> bytes:
        """One new id."""
        return self.take(1)[0]


def uuid7_ms(value: bytes) -> int:
    """The millisecond in which the id was made."""
    return int.from_bytes(value[:6], "big")


_PROCESS = os.urandom(4).hex()
_COUNT = itertools.count(int.from_bytes(os.urandom(3), "big"))


def request_id() -> str:
    """A name for a request in logs and headers: 16 hex digits, of the process and of a count."""
    return f"{_PROCESS}{next(_COUNT) & 0xFFFFFFFF:08x}"
