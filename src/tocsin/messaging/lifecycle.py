"""Which state may follow which. The only place that decides it. Pure.

Contract, section 7: the first final state wins; a delivery receipt after the time-out makes it delivered after all.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from tocsin.traffic import Reason

# From the present state (SENDING also stands for "none yet") to what may follow. What is not here is ignored.
FOLLOWS: dict[Reason, frozenset[Reason]] = {
    Reason.SENDING: frozenset(Reason),
    Reason.NO_RECEIPT: frozenset({Reason.SUCCESS}),
}


def follows(present: Reason, news: Reason) -> bool:
    """May `news` replace `present`?"""
    return news in FOLLOWS.get(present, frozenset())


def decide(parts: int, handed: Set[tuple[int, int]], receipts: Mapping[tuple[int, int], Reason]) -> Reason | None:
    """The end of a message whose parts went out in one or more attempts; None while it is open.

    handed: (part, attempt) that a carrier took or may have taken; receipts: the final ones, by the same key. Part 0 is the
    whole message: where it was handed over so, nothing else counts.
    A part is delivered by any attempt, and lost only when every attempt of it failed: then the first such part and its
    last attempt name the reason.
    """
    failed: Reason | None = None
    waiting = False
    whole = any(number == 0 for number, _ in handed)
    for part in (0,) if whole else range(1, parts + 1):
        attempts = sorted(attempt for number, attempt in handed if number == part)
        ends = [receipts.get((part, attempt)) for attempt in attempts]
        if Reason.SUCCESS in ends:
            continue
        if not ends or None in ends:
            waiting = True
        else:
            failed = failed or ends[-1]
    if failed is not None:
        return failed
    return None if waiting else Reason.SUCCESS


def gives_back(reason: Reason, *, handed_over: bool, charge_failed: bool) -> bool:
    """Is the fee returned? Never handed over: always; failed at the carrier: as the plan says."""
    if reason in {Reason.SUCCESS, Reason.SENDING}:
        return False
    return not handed_over or not charge_failed
