"""What operators do to accounts, keys and grants. In the caller's transaction; nothing here commits or audits."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.accounts import store
from tocsin.accounts.display import read_display_name
from tocsin.accounts.model import GRANT_KINDS, LANGUAGES, AccountError, AccountFacts, AccountNameError, KeyFacts

DEFAULT_PLAN = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_KEY_LETTERS = string.ascii_lowercase + string.digits
_KEY_LENGTH = 32  # 165 bits: MD5 is what the page prescribes, so the key carries the strength


def make_key() -> str:
    """A new API key, random."""
    return "".join(secrets.choice(_KEY_LETTERS) for _ in range(_KEY_LENGTH))


def create_account(
    conn: Connection[TupleRow], name: str, *, plan: str = DEFAULT_PLAN, language: str = "en", display_name: str = ""
) -> int:
    """Id of the new account, without key and wallet. Raises AccountError."""
    if not _NAME.fullmatch(name):
        raise AccountError(f"{name!r} is no account name: letters, digits, dot, dash, underscore and @, 64 at most")
    _check_language(language)
    if not store.has_plan(conn, plan):
        raise AccountNameError("plan", plan)
    account_id = store.insert_account(conn, name, plan, language, read_display_name(display_name))
    if account_id is None:
        raise AccountError(f"there is an account {name} already")
    return account_id


def find_account(conn: Connection[TupleRow], name: str) -> AccountFacts:
    """The account of that name. Raises AccountError."""
    facts = store.find_account(conn, name)
    if facts is None:
        raise AccountNameError("account", name)
    return facts


def list_accounts(conn: Connection[TupleRow]) -> list[AccountFacts]:
    """All accounts by name."""
    return store.list_accounts(conn)


def set_account(conn: Connection[TupleRow], name: str, **changes: Any) -> tuple[AccountFacts, AccountFacts]:
    """Change fields of AccountFacts; the account before and after. Raises AccountError."""
    store.lock_account(conn, find_account(conn, name).id)
    before = find_account(conn, name)
    after = before._replace(**changes)
    _check_language(after.language)
    if not store.has_plan(conn, after.plan):
        raise AccountNameError("plan", after.plan)
    if after.rate_per_s is not None and not 1 <= after.rate_per_s <= 1_000_000:
        raise AccountError("the rate is 1 to 1,000,000 requests per second, or none")
    if not 1 <= after.max_parts <= 255:
        raise AccountError("the part limit is 1 to 255")
    after = after._replace(
        allow_ips=[read_network(text) for text in after.allow_ips],
        display_name=read_display_name(after.display_name),
    )
    store.update_account(conn, after)
    return before, after


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise AccountError(f"unknown language {language}: {' or '.join(LANGUAGES)}")


def read_network(text: str) -> str:
    """An address or network in its usual form. Raises AccountError."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise AccountError(f"{text!r} is no address or network, like 203.0.113.7 or 10.0.0.0/8") from None
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def add_key(conn: Connection[TupleRow], account_id: int, sealed: str, name: str = "") -> int:
    """Id of a new key that holds until it is rotated."""
    return store.insert_key(conn, account_id, sealed, name)


def replace_key(
    conn: Connection[TupleRow], account_id: int, key_id: int, sealed: str, old_until: datetime
) -> int | None:
    """A new key of the same name in place of one that holds until `old_until` at most; its id. None: there is no such key."""
    name = store.lock_key(conn, account_id, key_id)
    if name is None:
        return None
    store.end_key(conn, account_id, key_id, old_until)
    return store.insert_key(conn, account_id, sealed, name)


def rename_key(conn: Connection[TupleRow], account_id: int, key_id: int, name: str) -> str | None:
    """Call a key that holds so; its name before. None: the account has no such key."""
    before = store.lock_key(conn, account_id, key_id)
    if before is not None:
        store.rename_key(conn, account_id, key_id, name)
    return before


def rotate_key(conn: Connection[TupleRow], account_id: int, sealed: str, old_until: datetime) -> tuple[int, list[int]]:
    """A new key; the old ones hold until `old_until` at most. Ids of the new one and of those that now end then."""
    store.lock_account(conn, account_id)
    ended = store.end_keys(conn, account_id, old_until)
    return store.insert_key(conn, account_id, sealed, ""), ended


def list_keys(conn: Connection[TupleRow], account_id: int) -> list[KeyFacts]:
    """All keys of an account, oldest first."""
    return store.list_keys(conn, account_id)


def end_key(conn: Connection[TupleRow], account_id: int, key_id: int, end: datetime) -> bool:
    """Let one key of the account end at `end`; False where it has no such key, or one that ends before."""
    return store.end_key(conn, account_id, key_id, end)


def reseal_keys(conn: Connection[TupleRow], reseal: Callable[[str], str]) -> int:
    """Seal every API key anew; how many. What `reseal` raises goes through, and nothing is changed then."""
    keys = [(reseal(sealed), key_id) for key_id, sealed in store.lock_keys(conn)]
    store.update_keys(conn, keys)
    return len(keys)


def add_grant(conn: Connection[TupleRow], account_id: int, kind: str, value: str) -> None:
    """Grant `value`. Raises AccountError where it was granted before."""
    if kind not in GRANT_KINDS:
        raise AccountError(f"unknown kind {kind}: {', '.join(GRANT_KINDS)}")
    if not store.insert_grant(conn, account_id, kind, value):
        raise AccountError(f"{kind} {value} was granted already")


def remove_grant(conn: Connection[TupleRow], account_id: int, kind: str, value: str) -> None:
    """Take a grant back. Raises AccountError where there is none."""
    if not store.delete_grant(conn, account_id, kind, value):
        raise AccountError(f"{kind} {value} is not granted")


def list_grants(
    conn: Connection[TupleRow], account_id: int | None = None, *, everything: bool = False
) -> list[tuple[str, str, str]]:
    """Account, kind and value of every grant, of one account or of all; `everything`: with the entries of pools."""
    found = store.list_grants(conn, account_id)
    return found if everything else [grant for grant in found if grant[1] in GRANT_KINDS]
