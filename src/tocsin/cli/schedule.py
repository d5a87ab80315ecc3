"""Verbs over scheduled sends that wait for their time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from tocsin import accounts, billing, messaging
from tocsin.cli.base import Refusal, show, table, verbs
from tocsin.cli.change import find_owner, note, open_change, tell_time
from tocsin.kit import clock
from tocsin.traffic import PRODUCT_NAMES

_PRODUCTS = {int(product): name for name, product in PRODUCT_NAMES.items()}
_HEAD = ["batchNo", "account", "due (UTC)", "zone", "product", "messages", "amount"]


@verbs()
def schedule() -> None:
    """Scheduled sends: what waits for its time."""


@schedule.command("list")
@click.argument("account", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="The next so many.")
def list_waiting(account: str | None, limit: int) -> None:
    """List scheduled sends of an account, or of all: the next first."""
    with open_change() as conn:
        names = {facts.id: facts.name for facts in accounts.list_accounts(conn)}
        owner = find_owner(conn, account) if account else None
        rows = [_describe(each, names) for each in messaging.list_schedules(conn, owner, limit)]
    cells = [[*row.values()] for row in rows]
    show(rows, table(_HEAD, cells) if rows else "Nothing waits for its time.")


def _describe(found: tuple[messaging.Scheduled, int], names: dict[int, str]) -> dict[str, Any]:
    waiting, account_id = found
    return {
        "batchNo": str(waiting.batch_no),
        "account": names.get(account_id, str(account_id)),
        "due": tell_time(datetime.fromtimestamp(waiting.due_at, clock.UTC)),
        "zone": waiting.zone,
        "product": _PRODUCTS[waiting.product],
        "messages": waiting.messages,
        "amount": billing.text_of(waiting.amount_micros),
    }


@schedule.command("cancel")
@click.argument("batch_no", metavar="BATCHNO", type=click.IntRange(0, 10**18))
def cancel(batch_no: int) -> None:
    """Cancel what is left of a scheduled send; a worker ends and refunds it within a second."""
    with open_change() as conn:
        done = messaging.mark_cancelled(conn, batch_no)
        if not done.messages:
            raise Refusal(f"nothing of batch {batch_no} waits for its time")
        facts = {"batchNo": str(batch_no), "cancelled": done.messages, "amount": billing.text_of(done.amount_micros)}
        note(conn, "schedule cancel", f"batch {batch_no}", None, facts)
    show(facts, f"batch {batch_no}: {done.messages} messages cancelled, {facts['amount']} will be refunded")
