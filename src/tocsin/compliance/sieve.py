"""A set of texts that forgets what it holds: it tells for certain what is not in it, and what may be.

One hash, one bit: a million numbers take 8 MB where a set of them takes 100. Of what is not in it one in 32 to 64 is a
suspect all the same, so that whoever uses it asks the database about suspects and about nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_BITS_PER_TEXT = 32
_LEAST_ROOM = 16


class Sieve:
    """Bits by hash. `room`: how many texts it takes before too many others are suspects; make a larger one then."""

    __slots__ = ("_bits", "_mask", "count", "room")

    def __init__(self, count: int = 0) -> None:
        """For `count` texts now and as many again."""
        self.room = max(_LEAST_ROOM, 2 * count)
        bits = 1 << (_BITS_PER_TEXT * self.room - 1).bit_length()
        self.room = bits // _BITS_PER_TEXT
        self._mask = bits - 1
        self._bits = bytearray(bits >> 3)
        self.count = 0

    @property
    def is_full(self) -> bool:
        """Whether it was made for fewer."""
        return self.count > self.room

    def add(self, texts: Iterable[str]) -> None:
        """Hold these too."""
        bits, mask = self._bits, self._mask
        for text in texts:
            place = hash(text) & mask
            bits[place >> 3] |= 1 << (place & 7)
            self.count += 1

    def may_hold(self, text: str) -> bool:
        """False: certainly not."""
        place = hash(text) & self._mask
        return bool(self._bits[place >> 3] >> (place & 7) & 1)

    def find(self, texts: Sequence[str]) -> list[int]:
        """Places of those that may be held."""
        bits, mask = self._bits, self._mask
        return [at for at, text in enumerate(texts) if bits[(place := hash(text) & mask) >> 3] >> (place & 7) & 1]
