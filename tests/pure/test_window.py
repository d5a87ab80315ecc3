"""Windows in memory, and what limits by address count by."""

from __future__ import annotations

import pytest

from tocsin.kit import window
from tocsin.kit.address import limit_key
from tocsin.kit.window import Window


def test_a_key_has_its_share_of_each_window() -> None:
    share = Window(2)
    assert [share.take("a", 60.0 + at) for at in (0, 30, 59)] == [True, True, False]
    assert share.take("b", 119.0)
    assert share.take("a", 120.0)


def test_keys_without_end_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "_KEYS_MOST", 3)
    share = Window(2)
    assert [share.take(str(key), 0.0) for key in range(6)] == [True] * 5 + [False]
    assert share.take("0", 1.0), "who was there before has his own"
    assert len(share._counts) == 4


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_an_address_counts_by_its_network(address: str, key: str) -> None:
    assert limit_key(address) == key
