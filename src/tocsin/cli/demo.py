"""Verbs over the demo: a past for its pages."""

from __future__ import annotations

import click

from tocsin.bootstrap import demo as account
from tocsin.bootstrap.door import find_console_url
from tocsin.cli.base import Refusal, load_settings, open_session, show, verbs, wants_json
from tocsin.cli.change import open_known_seal


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
@click.option(
    "--seed", "chosen", type=click.IntRange(0), default=1, show_default=True, help="Another number makes another past."
)
def seed(messages: int, days: int, chosen: int) -> None:
    """Give the demo account a past, once: batches of all products with reports, replies and money, and one of everything else
    that the console shows, from scheduled sends to members of the team. Made up, the same for the same numbers; sends nothing.
    """
    from tocsin.bootstrap.past import SeededError, Wanted, write_past

    settings = load_settings()
    with open_session(settings) as conn:
        conn.autocommit = True  # it makes its own transactions
        try:
            wanted = Wanted(account.ACCOUNT, messages, days, chosen)
            found = write_past(conn, wanted, open_known_seal(conn, settings), find_console_url(settings) or "", _tell)
        except LookupError:
            raise Refusal(
                f"there is no account {account.ACCOUNT}: `tocsin up` makes it in a database of its own"
            ) from None
        except SeededError as error:
            raise Refusal(
                f"{account.ACCOUNT} has a past already, made at {error}: one is enough, nothing was added"
            ) from None
    show(found._asdict(), f"{found.messages} messages in {found.batches} batches, over {days} days.")


def _tell(messages: int) -> None:
    if not wants_json():
        click.echo(f"\r  {messages} messages ", nl=False, err=True)
