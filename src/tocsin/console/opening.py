"""The account of a new user, and who gets a start balance: once for a mailbox, once a month for a network, so many a day."""

from __future__ import annotations

import ipaddress
import secrets
from datetime import timedelta

from django.utils.translation import get_language
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import accounts, audit, billing
from tocsin.console.database_now import database_now
from tocsin.kit.settings import Settings
from tocsin.kit.visitor import read_visitor
from tocsin.schema.models import Account, Membership, Plan, StartBalance, User

NETWORK_AGAIN = timedelta(days=30)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def open_account(conn: Connection[TupleRow], settings: Settings, user: User, visitor: str) -> None:
    """Make the user's account, with him as its owner, unless he has one by now. In the caller's transaction."""
    Plan.objects.select_for_update().get(name=settings.start_plan)  # one at a time: the ceiling is exact
    if Membership.objects.filter(user=user).exists():
        return
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    name = "t" + "".join(secrets.choice(_LETTERS) for _ in range(9))
    account_id = accounts.create_account(
        conn, name, plan=settings.start_plan, language=language, display_name=user.account_name
    )
    accounts.set_account(conn, name, rate_per_s=settings.start_rate)
    billing.open_wallet(conn, account_id)
    given = _note_start(settings, account_id, find_mailbox(user.email), find_network(visitor))
    if given:
        billing.give(conn, account_id, given, "start balance")
    Membership.objects.create(user=user, account=Account.objects.get(id=account_id), role="owner")
    settle(user)
    facts = {"plan": settings.start_plan, "gift": billing.text_of(given), "display_name": user.account_name}
    audit.record(conn, f"user {user.id}", "register", f"account {name}", None, facts)


def settle(user: User) -> None:
    """From now on no log-in of the user opens an account: he has one, or had one that he was taken out of."""
    User.objects.filter(id=user.id).update(opens_account=False)
    user.opens_account = False


def _note_start(settings: Settings, account_id: int, mailbox: str, network: str) -> int:
    """The start balance in micro-units, written down; 0 where there is none to have."""
    given, now = StartBalance.objects, database_now()
    if (
        not settings.start_balance
        or given.filter(address=mailbox).exists()
        or (network and given.filter(network=network, at__gt=now - NETWORK_AGAIN).exists())
        or given.filter(at__gt=now - timedelta(days=1)).count() >= settings.start_balances_per_day
    ):
        return 0
    given.create(account_id=account_id, address=mailbox, network=network)
    return settings.start_balance * billing.MICROS


def find_mailbox(address: str) -> str:
    """The mailbox behind an address: lower case, without a +tag; dots count for nothing in front of gmail.com."""
    local, _, domain = address.strip().lower().rpartition("@")
    local = local.partition("+")[0]
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def find_network(visitor: str) -> str:
    """The visitor's /24 or /48; "" for this machine itself, which harvests nothing."""
    ip = read_visitor(visitor)
    if ip is None or ip.is_loopback:
        return ""
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))
