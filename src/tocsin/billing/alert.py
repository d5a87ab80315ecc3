"""Who is told when an account has little left to spend. Once for a fall: again only after there was enough meanwhile.

What is compared is all that can be spent: balance, gift and credit line. A fall is claimed in a transaction of its own before its
mail goes, so that of several processes one sends it; where the mail cannot go, the claim is given back.
"""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.billing import store
from tocsin.billing.model import Alert, BillingError, Fall

MOST_ADDRESSES = 10


def read_alert(conn: Connection[TupleRow], account_id: int) -> Alert | None:
    """The account's alert; None: it has none."""
    return store.read_alert(conn, account_id)


def set_alert(conn: Connection[TupleRow], account_id: int, threshold_micros: int, addresses: list[str]) -> None:
    """Set it, in place of the one before. Who is below already is told. Raises BillingError."""
    if threshold_micros <= 0:
        raise BillingError("a threshold is more than 0")
    if len(addresses) > MOST_ADDRESSES:
        raise BillingError(f"an alert has {MOST_ADDRESSES} addresses at most")
    store.upsert_alert(conn, account_id, threshold_micros, addresses)


def drop_alert(conn: Connection[TupleRow], account_id: int) -> bool:
    """Take it away; False where there was none."""
    return store.delete_alert(conn, account_id)


def claim_falls(conn: Connection[TupleRow], limit: int = 20) -> list[Fall]:
    """Falls that nobody was told of: they are the caller's to tell, once he has committed. Those above again are armed."""
    store.arm_alerts(conn)
    return store.claim_falls(conn, limit)


def give_back_fall(conn: Connection[TupleRow], fall: Fall) -> None:
    """Its mail could not go: it is claimed again in 10 minutes."""
    store.give_back_fall(conn, fall.account_id, fall.told_at)
