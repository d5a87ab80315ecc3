"""Verbs over accounts: make, look at, set, lock, and put money on them."""

from __future__ import annotations

from typing import Any

import click

from tocsin import accounts, billing
from tocsin.cli import store
from tocsin.cli.base import Choice, Refusal, load_settings, show, table, verbs
from tocsin.cli.change import (
    AMOUNT,
    OR_NONE,
    POSITIVE_AMOUNT,
    Conn,
    given,
    note,
    note_difference,
    open_change,
    open_known_seal,
    tell_time,
    tell_yes,
)
from tocsin.cli.names import suggest_member

LANGUAGE = Choice(accounts.LANGUAGES)


@verbs()
def account() -> None:
    """Accounts: who may send, and with how much money."""


@account.command()
@click.argument("name")
@click.option("--balance", type=POSITIVE_AMOUNT, default=0, help="Money to start with.")
@click.option("--gift", type=POSITIVE_AMOUNT, default=0, help="A gift, spent before the balance.")
@click.option("--credit", type=POSITIVE_AMOUNT, default=0, help="How far the balance may go below zero.")
@click.option("--language", type=LANGUAGE, default="en", show_default=True, help="Of the texts in replies.")
@click.option("--plan", default=accounts.DEFAULT_PLAN, show_default=True, help="Plan that its prices come from.")
@click.option("--display-name", default="", help="What pages and mails call it, such as a company's name.")
def create(name: str, balance: int, gift: int, credit: int, **options: str) -> None:
    """Make an account and its API key.

    The default plan has prices and sandbox routes for all products, so the account can send at once.

    \b
    Examples: tocsin account create acme --balance 100
              tocsin account create acme --display-name "Acme Ltd"
    """
    settings = load_settings()
    api_key = accounts.make_key()
    with open_change(settings) as conn:
        account_id = accounts.create_account(conn, name, **options)
        accounts.add_key(conn, account_id, open_known_seal(conn, settings).seal(api_key))
        billing.open_wallet(conn, account_id, credit)
        if balance:
            billing.recharge(conn, account_id, balance, "first money")
        if gift:
            billing.give(conn, account_id, gift, "first gift")
        facts = _describe(accounts.find_account(conn, name), billing.read_wallet(conn, account_id))
        note(conn, "account create", f"account {name}", None, facts)
    show({**facts, "api_key": api_key}, f"account  {name}\napi_key  {api_key}\nbalance  {facts['balance']}")


@account.command("list")
@click.argument("word", required=False)
def list_them(word: str | None) -> None:
    """List accounts with their money and owners: all, or those whose name, display name or member's address has WORD in it.

    \b
    Examples: tocsin account list
              tocsin account list jo@example.com
    """
    with open_change() as conn:
        wallets, members = billing.read_wallets(conn), _group_members(store.read_members(conn))
        rows = [
            {**_describe(facts, wallets.get(facts.id)), **_describe_members(members.get(facts.id, []))}
            for facts in accounts.list_accounts(conn)
        ]
    if word is not None:
        rows = [row for row in rows if _has(row, word.casefold())]
    names = ["account", "display_name", "owner", "members", "plan", "balance", "gift", "credit", "currency"]
    cells = [[*(_tell_cell(name, row) for name in names), tell_yes(row["locked"])] for row in rows]
    head = [name.replace("_", " ") for name in names]
    nothing = (
        f"No account has {word} in its names or addresses."
        if word
        else "There is no account: tocsin account create NAME"
    )
    show(rows, table([*head, "locked"], cells) if rows else nothing)


def _group_members(found: list[store.MemberOf]) -> dict[int, list[store.MemberOf]]:
    grouped: dict[int, list[store.MemberOf]] = {}
    for each in found:
        grouped.setdefault(each.account_id, []).append(each)
    return grouped


def _describe_members(found: list[store.MemberOf]) -> dict[str, Any]:
    """The first owner's address, and everybody."""
    owner = next((each.email for each in found if each.role == "owner"), None)
    return {
        "owner": owner,
        "members": [{"email": each.email, "name": each.name or None, "role": each.role} for each in found],
    }


def _has(row: dict[str, Any], word: str) -> bool:
    texts = [row["account"], row["display_name"], *(each["email"] for each in row["members"])]
    return any(word in text.casefold() for text in texts)


def _tell_cell(name: str, row: dict[str, Any]) -> object:
    return len(row[name]) if name == "members" else row[name] or ""


@account.command("show")
@click.argument("name")
def show_one(name: str) -> None:
    """Show everything about one account, by its name or by a member's email address. Keys are named, never shown.

    \b
    Examples: tocsin account show acme
              tocsin account show jo@example.com
    """
    with open_change() as conn:
        found = _find(conn, name)
        facts = _describe(found, billing.read_wallet(conn, found.id))
        members = _describe_members(store.read_members(conn, found.id))
        keys = [
            {"id": key.id, "name": key.name or None, "created_at": tell_time(key.created_at),
             "expires_at": tell_time(key.expires_at) or None}
            for key in accounts.list_keys(conn, found.id)
        ]  # fmt: skip
        grants = [f"{kind} {value}" for _, kind, value in accounts.list_grants(conn, found.id)]
    facts = {**facts, **members, "keys": keys, "grants": grants}
    show(facts, table(["", ""], [[name, _tell(value)] for name, value in facts.items()]).strip("\n "))


def _find(conn: Conn, word: str) -> accounts.AccountFacts:
    """The account of a name, else the only one that a person of this address is in. Raises AccountError, Refusal."""
    try:
        return accounts.find_account(conn, word)
    except accounts.AccountNameError as error:
        names = store.find_accounts_of(conn, word) if "@" in word else []
        hint = suggest_member(conn, word) if "@" in word and not names else ""
        if hint:
            raise Refusal(f"{error.sentence}, and nobody has this address: {hint}") from None
        if not names:
            raise
    if len(names) > 1:
        raise Refusal(f"{word} is in {len(names)} accounts: {', '.join(names)}")
    return accounts.find_account(conn, names[0])


@account.command("set")
@click.argument("name")
@click.option("--allow-ip", help="Addresses and networks that may send, by commas; `any` for all.")
@click.option("--rate", type=OR_NONE, help="Requests per second; `none` for no limit.")
@click.option("--max-parts", type=click.IntRange(1, 255), help="Longest SMS in parts.")
@click.option("--language", type=LANGUAGE, help="Of the texts in replies.")
@click.option("--eight-fields/--no-eight-fields", default=None, help="8 fields in every row that is pushed.")
@click.option("--swap-uplink/--no-swap-uplink", default=None, help="Swap fromNum and to in replies that are pushed.")
@click.option(
    "--extra-events/--no-extra-events",
    default=None,
    help="Push UNSUBSCRIBED, COMPLAINED and BOUNCED of emails too.",
)
@click.option(
    "--drop-machine-opens/--no-drop-machine-opens",
    default=None,
    help="Do not push what a machine opened or clicked.",
)
@click.option("--plan", help="Plan that its prices come from.")
@click.option("--display-name", help="What pages and mails call it; '' for its name alone.")
@click.option("--credit", type=POSITIVE_AMOUNT, help="How far the balance may go below zero.")
def set_one(name: str, allow_ip: str | None, rate: int | None, credit: int | None, **options: Any) -> None:
    """Change an account; what is not named stays.

    \b
    Examples: tocsin account set acme --allow-ip 203.0.113.7,10.0.0.0/8 --rate 50
              tocsin account set acme --allow-ip any --rate none
    """
    changes = given(**options)
    if allow_ip is not None:
        words = [word.strip() for word in allow_ip.split(",") if word.strip()]
        changes["allow_ips"] = [] if words in ([], ["any"]) else words
    if rate is not None:
        changes["rate_per_s"] = rate or None
    if not changes and credit is None:
        raise click.UsageError("nothing to set: name at least one option")
    _change(name, "account set", credit, changes)


def _change(name: str, action: str, credit: int | None, changes: dict[str, Any]) -> None:
    with open_change() as conn:
        before, after = accounts.set_account(conn, name, **changes)
        wallets = (
            (billing.read_wallet(conn, before.id),) * 2
            if credit is None
            else billing.set_credit(conn, before.id, credit)
        )
        facts = _describe(after, wallets[1])
        changed = note_difference(conn, action, f"account {name}", _describe(before, wallets[0]), facts)
    said = ", ".join(f"{field} {_tell(value)}" for field, value in changed.items())
    show(facts, f"{name}: {said}" if said else f"{name}: it was so already")


@account.command()
@click.argument("name")
def lock(name: str) -> None:
    """Refuse all requests of an account (-13), from now on."""
    _change(name, "account lock", None, {"locked": True})


@account.command()
@click.argument("name")
def unlock(name: str) -> None:
    """Let a locked account send again."""
    _change(name, "account unlock", None, {"locked": False})


@account.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("amount", type=AMOUNT)
@click.option("--gift", "is_gift", is_flag=True, help="Into the gift pot instead of the balance.")
@click.option("--note", "words", default="", help="A word for the ledger.")
def credit(name: str, amount: int, is_gift: bool, words: str) -> None:
    """Put money on an account; a negative amount takes some off.

    \b
    Examples: tocsin account credit acme 250.50 --note "invoice 17"
              tocsin account credit acme -10
    """
    if not amount:
        raise click.UsageError("an amount of 0 moves nothing")
    with open_change() as conn:
        found = accounts.find_account(conn, name)
        move = billing.give if is_gift else billing.recharge
        before, after = move(conn, found.id, amount, words)
        note(
            conn,
            "account credit",
            f"account {name}",
            _describe_wallet(before),
            {**_describe_wallet(after), "amount": billing.text_of(amount), "note": words},
        )
    money = _describe_wallet(after)
    show(
        {"account": name, "amount": billing.text_of(amount), "currency": found.currency, **money},
        f"{name}: balance {money['balance']} {found.currency}, gift {money['gift']}",
    )


def _describe(facts: accounts.AccountFacts, wallet: billing.Wallet | None) -> dict[str, Any]:
    rest = facts._asdict()
    name, created_at, display_name = rest.pop("name"), rest.pop("created_at"), rest.pop("display_name")
    money = _describe_wallet(wallet or billing.Wallet(0, 0, 0))
    return {"account": name, "display_name": display_name, **money, **rest, "created_at": tell_time(created_at)}


def _describe_wallet(wallet: billing.Wallet) -> dict[str, str]:
    return {
        "balance": billing.text_of(wallet.balance_micros),
        "gift": billing.text_of(wallet.gift_micros),
        "credit": billing.text_of(wallet.credit_micros),
    }


def _tell(value: Any) -> str:
    if isinstance(value, bool):
        return tell_yes(value)
    if isinstance(value, list):
        return ", ".join(_tell(each) for each in value) or "none"
    if isinstance(value, dict):
        return " ".join(f"{name} {each}" for name, each in value.items() if each is not None)
    return "none" if value in (None, "") else str(value)
