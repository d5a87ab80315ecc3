"""Verbs over API keys, and over the keys that seal them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import click

from tocsin import accounts, carriers, routing
from tocsin.cli import store
from tocsin.cli.base import load_settings, show, verbs
from tocsin.cli.change import Conn, note, open_change, open_known_seal, tell_time
from tocsin.kit import clock
from tocsin.kit.seal import open_seal


@verbs()
def key() -> None:
    """API keys of accounts."""


@key.command()
@click.argument("account")
@click.option(
    "--keep", type=click.FloatRange(0), default=24.0, show_default=True, help="Hours the old key still holds."
)
@click.option("--revoke", is_flag=True, help="The old keys end now: for a key that leaked.")
def rotate(account: str, keep: float, revoke: bool) -> None:
    """Make a new API key; the old one holds a while longer, so that clients can change over.

    \b
    Examples: tocsin key rotate acme --keep 48
              tocsin key rotate acme --revoke
    """
    settings = load_settings()
    api_key = accounts.make_key()
    with open_change(settings) as conn:
        found = accounts.find_account(conn, account)
        until = clock.now() + timedelta(hours=0 if revoke else keep)
        key_id, ended = accounts.rotate_key(conn, found.id, open_known_seal(conn, settings).seal(api_key), until)
        old_until = tell_time(until)
        note(conn, "key rotate", f"account {account}", {"keys": ended}, {"key": key_id, "old_until": old_until})
    text = f"api_key  {api_key}\n" + (
        "The old key has ended." if revoke else f"The old key holds until {old_until} UTC."
    )
    show({"account": account, "api_key": api_key, "key_id": key_id, "old_until": old_until, "old_keys": ended}, text)


@verbs()
def seal() -> None:
    """The keys that seal secrets in the database."""


@seal.command("rotate")
def rotate_seal() -> None:
    """Seal every API key, endpoint secret, channel's secret and second factor anew with the first sealing key.

    To change the sealing key: put a new one in front of TOCSIN_SEALING_KEYS (or as first line of sealing.key in
    TOCSIN_HOME) on every machine, restart the processes, run this verb, then drop the old one everywhere.

    \b
    A new key: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"
    """
    settings = load_settings()
    reseal = open_seal(settings).reseal
    with open_change(settings) as conn:
        keys = accounts.reseal_keys(conn, reseal)
        endpoints = store.reseal_secrets(conn, reseal)
        channels = _reseal_channels(conn, reseal)
        factors = store.reseal_second_factors(conn, reseal)
        accounts.reseal_canary(conn, reseal)
        facts = {"api_keys": keys, "endpoints": endpoints, "channels": channels, "second_factors": factors}
        note(conn, "seal rotate", "seal", None, facts)
    words = f"{keys} API keys, {endpoints} endpoint secrets, {channels} secrets of channels, {factors} second factors"
    show(facts, f"sealed anew: {words}")


def _reseal_channels(conn: Conn, reseal: Callable[[str], str]) -> int:
    """Seal the secrets among channels' settings anew; how many."""
    total = 0
    for name in [each.name for each in routing.list_channels(conn)]:
        config, count = carriers.reseal_config(routing.find_channel(conn, name).config, reseal)
        if count:
            routing.set_channel(conn, name, config=config)
        total += count
    return total
