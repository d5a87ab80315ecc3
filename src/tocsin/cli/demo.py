"""Verbs over the demo: a past for its pages."""

from __future__ import annotations

import click

from tocsin.bootstrap import demo as account
from tocsin.cli.base import Refusal, open_session, show, verbs, wants_json


@verbs()
def demo() -> None:
    """The demo account."""


@demo.command()
@click.option(
    "--messages", type=click.IntRange(1, 10_000_000), default=200_000, show_default=True, help="About so many."
)
@click.option(
    "--days", type=click.IntRange(1, 90), default=30, show_default=True, help="Over so many days back from now."
)
def seed(messages: int, days: int) -> None:
    """Give the demo account a past: made-up batches of all products, with reports, replies and money. Sends nothing."""
    from tocsin.bootstrap.history import write_history

    with open_session() as conn:
        conn.autocommit = True  # a transaction a day
        try:
            found = write_history(conn, account.ACCOUNT, messages, days, _tell)
        except LookupError:
            raise Refusal(
                f"there is no account {account.ACCOUNT}: `tocsin up` makes it in a database of its own"
            ) from None
    show(found._asdict(), f"{found.messages} messages in {found.batches} batches, over {days} days.")


def _tell(messages: int) -> None:
    if not wants_json():
        click.echo(f"\r  {messages} messages ", nl=False, err=True)
