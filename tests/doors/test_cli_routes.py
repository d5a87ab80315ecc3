"""The verbs over routes, costs and pools of senders: what they do, print, refuse, and leave in the audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.shell import Shell

NUMBER = "6281234567890"


def add_channels(shell: Shell, *names: str) -> None:
    """Of the kind of a real carrier, as routing sees it."""
    for name in names:
        shell.json("channel", "add", name, "sandbox")
        shell.rows(f"UPDATE channel SET kind = 'smpp' WHERE name = '{name}'")


def explain(shell: Shell, *words: str) -> tuple[list[str], dict[str, str]]:
    """The channels in order, and the verdict on each rule by its channel (the last of a channel counts)."""
    found = shell.json("route", "explain", NUMBER, *words)
    return (
        [row["channel"] for row in found["channels"] if not row["why_not"]],
        {row["channel"]: row["why"] for row in found["rules"]},
    )


def test_route_add_says_all_that_a_route_may_say(shell: Shell) -> None:
    add_channels(shell, "east")
    added = shell.json(
        "route", "add", "sms", "east", "--action", "marketing", "--sender", "ACME", "--hours", "20:00-08:00", "--zone",
        "asia/jakarta", "--weight", "300", "--country", "ID",
    )  # fmt: skip
    assert {name: added[name] for name in ("action", "sender", "hours", "zone", "weight", "country")} == {
        "action": "MARKETING", "sender": "ACME", "hours": "20:00-08:00", "zone": "Asia/Jakarta", "weight": 300, "country": "ID",
    }  # fmt: skip
    assert shell.last_audit().after == added
    assert shell.json("route", "list")[0] == added
    shown = shell.run("route", "list").out
    assert "MARKETING  20:00-08:00  Asia/Jakarta  east" in shown
    utc = shell.json("route", "add", "sms", "east", "--hours", "09:00-17:00")
    assert (utc["zone"], utc["weight"]) == ("UTC", 100)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--hours", "9-17"], 1, "are no hours"),
        (["--hours", "09:00-09:00"], 1, "different times"),
        (["--hours", "09:00-17:00", "--zone", "Mars"], 1, "there is no time zone Mars"),
        (["--zone", "UTC"], 2, "--zone says nothing without --hours"),
        (["--weight", "0"], 2, "--weight"),
        (["--action", "SPAM"], 2, "--action"),
    ],
)
def test_what_route_add_refuses(shell: Shell, words: list[str], code: int, sentence: str) -> None:
    before = shell.json("route", "list")
    assert sentence in shell.refused("route", "add", "sms", "sandbox", *words, code=code)
    assert shell.json("route", "list") == before


def test_explain_tells_what_wins_and_why_the_others_lose(shell: Shell) -> None:
    add_channels(shell, "east", "west", "night", "promo", "own")
    shell.json("account", "create", "acme")
    shell.json("route", "add", "sms", "east", "--country", "ID")
    shell.json("route", "add", "sms", "west", "--prefix", "62812")
    shell.json("route", "add", "sms", "promo", "--prefix", "62812", "--action", "MARKETING")
    order, why = explain(shell)
    assert order == ["west"]
    assert why == {
        "west": "carries it", "promo": "for another action", "east": "a more specific rule wins: prefix",
        "sandbox": "a more specific rule wins: prefix",
    }  # fmt: skip
    assert explain(shell, "--action", "marketing")[0] == ["promo"]
    shell.json("route", "add", "sms", "own", "--account", "acme")
    assert explain(shell)[0] == ["west"]
    order, why = explain(shell, "--account", "acme")
    assert (order, why["west"]) == (["own"], "a more specific rule wins: account or plan")
    shell.json("route", "add", "sms", "night", "--account", "acme", "--preference", "1")
    shell.json("channel", "pause", "own")
    assert explain(shell, "--account", "acme")[0] == ["night", "own"]
    text = shell.run("route", "explain", f"+{NUMBER}", "--account", "acme").out
    assert text.startswith(f"{NUMBER}  ID (10007)  sms NOTIFICATION  account acme of plan default\n")
    assert "a more specific rule wins: account or plan" in text
    assert text.splitlines()[-2].split() == ["1", "night", "0.1", "not", "known"]
    assert text.splitlines()[-1].split() == ["2", "own", "0.1", "not", "known", "paused"]


def test_explain_looks_at_costs_grants_and_pools(shell: Shell, tmp_path: Path) -> None:
    add_channels(shell, "east", "west")
    shell.json("account", "create", "acme")
    shell.json("route", "add", "sms", "east")
    shell.json("route", "add", "sms", "west", "--preference", "1")
    file = tmp_path / "costs.csv"
    file.write_text("channel,product,country,prefix,cost\neast,sms,ID,,0.095\nwest,sms,,,0.06\n", encoding="utf-8")
    assert shell.json("cost", "import", str(file)) == {"imported": 2, "errors": []}
    found = shell.json("route", "explain", NUMBER)["channels"]
    assert [(row["channel"], row["price"], row["cost"], row["margin"], row["margin_percent"]) for row in found] == [
        ("east", "0.1", "0.095", "0.005", 5.0), ("west", "0.1", "0.06", "0.04", 40.0),
    ]  # fmt: skip
    shell.json("plan", "set", "default", "--min-margin", "10")
    order, why = explain(shell)
    assert (order, why["east"]) == (["west"], "the channel leaves less than the plan's margin")
    shell.json("plan", "set", "default", "--min-margin", "50")
    nowhere = shell.json("route", "explain", NUMBER)
    assert (nowhere["status"], nowhere["channels"][1]["why_not"]) == (
        3,
        "the channel leaves less than the plan's margin",
    )
    assert "It goes nowhere" in shell.run("route", "explain", NUMBER).out
    shell.json("plan", "set", "default", "--min-margin", "none")
    assert "routing west is not granted to acme" in shell.refused(
        "route", "explain", NUMBER, "--account", "acme", "--routing", "west"
    )
    shell.json("grant", "add", "acme", "routing", "west")
    assert explain(shell, "--account", "acme", "--routing", "west") == (["west"], {"west": "carries it"})
    assert "sender ACME is not granted" in shell.refused(
        "route", "explain", NUMBER, "--account", "acme", "--sender", "ACME"
    )
    shell.json("grant", "add", "acme", "sender", "ACME")
    shell.json("sender", "pool", "add", "acme", "ACME")
    shell.json("route", "add", "sms", "west", "--sender", "ACME")
    assert shell.json("route", "explain", NUMBER, "--account", "acme")["sender"] == "ACME"
    assert explain(shell, "--account", "acme")[0] == ["west"]


def test_explain_reads_numbers_as_sends_do(shell: Shell) -> None:
    for words, number, iso in (
        (["0062 812-3456-7890"], NUMBER, "ID"),
        (["081234567890", "--country", "ID"], NUMBER, "ID"),
        (["+1 876 555 0123"], "18765550123", "JM"),
        (["12125550100"], "12125550100", "US"),
        (["622150996000", "--product", "voice"], "622150996000", "ID"),
        (["jo@example.com", "--product", "email"], "jo@example.com", None),
    ):
        found = shell.json("route", "explain", *words)
        assert (found["number"], found["country"], found["status"]) == (number, iso, 0), words
    assert "no number of ID that sms reaches" in shell.refused("route", "explain", "622150996000")
    assert "begins with no country code" in shell.refused("route", "explain", "hello")
    assert "is no email address" in shell.refused("route", "explain", "hello", "--product", "email")
    assert "there is no account acme" in shell.refused("route", "explain", NUMBER, "--account", "acme")
    assert "there is no channel west" in shell.refused("route", "explain", NUMBER, "--routing", "west")
    assert "there is no country XX" in shell.refused("route", "explain", NUMBER, "--country", "XX")
    shell.json("country", "set", "ID", "--disabled")
    assert "nothing is sent to ID" in shell.refused("route", "explain", NUMBER)


def test_cost_import_is_whole_or_nothing(shell: Shell, tmp_path: Path) -> None:
    add_channels(shell, "east")
    file = tmp_path / "costs.csv"
    file.write_text(
        "channel,product,country,prefix,cost\neast,sms,ID,62811,0.5\nwest,sms,,,1\neast,sms,,,\n,sms,,,1\neast,sms,,,-1\n",
        encoding="utf-8",
    )
    done = shell.run("cost", "import", str(file))
    assert done.code == 1
    for sentence in (
        "line 3: unknown channel 'west'", "line 4: cost is missing", "line 5: channel is missing", "line 6: cost -1 is negative",
    ):  # fmt: skip
        assert sentence in done.out
    assert shell.json("cost", "list") == []
    file.write_text("channel,product,cost\neast,sms,0.5\neast,mms,2\n", encoding="utf-8")
    assert shell.run("cost", "import", str(file)).out == "2 costs imported\n"
    entry = shell.last_audit()
    assert (entry.action, entry.subject, entry.after["rows"]) == ("cost import", "costs", 2)
    file.write_text("channel,product,country,prefix,cost\neast,sms,,,0.4\neast,sms,ID,62811,0.3\n", encoding="utf-8")
    shell.json("cost", "import", str(file))
    assert [each["price_micros"] for each in shell.last_audit().before["replaced"]] == [500_000]
    listed = shell.json("cost", "list", "--product", "sms", "--channel", "east")
    assert [(row["country"], row["prefix"], row["cost"]) for row in listed] == [
        (None, "", "0.4"),
        ("ID", "62811", "0.3"),
    ]
    assert shell.json("cost", "list", "--country", "id") == listed[1:]
    file.write_text("plan,channel,product,cost\n", encoding="utf-8")
    assert "unknown columns: plan" in shell.refused("cost", "import", str(file))


def test_pools_of_senders(shell: Shell) -> None:
    shell.json("account", "create", "acme")
    assert "is not granted" in shell.refused("sender", "pool", "add", "acme", "ACME")
    shell.json("grant", "add", "acme", "sender", "ACME")
    added = shell.json("sender", "pool", "add", "acme", "ACME", "--country", "10007")
    assert added == {"account": "acme", "sender": "ACME", "country": "ID"}
    assert (shell.last_audit().action, shell.last_audit().after) == ("sender pool add", added)
    assert "is in the pool already" in shell.refused("sender", "pool", "add", "acme", "ACME", "--country", "ID")
    shell.json("sender", "pool", "add", "acme", "ACME")
    assert [row["country"] for row in shell.json("sender", "pool", "list", "acme")] == [None, "ID"]
    # They are no grants of their own.
    assert [row["kind"] for row in shell.json("grant", "list", "acme")] == ["sender"]
    shell.json("grant", "remove", "acme", "sender", "ACME")
    assert {row["granted"] for row in shell.json("sender", "pool", "list")} == {False}
    shell.json("sender", "pool", "remove", "acme", "ACME")
    assert (shell.last_audit().action, shell.last_audit().after) == ("sender pool remove", None)
    assert "is not in the pool" in shell.refused("sender", "pool", "remove", "acme", "ACME")
