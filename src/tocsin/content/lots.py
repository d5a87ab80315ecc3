"""Lots: who of several serves an address, the same one always, without a table of who served it last.

Rendezvous hashing: each name draws a lot for the address, and the least one wins. Where a name comes or goes, only the
addresses that it wins or had won move. Every process draws the same lots (so it is not `hash`, which is salted).
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

_MASK = (1 << 64) - 1
_SPAN = float(1 << 64)


def seed_of(text: str) -> int:
    """32 bits of an address or name, in whatever case it was written."""
    return crc32(text.lower().encode())


def draw_lot(seed: int, name_seed: int) -> float:
    """A number above 0 and up to 1, evenly spread: the finish of SplitMix64 over both seeds of 32 bits."""
    mixed = seed << 32 | name_seed
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
    return ((mixed ^ mixed >> 31) + 1) / _SPAN


def choose_by_lot(address: str, names: Iterable[str]) -> str:
    """The name that serves the address; there must be one."""
    seed = seed_of(address)
    return min(names, key=lambda name: (draw_lot(seed, seed_of(name)), name))
