"""Pure: the order in which channels are tried for a number. It is made here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log
from typing import NamedTuple

from tocsin.content import draw_lot, seed_of


class Candidate(NamedTuple):
    """A channel that may carry a number, of the rule that won for it."""

    channel_id: int
    rank: tuple[bool, int, float]  # the least first; see rank_of
    weight: int


def rank_of(preference: int, *, paused: bool, cost_micros: int | None = None) -> tuple[bool, int, float]:
    """What decides before the lot. New messages go round a paused channel; where all are paused, they wait for the first.

    `cost_micros`: where the plan orders by cost (elsewhere 0); None: not known, after what is.
    """
    return paused, preference, inf if cost_micros is None else cost_micros


def are_equal(candidates: Sequence[Candidate]) -> bool:
    """Whether two of them are told apart by the lot alone, so that each number has an order of its own."""
    return len({candidate.rank for candidate in candidates}) < len(candidates)


def order_channels(candidates: Sequence[Candidate], address: str) -> tuple[int, ...]:
    """The channels in the order in which they are tried for an address: by rank, and those of one rank by lot.

    Each draws a lot for the address (content.lots), the heavier the better, so that they share the addresses by weight and an
    address keeps its order for as long as it keeps its channels: one that goes leaves its own to the others, and moves no
    other. Whoever knows more of the channels (how they do just now) puts it into the rank.
    """
    seed = seed_of(address)
    drawn = [(each.rank, -log(draw_lot(seed, each.channel_id)) / each.weight, each.channel_id) for each in candidates]
    drawn.sort()
    return tuple([channel_id for _, _, channel_id in drawn])
