"""The verbs over lists, words, caps and quiet hours: what they do, print, refuse, and leave in the audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.shell import Shell
from tocsin.compliance import Guards, Sending, sift
from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.traffic import Priority

NUMBER = "6281234567890"


async def load_guards(shell: Shell) -> Guards:
    guards = Guards()
    session = Session(shell.dsn, "test")
    await guards.load(session)
    await session.close()
    return guards


async def test_blacklist(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    assert shell.json("blacklist", "add", "+62 812-3456-7890") == {"number": NUMBER, "account": None}
    entry = shell.last_audit()
    assert (entry.action, entry.subject) == ("blacklist add", f"blacklist {NUMBER}")
    assert entry.after == {"number": NUMBER, "account": None}
    assert shell.json("blacklist", "add", "Jo@Example.com", "--account", "acme")["number"] == "jo@example.com"
    assert "is on the blacklist already" in shell.refused("blacklist", "add", NUMBER)
    assert shell.run("blacklist", "add", NUMBER, "--account", "acme").out == f"{NUMBER} is barred for acme\n"
    rows = shell.json("blacklist", "list")
    assert [(row["number"], row["account"]) for row in rows] == [
        (NUMBER, "acme"), ("jo@example.com", "acme"), (NUMBER, None),
    ]  # fmt: skip
    assert len(shell.json("blacklist", "list", NUMBER)) == 2
    assert len(shell.json("blacklist", "list", "--account", "acme", "--limit", "1")) == 1
    assert "all" in shell.run("blacklist", "list").out
    assert shell.json("blacklist", "remove", NUMBER) == {"number": NUMBER, "account": None}
    assert shell.last_audit().before == {"number": NUMBER, "account": None}
    assert "is not on the blacklist of all accounts" in shell.refused("blacklist", "remove", NUMBER)
    guards = await load_guards(shell)
    assert guards.idle(1_000, Priority.VERIFY)
    ((account_id,),) = shell.rows("SELECT id FROM account")
    sending = Sending(account_id, Priority.VERIFY, "", [NUMBER], [10007], [1], [0])
    assert sift(sending, guards, clock.now_s()).suspects == [0]


def test_blacklist_import(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text(
        f"# numbers\n{NUMBER},bad payer\n\n+1 212 555 1234\n{NUMBER}\nJO@example.com\n", encoding="utf-8-sig"
    )
    shell.run("blacklist", "add", "jo@example.com")
    done = shell.json("blacklist", "import", str(file))
    assert (done["imported"], done["errors"]) == (2, [])
    entry = shell.last_audit()
    assert (entry.action, entry.after["rows"], entry.after["file"]) == ("blacklist import", 2, "numbers.csv")
    assert [row["number"] for row in shell.json("blacklist", "list")][-1] == "jo@example.com"
    file.write_text("62811111111\nnonsense\n0812\n")
    done = shell.run("blacklist", "import", str(file))
    assert done.code == 1
    assert "line 2: 'nonsense' is no number or address" in done.out
    assert "line 3" in done.out
    bad = shell.run("blacklist", "import", str(file), "--json")
    assert (bad.code, bad.json["imported"], [row["line"] for row in bad.json["errors"]]) == (1, 0, [2, 3])
    assert len(shell.json("blacklist", "list")) == 3
    file.write_bytes(b"\xff\xff")
    assert "is not UTF-8 text" in shell.refused("blacklist", "import", str(file))


async def test_word(shell: Shell) -> None:
    assert shell.json("word", "add", " Ｃasino ") == {"word": "Ｃasino", "normal": "casino"}
    assert shell.last_audit().action == "word add"
    assert "is on the list already" in shell.refused("word", "add", "casino")
    shell.run("word", "add", "赌博")
    assert [row["normal"] for row in shell.json("word", "list")] == ["casino", "赌博"]
    assert shell.json("word", "try", "visit C-A-S-I-N-O") == {"refused": True, "word": "Ｃasino"}
    assert shell.run("word", "try", "赌 博").out == "refused: it holds '赌博'\n"
    assert shell.run("word", "try", "hello").out == "no sensitive word in it\n"
    assert (await load_guards(shell)).find_word("CASINO") == "Ｃasino"
    assert shell.json("word", "remove", "CASINO")["word"] == "Ｃasino"
    assert "is not on the list" in shell.refused("word", "remove", "casino")
    assert shell.json("word", "try", "casino") == {"refused": False, "word": None}


async def test_optout(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    facts = {"number": NUMBER, "account": "acme", "sender": "ACME"}
    assert shell.json("optout", "add", NUMBER, "--account", "acme", "--sender", "ACME") == facts
    assert shell.last_audit().after == facts
    shell.run("optout", "add", NUMBER, "--account", "acme")
    assert "has opted out already" in shell.refused("optout", "add", NUMBER, "--account", "acme")
    rows = shell.json("optout", "list", "--account", "acme")
    assert [(row["sender"], row["by"]) for row in rows] == [("", "operator"), ("ACME", "operator")]
    assert shell.json("optout", "list", "628111111111") == []
    assert "any" in shell.run("optout", "list").out
    ((account_id,),) = shell.rows("SELECT id FROM account")
    assert not (await load_guards(shell)).idle(account_id, Priority.MARKETING)
    assert shell.json("optout", "remove", NUMBER, "--account", "acme")["senders"] == ["", "ACME"]
    assert "has not opted out" in shell.refused("optout", "remove", NUMBER, "--account", "acme", "--sender", "ACME")


async def test_optout_answers(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    assert shell.json("optout", "answers") == []
    made = shell.json("optout", "answer", "out", "zh", "您已退订。")
    assert made == {"kind": "out", "language": "zh", "account": None, "content": "您已退订。"}
    shell.run("optout", "answer", "out", "en", "Done.", "--account", "acme")
    shell.run("optout", "answer", "out", "en", "You are out.", "--account", "acme")
    entry = shell.last_audit()
    assert (entry.before, entry.after) == ({"content": "Done."}, {"content": "You are out."})
    assert [(row["account"], row["content"]) for row in shell.json("optout", "answers")] == [
        (None, "您已退订。"), ("acme", "You are out."),
    ]  # fmt: skip
    assert shell.json("optout", "answer", "out", "zh", "none")["content"] is None
    assert "there is no such answer" in shell.refused("optout", "answer", "out", "zh", "none")
    assert len(shell.run("optout", "answers").out.splitlines()) == 2


def test_cap(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    made = shell.json("cap", "set", "number", "5", "--action", "verify")
    assert made == {
        "id": made["id"], "kind": "number", "most": 5, "per": "hour", "action": "VERIFY", "country": None, "digits": None,
        "account": None,
    }  # fmt: skip
    assert shell.last_audit().after == made
    again = shell.json("cap", "set", "number", "6", "--action", "VERIFY", "--per", "minute")
    assert (again["id"], again["most"], again["per"]) == (made["id"], 6, "minute")
    entry = shell.last_audit()
    assert (entry.before["most"], entry.after["most"]) == (5, 6)
    shell.run("cap", "set", "prefix", "200", "--digits", "5", "--country", "NG", "--account", "acme")
    spend = shell.json("cap", "set", "spend", "12.5", "--account", "acme")
    assert (spend["most"], spend["per"]) == ("12.5", "day")
    assert shell.rows(f"SELECT most FROM cap WHERE id = {spend['id']}") == [(12_500_000,)]
    shell.run("cap", "set", "number", "none", "--account", "acme")
    rows = shell.json("cap", "list")
    assert [(row["kind"], row["account"], row["most"]) for row in rows] == [
        ("number", None, 6), ("number", "acme", None), ("prefix", "acme", 200), ("spend", "acme", "12.5"),
    ]  # fmt: skip
    assert (rows[2]["country"], rows[2]["digits"]) == ("NG", 5)
    assert "none" in shell.run("cap", "list").out
    assert shell.json("cap", "remove", str(made["id"]))["most"] == 6
    assert "there is no cap" in shell.refused("cap", "remove", str(made["id"]))


def test_quiet(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    made = shell.json("quiet", "set", "21:00-08:00", "--country", "ID", "--account", "acme")
    assert made == {"hours": "21:00-08:00", "country": "ID", "account": "acme"}
    assert shell.last_audit().subject == "quiet hours of acme, ID"
    shell.run("quiet", "set", "none", "--country", "10007", "--account", "acme")
    assert (shell.last_audit().before["hours"], shell.last_audit().after["hours"]) == ("21:00-08:00", "none")
    shell.run("quiet", "set", "20:30-09:00")
    assert [row["hours"] for row in shell.json("quiet", "list")] == ["20:30-09:00", "none"]
    assert "any" in shell.run("quiet", "list").out
    assert shell.json("quiet", "remove")["hours"] == "20:30-09:00"
    assert "there is no such rule" in shell.refused("quiet", "remove")


async def test_guard_recommended(shell: Shell) -> None:
    shell.run("cap", "set", "number", "9", "--action", "VERIFY")
    made = shell.json("guard", "recommended")
    assert [(each["kind"], each["most"], each["per"]) for each in made["caps"]] == [
        ("prefix", 200, "hour"), ("country", 5000, "day"),
    ]  # fmt: skip
    assert made["quiet"] == "21:00-08:00"
    assert shell.last_audit().after == made
    assert [row["most"] for row in shell.json("cap", "list")] == [9, 200, 5000]
    assert shell.json("guard", "recommended") == {"caps": [], "quiet": None}
    assert shell.run("guard", "recommended").out == "all of it was set already\n"
    guards = await load_guards(shell)
    assert not guards.idle(1, Priority.VERIFY)
    assert not guards.idle(1, Priority.MARKETING)
    assert guards.idle(1, Priority.NOTIFICATION)


BAD: list[tuple[list[str], int, str]] = [
    (["blacklist", "add", "0812345"], 1, "is no number"),
    (["blacklist", "add", "abc"], 1, "is no number"),
    (["blacklist", "add", "a b@example.com"], 1, "is no email address"),
    (["blacklist", "add", "@example.com"], 1, "is no email address"),
    (["blacklist", "add", NUMBER, "--account", "nobody"], 1, "there is no account nobody"),
    (["blacklist", "list", "--account", "nobody"], 1, "there is no account nobody"),
    (["word", "add", " .. "], 1, "is no word"),
    (["word", "add", "x" * 101], 1, "is no word"),
    (["optout", "add", NUMBER], 2, "Missing option '--account'"),
    (["optout", "answer", "out", "en", " "], 1, "an answer has 1 to 1024 characters"),
    (["optout", "answer", "out", "fr", "non"], 2, "'fr' is not one of"),
    (["cap", "set", "number", "-1"], 2, "No such option"),
    (["cap", "set", "number", "many"], 2, "neither a whole number nor"),
    (["cap", "set", "spend", "1e3"], 2, "is no amount"),
    (["cap", "set", "spend", "5", "--action", "VERIFY"], 1, "give no action and no country"),
    (["cap", "set", "country", "5", "--country", "XX"], 1, "there is no country XX"),
    (["cap", "set", "prefix", "5", "--digits", "16"], 2, "not in the range"),
    (["quiet", "set", "21-8"], 1, "are no hours"),
    (["quiet", "set", "21:00-21:00"], 1, "begin and end at different times"),
]


@pytest.mark.parametrize(
    ("words", "code", "sentence"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_what_is_refused(shell: Shell, words: list[str], code: int, sentence: str) -> None:
    assert sentence in shell.refused(*words, code=code)
    for table in ("blacklist", "opt_out", "opt_answer", "sensitive_word", "cap", "quiet_rule"):
        assert shell.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
