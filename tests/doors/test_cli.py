"""The command line against a real database: what verbs do, print, refuse, and leave in the audit."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from cryptography.fernet import Fernet

from tests.doors.shell import KEY, Shell
from tocsin.cli import root
from tocsin.cli.base import run_to_exit
from tocsin.kit.seal import Seal


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def test_every_verb_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    found = list(commands(root))
    assert len(found) > 40
    for path, command in found:
        assert command.help, path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (path, parameter.name)
        assert run_to_exit(root, [*path, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "--json" in shown, path
        assert "\b" not in shown, path


def test_account_create_prints_what_scripts_need(shell: Shell) -> None:
    made = shell.json("account", "create", "acme", "--balance", "100.5", "--gift", "3", "--credit", "20")
    assert made["account"] == "acme"
    assert (made["balance"], made["gift"], made["credit"], made["language"]) == ("100.5", "3", "20", "en")
    ((sealed,),) = shell.rows("SELECT sealed FROM api_key")
    assert made["api_key"] not in sealed
    assert Seal((KEY,)).open(sealed) == made["api_key"]
    entry = shell.last_audit()
    assert (entry.actor, entry.action, entry.subject) == (getpass.getuser(), "account create", "account acme")
    assert entry.before is None
    assert entry.after["balance"] == "100.5"
    assert made["api_key"] not in str(entry)
    plain = shell.run("account", "create", "second")
    assert plain.code == 0
    assert plain.out.splitlines()[0] == "account  second"
    assert plain.out.splitlines()[2] == "balance  0"
    assert shell.run("ledger", "check").code == 0


def test_a_machine_with_another_sealing_key_is_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.run("account", "create", "acme")
    monkeypatch.delenv("TOCSIN_SEALING_KEYS")
    for words in (
        ["account", "create", "other"],
        ["key", "rotate", "acme"],
        ["webhook", "set", "acme", "sms", "http://a.b"],
    ):
        assert "no sealing key of this installation opens it" in shell.refused(*words)
    assert len(shell.json("account", "list")) == 1


def test_json_may_stand_before_or_after_the_verb(shell: Shell) -> None:
    before = shell.run("--json", "account", "create", "a").json
    between = shell.run("account", "--json", "create", "b").json
    after = shell.run("account", "create", "c", "--json").json
    assert [each["account"] for each in (before, between, after)] == ["a", "b", "c"]


BAD: list[tuple[list[str], int, str]] = [
    (["account", "create", "acme"], 1, "there is an account acme already"),
    (["account", "create", "a b"], 1, "no account name"),
    (["account", "create", "x" * 65], 1, "no account name"),
    (["account", "create", "x", "--balance", "1e3"], 2, "is no amount"),
    (["account", "create", "x", "--balance", "-1"], 2, "is negative"),
    (["account", "create", "x", "--plan", "none"], 1, "there is no plan none"),
    (["account", "create", "x", "--language", "fr"], 2, "'fr' is not one of"),
    (["account", "create"], 2, "Missing argument 'NAME'"),
    (["account", "show", "nobody"], 1, "there is no account nobody"),
    (["account", "set", "acme"], 2, "nothing to set"),
    (["account", "set", "acme", "--allow-ip", "10.0.0.300"], 1, "is no address or network"),
    (["account", "set", "acme", "--rate", "0"], 2, "neither a whole number"),
    (["account", "set", "acme", "--max-parts", "256"], 2, "not in the range"),
    (["account", "credit", "acme", "0"], 2, "moves nothing"),
    (["account", "credit", "acme", "ten"], 2, "is no amount"),
    (["account", "credit", "acme", "-1", "--gift"], 1, "gift pot does not hold"),
    (["key", "rotate", "nobody"], 1, "there is no account nobody"),
    (["webhook", "set", "acme", "fax", "https://example.com"], 2, "'fax' is not one of"),
    (["webhook", "set", "acme", "sms", "ftp://example.com"], 2, "http"),
    (["webhook", "resume", "acme", "sms"], 1, "acme has no endpoint for sms"),
    (["webhook", "replay", "acme", "sms"], 2, "either --since or --aside"),
    (["webhook", "replay", "acme", "sms", "--since", "1h"], 1, "no endpoint for sms"),
    (["webhook", "replay", "acme", "sms", "--since", "soon"], 2, "is no time"),
    (["channel", "add", "east", "pigeon"], 1, "no carrier of kind 'pigeon'"),
    (["channel", "add", "sandbox", "sandbox"], 1, "there is a channel sandbox already"),
    (["channel", "add", "east", "sandbox", "--config", "[1]"], 2, "is no JSON object"),
    (["channel", "add", "east", "sandbox", "--config", '{"colour": 1}'], 1, "colour: no such setting"),
    (["channel", "set", "sandbox", "--config", '{"colour": 1}'], 1, "colour: no such setting"),
    (["channel", "pause", "west"], 1, "there is no channel west"),
    (["route", "add", "sms", "west"], 1, "there is no channel west"),
    (["route", "add", "sms", "sandbox"], 1, "says that already"),
    (["route", "add", "sms", "sandbox", "--country", "XX"], 1, "there is no country XX"),
    (["route", "add", "sms", "sandbox", "--country", "ID", "--prefix", "1"], 1, "calling code 62"),
    (["route", "add", "sms", "sandbox", "--account", "acme", "--plan", "default"], 1, "not of both"),
    (["route", "remove", "99"], 1, "there is no route 99"),
    (["country", "set", "10007"], 2, "nothing to set"),
    (["country", "set", "99", "--disabled"], 1, "there is no country 99"),
    (["grant", "add", "acme", "routing", "west"], 1, "there is no channel west"),
    (["grant", "add", "acme", "free-text", "XX"], 1, "there is no country XX"),
    (["grant", "add", "acme", "sender", " "], 1, "needs a value"),
    (["grant", "remove", "acme", "sender", "X"], 1, "is not granted"),
    (["plan", "add", "default"], 1, "there is a plan default already"),
    (["plan", "set", "none", "--refund-failed"], 1, "there is no plan none"),
    (["ledger", "list", "nobody"], 1, "there is no account nobody"),
    (["send", "sms", "6281234567801", "hi"], 2, "who sends?"),
    (["listen"], 2, "whose news?"),
    (["fly"], 2, "No such command 'fly'"),
]


def test_bad_input_is_one_sentence_and_changes_nothing(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    state = "SELECT (SELECT array_agg(c ORDER BY name) FROM change_clock c)::text, (SELECT count(*) FROM audit_entry)"
    before = shell.rows(state)
    for words, code, said in BAD:
        assert said in shell.refused(*words, code=code), words
        assert shell.rows(state) == before, words


def test_without_a_database_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path))
    shell = Shell("", capsys)
    assert "no database runs" in shell.refused("account", "list", code=2)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody@/none?host={tmp_path}")
    assert "no database runs" in shell.refused("doctor", code=2)


def test_account_set_changes_what_is_named(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    words = ["--allow-ip", "203.0.113.7, 10.0.0.1/8", "--rate", "50", "--max-parts", "4", "--language", "zh"]
    set_ = shell.json("account", "set", "acme", *words, "--eight-fields", "--swap-uplink", "--credit", "7")
    assert set_["allow_ips"] == ["203.0.113.7", "10.0.0.0/8"]
    assert (set_["rate_per_s"], set_["max_parts"], set_["language"], set_["credit"]) == (50, 4, "zh", "7")
    assert (set_["eight_fields"], set_["swap_uplink"], set_["locked"], set_["plan"]) == (True, True, False, "default")
    entry = shell.last_audit()
    assert (entry.before["rate_per_s"], entry.after["rate_per_s"]) == (None, 50)
    assert (entry.before["credit"], entry.after["credit"]) == ("0", "7")
    assert "locked" not in entry.after
    cleared = shell.json("account", "set", "acme", "--allow-ip", "any", "--rate", "none", "--no-eight-fields")
    assert (cleared["allow_ips"], cleared["rate_per_s"], cleared["eight_fields"]) == ([], None, False)
    assert cleared["swap_uplink"] is True


def test_lock_and_unlock(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    assert shell.json("account", "lock", "acme")["locked"] is True
    assert shell.last_audit().action == "account lock"
    count = shell.rows("SELECT count(*) FROM audit_entry")
    assert "so already" in shell.run("account", "lock", "acme").out
    assert shell.rows("SELECT count(*) FROM audit_entry") == count
    assert shell.json("account", "unlock", "acme")["locked"] is False
    assert shell.json("account", "list")[0]["locked"] is False


def test_credit_moves_money_and_is_proved(shell: Shell) -> None:
    shell.run("account", "create", "acme", "--balance", "10")
    assert shell.json("account", "credit", "acme", "0.000001", "--note", "invoice 17")["balance"] == "10.000001"
    assert shell.json("account", "credit", "acme", "-3")["balance"] == "7.000001"
    assert shell.json("account", "credit", "acme", "2", "--gift")["gift"] == "2"
    entry = shell.last_audit()
    assert (entry.before["gift"], entry.after["gift"], entry.after["amount"]) == ("0", "2", "2")
    listed = shell.json("ledger", "list", "acme")
    assert [(row["kind"], row["amount"], row["gift"]) for row in listed] == [
        ("gift", "0", "2"), ("adjustment", "-3", "0"), ("recharge", "0.000001", "0"), ("recharge", "10", "0"),
    ]  # fmt: skip
    assert listed[2]["note"] == "invoice 17"
    assert shell.json("account", "show", "acme")["balance"] == "7.000001"
    assert shell.json("ledger", "check") == {"ok": True, "accounts": 1, "mismatches": []}
    shell.rows("UPDATE wallet SET balance_micros = balance_micros + 1")
    off = shell.run("ledger", "check", "--json")
    assert off.code == 1
    assert off.json["mismatches"][0]["balance"] == "7.000002"
    assert shell.run("ledger", "check").code == 1


def live_keys(shell: Shell) -> list[str]:
    found = shell.rows("SELECT sealed FROM api_key WHERE expires_at IS NULL OR expires_at > now() ORDER BY id")
    return [Seal((KEY,)).open(row[0]) for row in found]


def test_key_rotation_overlaps_or_revokes(shell: Shell) -> None:
    first = shell.json("account", "create", "acme")["api_key"]
    second = shell.json("key", "rotate", "acme", "--keep", "2")["api_key"]
    assert live_keys(shell) == [first, second]
    ((hours,),) = shell.rows(
        "SELECT round(extract(epoch FROM expires_at - now()) / 3600) FROM api_key WHERE expires_at IS NOT NULL"
    )
    assert hours == 2
    third = shell.json("key", "rotate", "acme", "--revoke")["api_key"]
    assert live_keys(shell) == [third]
    assert len({first, second, third}) == 3
    assert [key["expires_at"] is None for key in shell.json("account", "show", "acme")["keys"]] == [False, False, True]
    everything = str(shell.rows("SELECT * FROM audit_entry"))
    assert not any(secret in everything for secret in (first, second, third))


def test_seal_rotation(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    api_key = shell.json("account", "create", "acme")["api_key"]
    secret = shell.json("webhook", "set", "acme", "sms", "https://example.com/a")["secret"]
    new = Fernet.generate_key().decode()
    monkeypatch.setenv("TOCSIN_SEALING_KEYS", new)
    assert "no sealing key of this installation opens it" in shell.refused("seal", "rotate")
    monkeypatch.setenv("TOCSIN_SEALING_KEYS", f"{new},{KEY}")
    assert shell.json("seal", "rotate") == {"api_keys": 1, "endpoints": 1, "channels": 0, "second_factors": 0}
    sealed = shell.rows("SELECT sealed FROM api_key UNION ALL SELECT secret FROM endpoint")
    assert [Seal((new,)).open(row[0]) for row in sealed] == [api_key, secret]


def test_webhook_set_prints_the_secret_each_time(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    first = shell.json("webhook", "set", "acme", "sms", "https://example.com/a")
    assert first["secret"].startswith("whsec_")
    again = shell.json("webhook", "set", "acme", "sms", "https://example.com/b")
    assert again["secret"] == first["secret"]
    entry = shell.last_audit()
    assert (entry.before["url"], entry.after["url"]) == ("https://example.com/a", "https://example.com/b")
    assert first["secret"] not in str(shell.rows("SELECT * FROM audit_entry"))
    shell.run("webhook", "set", "acme", "uplink", "https://example.com/c")
    assert [row["kind"] for row in shell.json("webhook", "list", "acme")] == ["sms", "uplink"]
    shell.rows("UPDATE endpoint SET paused_at = now(), paused_reason = '410 Gone' WHERE kind = 'sms'")
    assert "paused: 410 Gone" in shell.run("webhook", "list").out
    shell.json("webhook", "resume", "acme", "sms")
    assert shell.rows("SELECT 1 FROM endpoint WHERE paused_at IS NOT NULL") == []
    assert shell.json("webhook", "replay", "acme", "sms", "--since", "2h")["rows"] == 0
    assert shell.json("webhook", "replay", "acme", "sms", "--aside")["rows"] == 0
    assert shell.last_audit().action == "webhook replay"
    assert shell.json("webhook", "attempts", "acme", "sms") == []


def test_the_list_of_channels_shows_how_links_are(shell: Shell) -> None:
    shell.json("channel", "add", "east", "sandbox", "--rate", "9")
    ((east_id,),) = shell.rows("SELECT id FROM channel WHERE name = 'east'")
    shell.rows(
        f"INSERT INTO link_state VALUES ({east_id}, 1, 1, 2, 50, 7, 12.4, 100, 1, 2, 3, 4, 'the carrier throttled', 1000, 300,"
        " NULL, now())"
    )
    shell.rows(
        "INSERT INTO lane_item (channel_id, priority, account_id, ids, ready_at)"
        f" VALUES ({east_id}, 1, 1, ARRAY[gen_random_uuid()], now() - interval '90 seconds')"
    )
    lines = {line.split()[0]: line for line in shell.run("channel", "list").out.splitlines()}
    for shown in ("1/2", "7/50", "12/9", " 10 ", "90 s"):
        assert shown in lines["east"], lines["east"]
    assert "no worker" in lines["sandbox"]
    live = {row["name"]: row["live"] for row in shell.json("channel", "list")}
    assert (live["east"]["throttled"], live["east"]["waiting"]) == (3, 1)
    assert live["east"]["last_error"] == "the carrier throttled"
    assert live["sandbox"]["links"] == 0


def test_a_breaker_is_shown_and_closed_by_hand(shell: Shell) -> None:
    shell.json("channel", "add", "east", "sandbox")
    shell.rows(
        "INSERT INTO breaker (channel_id, country_id, state, rate_last, rate_day) SELECT id, 10007, 'open', 0.1, 0.9 FROM channel"
        " WHERE name = 'east'"
    )
    lines = {line.split()[0]: line for line in shell.run("channel", "list").out.splitlines()}
    assert "open ID" in lines["east"]
    assert "closed" in lines["sandbox"]
    (row,) = [row for row in shell.json("channel", "list") if row["name"] == "east"]
    assert [(one["country"], one["state"], one["rate_day"]) for one in row["breakers"]] == [("ID", "open", 0.9)]
    assert shell.run("channel", "reset", "east").out == "east: ID was open\n"
    entry = shell.last_audit()
    assert (entry.action, entry.subject) == ("channel reset", "channel east")
    assert shell.rows("SELECT 1 FROM breaker") == []
    assert shell.run("channel", "reset", "east").out == "east: no breaker was open\n"
    assert shell.last_audit() == entry
    assert shell.run("channel", "reset", "west").code == 1


def test_channels_and_routes(shell: Shell) -> None:
    made = shell.json("channel", "add", "east", "sandbox", "--rate", "9", "--window", "5", "--unknown-policy", "resend")
    assert (made["rate"], made["window"], made["unknown_policy"], made["paused"]) == (9, 5, "resend", False)
    assert shell.json("channel", "set", "east", "--rate", "none", "--max-attempts", "2")["rate"] is None
    assert shell.json("channel", "pause", "east")["paused"] is True
    entry = shell.last_audit()
    assert (entry.action, entry.before, entry.after) == ("channel pause", {"paused": False}, {"paused": True})
    assert shell.json("channel", "resume", "east")["paused"] is False
    assert {row["name"] for row in shell.json("channel", "list")} == {"sandbox", "east"}
    assert (made["failover_after_s"], made["queue_age_s"]) == (10, None)
    assert shell.json("channel", "set", "east", "--queue-age", "30", "--failover-after", "2.5")["queue_age_s"] == 30
    assert shell.json("channel", "set", "east", "--queue-age", "none")["queue_age_s"] is None
    shell.run("account", "create", "acme")
    added = shell.json("route", "add", "SMS", "east", "--account", "acme", "--country", "ID", "--prefix", "62811")
    assert (added["product"], added["account"], added["country"], added["prefix"]) == ("sms", "acme", "ID", "62811")
    assert shell.json("route", "list")[0] == added
    removed = shell.json("route", "remove", str(added["id"]))
    assert removed == added
    entry = shell.last_audit()
    assert (entry.action, entry.after) == ("route remove", None)
    assert added["id"] not in [row["id"] for row in shell.json("route", "list")]


def test_unmatched_receipts_are_shown(shell: Shell) -> None:
    assert "All receipts of sandbox fit" in shell.run("channel", "unmatched", "sandbox").out
    for name, others in (("1957", "7a5"), ("1958", "")):
        shell.rows(
            "INSERT INTO unmatched_receipt (channel_id, carrier_id, others, phone, status, reason, at)"
            f" SELECT id, '{name}', '{others}', '6281234567890', 1, 1, now() FROM channel WHERE name = 'sandbox' RETURNING id"
        )
    newest, before = shell.json("channel", "unmatched", "sandbox")
    assert (newest["id"], newest["others"], newest["state"], newest["looked_for"]) == ("1958", [], "success", True)
    assert (before["id"], before["others"], before["number"]) == ("1957", ["7a5"], "6281234567890")
    assert len(shell.json("channel", "unmatched", "sandbox", "--limit", "1")) == 1
    assert "6281234567890" in shell.run("channel", "unmatched", "sandbox").out
    assert "there is no channel west" in shell.refused("channel", "unmatched", "west")


def test_price_import_is_whole_or_nothing(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("\ufeffplan,product,country,prefix,channel,price\ndefault,sms,ID,,,0.02\n", encoding="utf-8")
    assert shell.json("price", "import", str(file)) == {"imported": 1, "errors": []}
    entry = shell.last_audit()
    assert (entry.action, entry.after["rows"], entry.after["file"]) == ("price import", 1, "prices.csv")
    listed = shell.json("price", "list", "--country", "ID")
    assert [(row["plan"], row["product"], row["price"]) for row in listed] == [("default", "sms", "0.02")]
    file.write_text(
        "plan,product,country,prefix,channel,price\ndefault,sms,ID,,,0.5\ndefault,fax,,,,1\nnone,sms,,,,1\n",
        encoding="utf-8",
    )
    done = shell.run("price", "import", str(file), "--json")
    assert done.code == 1
    assert [row["line"] for row in done.json["errors"]] == [3, 4]
    plain = shell.run("price", "import", str(file))
    assert plain.code == 1
    assert "line 3: unknown product 'fax'" in plain.out
    assert "line 4: unknown plan 'none'" in plain.out
    assert shell.json("price", "list", "--country", "10007")[0]["price"] == "0.02"
    file.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in shell.refused("price", "import", str(file))
    file.write_text("a,b\n", encoding="utf-8")
    assert "line 1" in shell.refused("price", "import", str(file))
    assert "does not exist" in shell.refused("price", "import", str(tmp_path / "no.csv"), code=2)


def test_plans(shell: Shell) -> None:
    made = {"plan": "wholesale", "charge_failed": False, "min_margin_percent": None, "by_cost": False}
    assert shell.json("plan", "add", "wholesale", "--refund-failed") == made
    shell.json("account", "create", "acme", "--plan", "wholesale")
    assert shell.json("plan", "set", "wholesale", "--charge-failed")["charge_failed"] is True
    entry = shell.last_audit()
    assert (entry.before, entry.after) == ({"charge_failed": False}, {"charge_failed": True})
    assert shell.json("plan", "list")[1] == {**made, "charge_failed": True}
    set_to = shell.json("plan", "set", "wholesale", "--min-margin", "15", "--by-cost")
    assert (set_to["charge_failed"], set_to["min_margin_percent"], set_to["by_cost"]) == (True, 15, True)
    assert shell.last_audit().before == {"min_margin_percent": None, "by_cost": False}
    assert shell.json("plan", "set", "wholesale", "--min-margin", "none")["min_margin_percent"] is None
    assert "nor `none`" in shell.refused("plan", "set", "wholesale", "--min-margin", "100", code=2)
    assert "nothing to set" in shell.refused("plan", "set", "wholesale", code=2)


def test_countries(shell: Shell) -> None:
    changed = shell.json("country", "set", "10007", "--disabled", "--template-required")
    assert (changed["iso"], changed["enabled"], changed["template_required"]) == ("ID", False, True)
    assert shell.last_audit().before == {"enabled": True, "template_required": False}
    assert shell.json("country", "set", "id", "--enabled")["template_required"] is True
    listed = {row["code_id"]: row for row in shell.json("country", "list")}
    assert listed[10001]["name_zh"] == "中国"
    assert listed[10001]["template_required"] is True


def test_grants(shell: Shell) -> None:
    shell.run("account", "create", "acme")
    for kind, value, kept in (
        ("sender", "ACME", "ACME"),
        ("show-phone", "+6221555", "6221555"),
        ("routing", "sandbox", "sandbox"),
        ("free-text", "CN", "10001"),
        ("free-text", "*", "*"),
    ):
        assert shell.json("grant", "add", "acme", kind, value)["value"] == kept
        assert "was granted already" in shell.refused("grant", "add", "acme", kind, value)
    assert len(shell.json("grant", "list")) == len(shell.json("grant", "list", "acme")) == 5
    shell.json("grant", "remove", "acme", "free-text", "10001")
    entry = shell.last_audit()
    assert (entry.action, entry.before["value"], entry.after) == ("grant remove", "10001", None)
    assert len(shell.json("account", "show", "acme")["grants"]) == 4


def test_secrets_of_a_channel_are_sealed_and_never_shown(shell: Shell, tmp_path: Path) -> None:
    secret, token = "the carrier's password", "the token of callers"
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"url": "http://carrier.example/", "auth": "bearer", "secret": secret}))
    made = shell.json("channel", "add", "east", "http", "--config", f"@{file}")
    assert made["config"]["secret"] == "(sealed)"
    entry = shell.last_audit()
    changed = shell.run("channel", "set", "east", "--config", json.dumps({**made["config"], "callback_token": token}))
    ((stored,),) = shell.rows("SELECT config FROM channel WHERE name = 'east'")
    assert Seal((KEY,)).open(stored["secret"]["sealed"]) == secret
    assert Seal((KEY,)).open(stored["callback_token"]["sealed"]) == token
    assert shell.last_audit().after["config"]["callback_token"] == "(sealed anew)"
    assert shell.last_audit().after["config"]["secret"] == "(sealed)"
    shown = [str(made), str(entry), str(shell.last_audit()), changed.out, shell.run("channel", "list").out]
    shown += [str(shell.json("channel", "list")), str(shell.json("channel", "pause", "east")), shell.run("doctor").out]
    for text in shown:
        assert secret not in text
        assert token not in text
    assert shell.json("seal", "rotate")["channels"] == 2
    ((again,),) = shell.rows("SELECT config FROM channel WHERE name = 'east'")
    assert again["secret"] != stored["secret"]
    assert Seal((KEY,)).open(again["secret"]["sealed"]) == secret
    bad = shell.refused("channel", "set", "east", "--config", '{"url": "http://a/", "callback_token": "hush"}')
    assert bad == "callback_token: must be at least 16 printable ASCII characters"
    assert "cannot be read" in shell.refused("channel", "set", "east", "--config", "@/nowhere", code=2)
