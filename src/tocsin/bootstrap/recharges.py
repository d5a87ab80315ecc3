"""The ledger of an account into which a past was written: recharges that the account can pay it with, and the order of time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import billing
from tocsin.bootstrap.sends import QUERIES, Owner

LEAST_MICROS: Final = 100 * billing.MICROS
"""The balance never falls below that."""

_HUNDRED: Final = 100 * billing.MICROS
_EARLY_S: Final = 600.0
_WEEK_S: Final = 7 * 86_400.0


def order_ledger(conn: Connection[TupleRow], owner: Owner) -> None:
    """Put the entries into the order of time, and pay in before the balance would fall short. In the caller's transaction."""
    conn.execute(QUERIES["lock_wallet"], (owner.id,))
    moves = [(float(at), int(micros)) for at, micros in conn.execute(QUERIES["movements"], (owner.id,))]
    found = list(find_recharges(moves))
    facts = {"account": owner.id, "at": [at for at, _ in found], "micros": [micros for _, micros in found]}
    conn.execute(QUERIES["recharges"], facts)
    conn.execute(QUERIES["order_ledger"], {"account": owner.id})


def find_recharges(moves: list[tuple[float, int]]) -> Iterator[tuple[float, int]]:
    """When (epoch seconds) how much is paid in, about once a week, so that no movement (when, micro-units) overdraws."""
    balance, before = 0, moves[0][0] - _WEEK_S if moves else 0.0
    for turn, (at, micros) in enumerate(moves):
        if balance + micros < LEAST_MICROS and micros < 0:
            week = _add_up_week(moves[turn:])
            paid = _HUNDRED * math.ceil((week - balance + LEAST_MICROS) / _HUNDRED)
            yield max(at - _EARLY_S, (at + before) / 2), paid
            balance += paid
        balance, before = balance + micros, at


def _add_up_week(moves: Iterable[tuple[float, int]]) -> int:
    """What the week that begins here takes: at least its first movement."""
    total, end = 0, None
    for at, micros in moves:
        end = at + _WEEK_S if end is None else end
        if at > end:
            break
        total -= min(micros, 0)
    return total
