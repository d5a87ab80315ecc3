"""Names that do not exist: every verb says which ones are close; accounts are found by what people know of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.shell import Shell

CLOSE = [
    (["acount", "list"], 2, "did you mean account?"),
    (["account", "shwo", "acme"], 2, "did you mean show?"),
    (["channel", "delete", "east"], 2, "did you mean remove?"),
    (["account", "create", "x", "--balence", "5"], 2, "did you mean --balance?"),
    (["account", "show", "acmee"], 1, "there is no account acmee: did you mean acme?"),
    (["account", "show", "Acme Ld"], 1, "did you mean acme?"),
    (["key", "rotate", "amce"], 1, "did you mean acme?"),
    (["channel", "pause", "sandbx"], 1, "there is no channel sandbx: did you mean sandbox?"),
    (["route", "explain", "6281234567801", "--routing", "sandbx"], 1, "did you mean sandbox?"),
    (["route", "add", "sms", "sandbox", "--country", "Indonesa"], 1, "did you mean ID?"),
    (["route", "explain", "6281234567801", "--country", "indonesia"], 1, "did you mean ID?"),
    (["country", "set", "vietnam", "--disabled"], 1, "did you mean VN?"),
    (["send", "sms", "81234567801", "hi", "--country", "indonesia"], 2, "did you mean ID?"),
    (["plan", "set", "defualt", "--refund-failed"], 1, "did you mean default?"),
    (["price", "list", "--plan", "defualt"], 1, "did you mean default?"),
    (["account", "create", "y", "--plan", "defalt"], 1, "did you mean default?"),
    (["webhook", "test", "acme", "smss"], 2, "did you mean sms?"),
    (["route", "add", "emial", "sandbox"], 2, "did you mean email?"),
    (["channel", "add", "x", "sandbx"], 1, "there is no carrier of kind 'sandbx': did you mean sandbox?"),
    (["channel", "set", "sandbox", "--config", '{"delay": 5, "keep_dys": 1}'], 1, "keep_dys: no such setting: did you mean"),
    (["mail-domain", "verify", "acme.exmaple"], 1, "did you mean acme.example?"),
    (["template", "show", "9"], 1, "`tocsin template list` has the ids"),
    (["route", "remove", "99"], 1, "`tocsin route list` has the ids"),
    (["fly"], 2, "`tocsin --help` names them all"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "sentence"), CLOSE, ids=[" ".join(words)[:40] for words, _, _ in CLOSE])
def test_a_close_name_is_suggested(shell: Shell, words: list[str], code: int, sentence: str) -> None:
    shell.run("account", "create", "acme", "--display-name", "Acme Ltd")
    shell.run("mail-domain", "add", "acme", "acme.example")
    assert sentence in shell.refused(*words, code=code)


def test_rows_of_a_price_list_suggest_too(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("plan,product,country,prefix,channel,price\ndefalt,sms,ID,,,0.1\ndefault,smss,ID,,,0.1\n")
    done = shell.run("price", "import", str(file))
    assert done.code == 1
    assert "line 2: unknown plan 'defalt': did you mean default?" in done.out
    assert "line 3: unknown product 'smss': did you mean sms?" in done.out


def test_accounts_show_who_is_in_them(shell: Shell) -> None:
    shell.json("account", "create", "acme", "--display-name", "Acme  Ltd & Sons")
    shell.json("account", "create", "other")
    shell.rows(
        "INSERT INTO console_user (email, password, is_superuser, is_active, is_staff, name) VALUES"
        " ('Ann@example.com', 'x', false, true, false, 'Ann'), ('bo@example.com', 'x', false, true, false, '')"
    )
    for email, account, role in (
        ("bo@example.com", "acme", "viewer"),
        ("Ann@example.com", "acme", "owner"),
        ("bo@example.com", "other", "owner"),
    ):
        shell.rows(
            "INSERT INTO membership (user_id, account_id, role) SELECT u.id, a.id, '" + role + "' FROM console_user u, account a"
            f" WHERE u.email = '{email}' AND a.name = '{account}'"
        )  # fmt: skip
    one = shell.json("account", "show", "ann@example.com")
    assert (one["account"], one["display_name"], one["owner"]) == ("acme", "Acme Ltd & Sons", "Ann@example.com")
    assert one["members"] == [
        {"email": "bo@example.com", "name": None, "role": "viewer"},
        {"email": "Ann@example.com", "name": "Ann", "role": "owner"},
    ]
    assert "bo@example.com is in 2 accounts: acme, other" in shell.refused("account", "show", "bo@example.com")
    said = shell.refused("account", "show", "cy@example.com")
    assert "there is no account cy@example.com" in said
    assert "did you mean" not in said, "the same domain alone is not close"
    for wrong in ("amn@example.com", "ann@exmaple.com", "an@example.co"):
        said = shell.refused("account", "show", wrong)
        assert f"there is no account {wrong}, and nobody has this address: did you mean Ann@example.com?" in said
    for word, found in (("ANN@", ["acme"]), ("sons", ["acme"]), ("bo@example.com", ["acme", "other"]), ("zzz", [])):
        assert [row["account"] for row in shell.json("account", "list", word)] == found
    assert "No account has zzz" in shell.run("account", "list", "zzz").out
    listed = shell.run("account", "list").out.splitlines()
    assert listed[0].split()[:4] == ["account", "display", "name", "owner"]
    assert "Acme Ltd & Sons" in listed[1]
    assert "Ann@example.com" in listed[1]


def test_a_display_name_is_set_and_taken_away(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    assert shell.json("account", "set", "acme", "--display-name", "安可 Ltd")["display_name"] == "安可 Ltd"
    entry = shell.last_audit()
    assert (entry.before, entry.after) == ({"display_name": ""}, {"display_name": "安可 Ltd"})
    for bad in ("a\nb", "a\x00b", "\u202eevil", "x" * 81, "https://evil.example", "www.evil.example", "---"):
        assert "a display name" in shell.refused("account", "set", "acme", "--display-name", bad)
    assert shell.json("account", "show", "acme")["display_name"] == "安可 Ltd"
    assert shell.json("account", "set", "acme", "--display-name", "")["display_name"] == ""
