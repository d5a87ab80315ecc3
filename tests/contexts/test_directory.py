"""The directory of accounts, on real rows."""

from __future__ import annotations

import math
import resource
import time
from ipaddress import ip_address

import psycopg
import pytest

from tocsin.accounts import Directory, Key
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.kit.db import Session
from tocsin.kit.seal import SealError

MANY = 100_000


async def load(dsn: str, directory: Directory) -> None:
    session = Session(dsn, "test")
    try:
        await directory.load(session)
    finally:
        await session.close()


async def test_an_account_with_everything(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("INSERT INTO plan (name, charge_failed) VALUES ('p', false)")
        conn.execute(
            "INSERT INTO account (name, plan_id, locked, currency, language, allow_ips, rate_per_s, max_parts,"
            " eight_fields, swap_uplink)"
            " SELECT 'acme', id, true, 'EUR', 'zh', '{10.0.0.0/8,::1}', 5, 3, true, true FROM plan"
        )
        conn.execute("INSERT INTO api_key (account_id, sealed, expires_at) SELECT id, 'a', '2200-01-01' FROM account")
        conn.execute("INSERT INTO api_key (account_id, sealed, expires_at) SELECT id, 'z', '2001-01-01' FROM account")
        conn.execute("INSERT INTO api_key (account_id, sealed) SELECT id, 'b' FROM account")
        for kind, value in (("sender", "A"), ("sender", "B"), ("routing", "sandbox")):
            conn.execute(
                "INSERT INTO account_grant (account_id, kind, value) SELECT id, %s, %s FROM account", (kind, value)
            )
    directory = Directory(str.upper)
    await load(database, directory)
    account = directory.by_name("acme")
    assert account is not None
    assert directory.by_id(account.id) is account
    assert (account.charge_failed, account.locked, account.currency, account.language) == (False, True, "EUR", "zh")
    assert (account.rate_per_s, account.max_parts, account.eight_fields, account.swap_uplink) == (5, 3, True, True)
    assert [(key.secret, key.expires_at) for key in account.keys] == [("A", 7_258_118_400.0), ("B", math.inf)]
    assert account.live_secrets(7_258_118_400.0) == ["B"]
    assert account.grants == {"sender": frozenset({"A", "B"}), "routing": frozenset({"sandbox"})}
    assert account.granted("sender", "A")
    assert not account.granted("show-phone", "A")
    assert account.lets_in(ip_address("10.1.2.3"))
    assert account.lets_in(ip_address("::1"))
    assert not account.lets_in(ip_address("11.1.2.3"))
    assert directory.by_name("ACME") is None
    assert directory.by_id(0) is None


async def test_a_key_that_cannot_be_opened_fits_no_sign(database: str, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(sealed: str) -> str:
        raise SealError("another sealing key")

    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        conn.execute("INSERT INTO account (name, plan_id) SELECT 'acme', id FROM plan")
        conn.execute("INSERT INTO api_key (account_id, sealed) SELECT id, 'sealed' FROM account")
    directory = Directory(refuse)
    await load(database, directory)
    account = directory.by_name("acme")
    assert account is not None
    (secret,) = account.live_secrets(time.time())
    assert len(secret) == 32
    assert account.live_secrets(time.time()) == [secret]
    assert "another sealing key" in caplog.text
    assert secret not in caplog.text


async def test_a_bad_network_closes_the_account(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        conn.execute("INSERT INTO account (name, plan_id, allow_ips) SELECT 'acme', id, '{nonsense}' FROM plan")
    directory = Directory(str)
    await load(database, directory)
    account = directory.by_name("acme")
    assert account is not None
    assert not account.lets_in(ip_address("127.0.0.1"))


def test_a_key_does_not_print_its_secret() -> None:
    key = Key("hush", math.inf)
    assert key.secret == "hush"
    assert "hush" not in f"{key} {key!r} {[key]}"


async def test_a_reload_drops_what_is_gone(database: str) -> None:
    directory = Directory(str)
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        conn.execute("INSERT INTO account (name, plan_id) SELECT n, id FROM plan, unnest(ARRAY['a', 'b']) AS n")
        await load(database, directory)
        conn.execute("DELETE FROM account WHERE name = 'a'")
        conn.execute("UPDATE account SET name = 'a'")
        await load(database, directory)
    account = directory.by_name("a")
    assert len(directory) == 1
    assert account is not None
    assert directory.by_name("b") is None
    assert directory.all() == [account]


@pytest.mark.full
async def test_a_hundred_thousand_accounts(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        # Without the triggers: filling is not what is measured.
        conn.execute("SET session_replication_role = replica")
        conn.execute(
            f"INSERT INTO account (name, plan_id) SELECT 'account-' || n, id FROM plan, generate_series(1, {MANY}) n"
        )
        conn.execute(
            "INSERT INTO api_key (account_id, sealed) SELECT id, 'gAAAAA' || repeat('x', 100) || id FROM account"
        )
        conn.execute("ANALYZE account, api_key")
    directory = Directory(str)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await load(database, directory)
    grew_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    assert len(directory) == MANY
    assert directory.by_name("account-77777") is not None
    assert grew_mb < 150, f"{grew_mb:.0f} MB"
