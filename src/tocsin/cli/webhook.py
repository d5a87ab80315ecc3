"""Verbs over endpoints: where an account's reports and replies are pushed."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Any

import click

from tocsin import accounts, webhooks
from tocsin.cli import store
from tocsin.cli.base import USAGE, Choice, Refusal, load_settings, show, table, verbs
from tocsin.cli.change import Conn, note, open_change, open_known_seal, tell_time
from tocsin.kit import clock
from tocsin.kit.seal import Seal

KIND = Choice(webhooks.KINDS)
_LOOK_S = 0.1
_AGO = re.compile(r"([0-9]{1,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Instant(click.ParamType[datetime]):
    """A time: ISO 8601 (UTC if it names no zone), epoch seconds, or how long ago: 90m, 2h, 3d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return read_instant(str(value), clock.now())
        except (ValueError, OverflowError, OSError):
            self.fail(
                f"{value!r} is no time: write 2026-11-23T08:00:00, epoch seconds, or 2h for two hours ago", param, ctx
            )


def read_instant(text: str, now: datetime) -> datetime:
    """The instant that a text names. Raises ValueError, OverflowError, OSError."""
    ago = _AGO.fullmatch(text)
    if ago:
        return now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    if text.isascii() and text.isdigit():
        return datetime.fromtimestamp(int(text), clock.UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=clock.UTC)


@verbs()
def webhook() -> None:
    """Endpoints: where reports and replies are pushed."""


@webhook.command("set")
@click.argument("account")
@click.argument("kind", type=KIND)
@click.argument("url")
def set_one(account: str, kind: str, url: str) -> None:
    """Push a KIND of an account's news to URL, and print the secret that signs it.

    What waits follows to the new URL; a paused endpoint goes on. The secret stays when the URL changes.

    \b
    Example: tocsin webhook set acme sms https://example.com/hooks/sms
    """
    settings = load_settings()
    with open_change(settings) as conn:
        found = accounts.find_account(conn, account)
        secret = point_endpoint(conn, found, kind, url, open_known_seal(conn, settings))
    facts = {"account": account, "kind": kind, "url": url, "secret": secret}
    show(facts, f"{account}: {kind} goes to {url}\nsecret  {secret}")


def point_endpoint(conn: Conn, account: accounts.AccountFacts, kind: str, url: str, seal: Seal) -> str:
    """Set a URL and audit it; the secret that signs. Raises Refusal for a bad URL."""
    before = find_url(conn, account.id, kind)
    try:
        webhooks.set_endpoint(conn, account.id, kind, url, seal.seal)
    except ValueError as error:
        raise Refusal(str(error), USAGE) from error
    subject = f"account {account.name}"
    note(conn, "webhook set", subject, {"kind": kind, "url": before} if before else None, {"kind": kind, "url": url})
    return seal.open(store.read_secrets(conn, account.id)[kind])


@webhook.command()
@click.argument("account")
@click.argument("kind", type=KIND)
def remove(account: str, kind: str) -> None:
    """Push a KIND of an account's news nowhere from now on; what waits is dropped.

    Reports and replies themselves are kept: queries show them, and once an endpoint is set again `webhook replay`
    pushes them. A new endpoint gets a new secret.

    \b
    Example: tocsin webhook remove acme sms
    """
    with open_change() as conn:
        conn.autocommit = True
        found = accounts.find_account(conn, account)
        url = _find(conn, account, kind).url
        dropped = drop_endpoint(conn, found, kind)
    show(
        {"account": account, "kind": kind, "url": url, "dropped": dropped},
        f"{account}: {kind} goes nowhere; {dropped} that waited dropped, their reports are kept",
    )


def drop_endpoint(conn: Conn, account: accounts.AccountFacts, kind: str) -> int:
    """Remove an endpoint and audit it, on a connection in autocommit; how many reports and replies waited for it."""
    gone = _find(conn, account.name, kind)
    with conn.transaction():
        webhooks.remove_endpoint(conn, gone.id)
        note(conn, "webhook remove", f"account {account.name}", {"kind": kind, "url": gone.url}, None)
    return webhooks.drop_rest(conn, gone.id)


def find_url(conn: Conn, account_id: int, kind: str) -> str | None:
    """Where `kind` goes now."""
    return next((each.url for each in webhooks.list_endpoints(conn, account_id) if each.kind == kind), None)


@webhook.command("list")
@click.argument("account", required=False)
def list_them(account: str | None) -> None:
    """List endpoints and what waits for them."""
    with open_change() as conn:
        found = webhooks.list_endpoints(conn, accounts.find_account(conn, account).id if account else None)
    rows = [[each.account, each.kind, each.url, _tell_state(each), each.waiting, each.aside] for each in found]
    text = table(["account", "kind", "url", "state", "waiting", "aside"], rows)
    show(
        [each._asdict() for each in found], text if rows else "No endpoint is set: tocsin webhook set ACCOUNT KIND URL"
    )


def _tell_state(view: webhooks.EndpointView) -> str:
    if view.paused_at:
        return f"paused: {view.paused_reason}"
    return f"failing since {tell_time(view.failing_since)}" if view.failing_since else "ok"


@webhook.command()
@click.argument("account")
@click.argument("kind", type=KIND)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="The last so many.")
def attempts(account: str, kind: str, limit: int) -> None:
    """Show the last tries to push to an endpoint, newest first."""
    with open_change() as conn:
        found = webhooks.list_attempts(conn, _find(conn, account, kind).id, limit)
    rows = [
        [
            tell_time(each.at),
            each.webhook_id,
            each.n,
            each.http_status or "",
            f"{each.took_ms} ms",
            each.error or each.answer,
        ]
        for each in found
    ]
    text = table(["at", "webhook-id", "rows", "HTTP", "took", "said"], rows) if rows else "Nothing was pushed yet."
    show([each._asdict() for each in found], text)


def _find(conn: Conn, account: str, kind: str) -> webhooks.EndpointView:
    for each in webhooks.list_endpoints(conn, accounts.find_account(conn, account).id):
        if each.kind == kind:
            return each
    raise Refusal(f"{account} has no endpoint for {kind}: tocsin webhook set {account} {kind} URL")


@webhook.command()
@click.argument("account")
@click.argument("kind", type=KIND)
@click.option("--wait", "wait_s", type=click.FloatRange(0, 60), default=20.0, show_default=True, help="Seconds.")
def test(account: str, kind: str, wait_s: float) -> None:
    """Post one made-up row of KIND to the account's endpoint now, and show what it answers.

    It is signed as every push is, carries `webhook-test: true`, is tried once, and counts nowhere.

    \b
    Example: tocsin webhook test acme sms
    """
    with open_change() as conn:
        account_id = accounts.find_account(conn, account).id
        try:
            test_id = webhooks.ask_test(conn, account_id, kind)
        except ValueError as error:
            raise Refusal(str(error)) from error
        note(conn, "webhook test", f"account {account}", None, {"kind": kind})
        conn.commit()
        conn.autocommit = True
        found = _wait_for_test(conn, account_id, test_id, wait_s)
    if found is None:
        raise Refusal(f"nothing came within {wait_s:g} s: does a pusher run?")
    said = found.error or f"answered {found.http_status}"
    facts = {"account": account, "kind": kind, "http_status": found.http_status, "took_ms": found.took_ms}
    show(
        {**facts, "error": found.error, "answer": found.answer},
        f"{said} after {found.took_ms} ms\n{found.answer}".strip(),
    )
    if found.error:
        raise click.exceptions.Exit(1)


def _wait_for_test(conn: Conn, account_id: int, test_id: int, wait_s: float) -> webhooks.AttemptView | None:
    until_s = clock.monotonic_s() + wait_s
    while True:
        found = webhooks.find_test(conn, account_id, test_id)
        if (found is not None and found.attempt is not None) or clock.monotonic_s() >= until_s:
            return found.attempt if found else None
        time.sleep(_LOOK_S)


@webhook.command()
@click.argument("account")
@click.argument("kind", type=KIND)
def resume(account: str, kind: str) -> None:
    """Go on pushing to a paused endpoint; what waits is tried at once."""
    with open_change() as conn:
        found = _find(conn, account, kind)
        webhooks.resume(conn, found.id)
        before = {"kind": kind, "paused_at": tell_time(found.paused_at) or None}
        note(conn, "webhook resume", f"account {account}", before, {"kind": kind, "paused_at": None})
    show(
        {"account": account, "kind": kind, "waiting": found.waiting},
        f"{account}: {kind} goes on, {found.waiting} waiting",
    )


@webhook.command()
@click.argument("account")
@click.argument("kind", type=KIND)
@click.option("--since", type=Instant(), help="From when: 2026-11-23T08:00:00 (UTC), epoch seconds, or 2h for ago.")
@click.option("--until", type=Instant(), help="Up to when; default: now.")
@click.option("--aside", is_flag=True, help="Instead: try once more what was set aside.")
def replay(account: str, kind: str, since: datetime | None, until: datetime | None, aside: bool) -> None:
    """Push again what ended since a point in time, in its present state.

    \b
    Examples: tocsin webhook replay acme sms --since 2h
              tocsin webhook replay acme sms --aside
    """
    if aside == (since is not None):
        raise click.UsageError("name either --since or --aside")
    with open_change() as conn:
        conn.autocommit = True  # in pages: no transaction stays open over all of them
        account_id = accounts.find_account(conn, account).id
        try:
            count = (
                webhooks.replay(conn, account_id, kind, since, until)
                if since
                else webhooks.retry_aside(conn, account_id, kind)
            )
        except ValueError as error:
            raise Refusal(str(error)) from error
        facts = {"kind": kind, "since": tell_time(since), "until": tell_time(until), "aside": aside, "rows": count}
        note(conn, "webhook replay", f"account {account}", None, facts)
    show({"account": account, **facts}, f"{account}: {count} rows of {kind} wait to be pushed again")
