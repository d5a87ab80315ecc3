"""Verbs over the blacklist."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from tocsin import compliance
from tocsin.cli.base import FAILED, Refusal, show, table, verbs
from tocsin.cli.change import find_owner, note, open_change, tell_time

_SHOWN = 20
_ACCOUNT = click.option("--account", help="For this account's sends alone. Default: for all.")


@verbs()
def blacklist() -> None:
    """Numbers and addresses that nothing is sent to (5)."""


@blacklist.command("add")
@click.argument("number")
@_ACCOUNT
def add(number: str, account: str | None) -> None:
    """Bar a number (with its country code) or an email address.

    \b
    Examples: tocsin blacklist add 6281234567890
              tocsin blacklist add jo@example.com --account acme
    """
    with open_change() as conn:
        value = compliance.add_listed(conn, find_owner(conn, account), number)
        facts = {"number": value, "account": account}
        note(conn, "blacklist add", f"blacklist {value}", None, facts)
    show(facts, f"{value} is barred for {account or 'all accounts'}")


@blacklist.command("remove")
@click.argument("number")
@click.option("--account", help="That was barred for this account alone.")
def remove(number: str, account: str | None) -> None:
    """Take a number or address off the blacklist."""
    with open_change() as conn:
        value = compliance.remove_listed(conn, find_owner(conn, account), number)
        facts = {"number": value, "account": account}
        note(conn, "blacklist remove", f"blacklist {value}", facts, None)
    show(facts, f"{value} is barred for {account or 'all accounts'} no more")


@blacklist.command("list")
@click.argument("number", required=False)
@click.option("--account", help="What is barred for this account alone.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
def list_numbers(number: str | None, account: str | None, limit: int) -> None:
    """List what is barred, newest first; or look whether NUMBER is."""
    with open_change() as conn:
        owner = find_owner(conn, account) if account else None
        found = compliance.list_listed(conn, owner, number, limit)
    rows = [
        {"number": row.value, "account": row.account, "since": tell_time(row.created_at), "by": row.origin}
        for row in found
    ]  # fmt: skip
    head = ["number", "account", "since", "by"]
    show(rows, table(head, [[row["number"], row["account"] or "all", row["since"], row["by"]] for row in rows]))


@blacklist.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_ACCOUNT
def import_file(file: Path, account: str | None) -> int:
    """Bar all numbers and addresses of a file: one a line, of a CSV file the first field.

    All of it, or nothing where a line is wrong. What is barred already stays as it is.

    \b
    Example: tocsin blacklist import numbers.txt
    """
    data = file.read_bytes()
    try:
        values, bad = compliance.read_list(data.decode("utf-8-sig").splitlines())
    except UnicodeDecodeError:
        raise Refusal(f"{file} is not UTF-8 text") from None
    if bad:
        errors = [{"line": row.line, "why": f"{row.text!r} is no number or address"} for row in bad]
        said = "\n".join(f"line {row['line']}: {row['why']}" for row in errors[:_SHOWN])
        show({"imported": 0, "errors": errors}, f"{said}\nNothing was imported: {len(bad)} of the lines are wrong.")
        return FAILED
    with open_change() as conn:
        added = compliance.import_listed(conn, find_owner(conn, account), values)
        facts = {"file": file.name, "sha256": hashlib.sha256(data).hexdigest(), "rows": added, "account": account}
        note(conn, "blacklist import", "blacklist", None, facts)
    show(
        {"imported": added, "known": len(values) - added, "errors": []},
        f"{added} barred for {account or 'all accounts'}, {len(values) - added} were already",
    )
    return 0
