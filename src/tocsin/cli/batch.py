"""Verbs over batches: where one stands, and pause, resume, cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tocsin import billing, messaging
from tocsin.cli.base import Refusal, show, verbs
from tocsin.cli.change import Conn, note, open_change
from tocsin.traffic import PRODUCT_NAMES

_PRODUCTS = {int(product): name for name, product in PRODUCT_NAMES.items()}
_number = click.argument("batch_no", metavar="BATCHNO", type=click.IntRange(1, messaging.NEWEST_BATCH - 1))
Stop = Callable[[Conn, int | None, int], int | None]


@verbs()
def batch() -> None:
    """Batches: where one stands; pause, resume, cancel."""


@batch.command("show")
@_number
def show_batch(batch_no: int) -> None:
    """Show where a batch stands."""
    with open_change() as conn:
        owner = messaging.owner_of(conn, batch_no)
        row = messaging.find_batch(conn, owner, batch_no) if owner else None
    if row is None:
        raise Refusal(f"there is no batch {batch_no}")
    progress = row.progress
    facts: dict[str, Any] = {
        "batchNo": str(batch_no), "product": _PRODUCTS[row.batch.product], "state": str(row.state), "accepted": row.batch.good,
        "refused": row.batch.bad, "submitted": progress.submitted, "waiting": progress.waiting, "delivered": progress.delivered,
        "failed": progress.failed, "underWay": progress.under_way, "cost": billing.text_of(progress.fee_micros),
    }  # fmt: skip
    show(facts, "\n".join(f"{name:<10} {value}" for name, value in facts.items()))


@batch.command("pause")
@_number
def pause(batch_no: int) -> None:
    """Keep what has not left of a batch from leaving, until it is resumed."""
    _change(batch_no, "pause", messaging.pause_batch, "is stopped already, or does not exist", "held")


@batch.command("resume")
@_number
def resume(batch_no: int) -> None:
    """Let a paused batch go on."""
    _change(batch_no, "resume", messaging.resume_batch, "is not paused", "released")


@batch.command("cancel")
@_number
def cancel(batch_no: int) -> None:
    """End what has not left of a batch, for good; a worker ends and refunds it within a second."""
    _change(batch_no, "cancel", messaging.cancel_batch, "is cancelled already, or does not exist", "cancelled")


def _change(batch_no: int, verb: str, use: Stop, why_not: str, done: str) -> None:
    with open_change() as conn:
        count = use(conn, None, batch_no)
        if count is None:
            raise Refusal(f"batch {batch_no} {why_not}")
        facts = {"batchNo": str(batch_no), done: count}
        note(conn, f"batch {verb}", f"batch {batch_no}", None, facts)
    show(facts, f"batch {batch_no}: {count} messages {done}")
