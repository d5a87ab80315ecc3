"""The demo account, and what a second start makes of it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tocsin import accounts, billing
from tocsin.bootstrap.demo import create
from tocsin.kit.seal import SealError, open_seal
from tocsin.kit.settings import Settings


def test_the_demo_is_made_once(database: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert create(database, settings) == ("yn00001", "7bz1lzh9", True)
    with psycopg.connect(database, autocommit=True) as conn:
        account = accounts.find_account(conn, "yn00001")
        assert (account.plan, account.rate_per_s, account.allow_ips, account.locked) == ("default", None, [], False)
        billing.recharge(conn, account.id, -1_000_000)
        assert create(database, settings) == ("yn00001", "7bz1lzh9", False)
        assert billing.text_of(billing.read_wallet(conn, account.id).balance_micros) == "9999"
        assert billing.check(conn) == []
        assert len(accounts.list_keys(conn, account.id)) == 1
        accounts.add_key(conn, account.id, open_seal(settings).seal("rotated"))
    assert create(database, settings).api_key == "rotated"


def test_another_machine_with_another_key_is_told(database: str, tmp_path: Path) -> None:
    create(database, Settings(home=tmp_path / "one"))
    with pytest.raises(SealError, match="no sealing key"):
        create(database, Settings(home=tmp_path / "two"))
