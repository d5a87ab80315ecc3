"""Verbs over the ledger: the proof that no money was lost or made."""

from __future__ import annotations

from typing import Any

import click

from tocsin import accounts, billing
from tocsin.cli.base import FAILED, open_session, show, table, verbs
from tocsin.cli.change import open_change, tell_time


@verbs()
def ledger() -> None:
    """The ledger: every movement of money."""


@ledger.command()
def check() -> int:
    """Prove that the entries of every account add up to its wallet. Exit 1 where they do not."""
    with open_session() as conn:
        found = billing.check(conn)
        count = len(accounts.list_accounts(conn))
    rows = [_describe(mismatch) for mismatch in found]
    text = f"{count} accounts: every sum is right"
    if rows:
        text = (
            table(list(rows[0]), [list(row.values()) for row in rows]) + f"\n{len(rows)} of {count} accounts are off."
        )
    show({"ok": not rows, "accounts": count, "mismatches": rows}, text)
    return FAILED if rows else 0


def _describe(mismatch: billing.Mismatch) -> dict[str, Any]:
    return {
        "account": mismatch.name or f"(none of id {mismatch.account_id})",
        "balance": _tell(mismatch.wallet_balance),
        "entries": _tell(mismatch.ledger_balance),
        "gift": _tell(mismatch.wallet_gift),
        "gift_entries": _tell(mismatch.ledger_gift),
    }


def _tell(micros: int | None) -> str:
    return "no wallet" if micros is None else billing.text_of(micros)


@ledger.command("list")
@click.argument("account")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The last so many.")
def list_entries(account: str, limit: int) -> None:
    """List the last movements of an account, newest first."""
    with open_change() as conn:
        found = billing.read_entries(conn, accounts.find_account(conn, account).id, limit)
    rows = [
        {
            "at": tell_time(entry.at),
            "kind": entry.kind,
            "amount": billing.text_of(entry.balance_micros),
            "gift": billing.text_of(entry.gift_micros),
            "balance": billing.text_of(entry.balance_after),
            "batchNo": str(entry.batch_no) if entry.batch_no else "",
            "messages": entry.messages,
            "note": entry.note,
        }
        for entry in found
    ]
    show(rows, table(list(rows[0]), [list(row.values()) for row in rows]) if rows else "No money has moved yet.")
