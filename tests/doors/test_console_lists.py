"""Opt-outs and blacklist, and the account's settings, in the console."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from tests.doors.console import log_in, read
from tocsin import accounts, audit, compliance
from tocsin.compliance import Cap, CapKind

BOTH = pytest.mark.parametrize("path", ["/lists/", "/lists/blacklist/"])


def listed(dsn: str, path: str, account_id: int) -> list[tuple[str, str, str]]:
    table = "opt_out" if path == "/lists/" else "blacklist"
    sender = "sender" if path == "/lists/" else "''"
    with psycopg.connect(dsn) as conn:
        query = f"SELECT value, origin, {sender} FROM {table} WHERE account_id = %s ORDER BY id"
        return [(row[0], row[1], row[2]) for row in conn.execute(query.encode(), (account_id,))]


def ids(text: str) -> list[str]:
    return re.findall(r'action="(/lists/[a-z/]*[0-9]+/remove/)"', text)


@BOTH
def test_many_are_added_once_and_one_is_removed(project: str, path: str) -> None:
    client, me = log_in("developer")
    other, _ = log_in()
    assert (
        client.post(f"{path}add/", {"values": "+62 812-3456-7890\n6281234567891, 6281234567891\n"}).status_code == 302
    )
    said = read(client.get(path))
    assert "2 entries added." in said
    assert "By hand" in said
    client.post(f"{path}add/", {"values": "6281234567890;6281234567899"})
    assert "1 entry added. 1 was there already." in read(client.get(path))
    assert [row[:2] for row in listed(project, path, me.account_id)] == [
        ("6281234567890", "console"), ("6281234567891", "console"), ("6281234567899", "console"),
    ]  # fmt: skip
    assert ids(read(other.get(path))) == []
    removes = ids(read(client.get(f"{path}?q=6281234567891")))
    assert len(removes) == 1
    assert other.post(removes[0]).status_code == 404
    assert client.post(removes[0]).status_code == 302
    assert client.post(removes[0]).status_code == 404
    assert "6281234567891 may be sent to again" in read(client.get(path))
    assert len(listed(project, path, me.account_id)) == 2
    with psycopg.connect(project) as conn:
        assert [entry.before for entry in audit.read_last(conn, f"account {me.account.name}", 1)] == [
            {"value": "6281234567891"}
        ]


@BOTH
@pytest.mark.parametrize("role", ["owner", "developer", "finance", "viewer"])
def test_all_read_and_some_change(project: str, path: str, role: str) -> None:
    client, me = log_in(role)
    may = role in {"owner", "developer"}
    answer = client.get(path)
    assert answer.status_code == 200
    assert ('id="values"' in read(answer)) == may
    assert client.post(f"{path}add/", {"values": "6281234567890"}).status_code == (302 if may else 403)
    with psycopg.connect(project) as conn:
        compliance.add_many_listed(conn, me.account_id, ["6281234567000"])
    assert bool(ids(read(client.get("/lists/blacklist/")))) == may


@BOTH
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Write at least one number"),
        ("# a comment", "Write at least one number"),
        ("6281234567890\n<b>0812\n", "“&lt;b&gt;0812” is no number"),
        ("\n".join(f"62812{n:08}" for n in range(1001)), "1001 are too many at once: 1000 at most"),
        ("\n".join(f"0{n}" for n in range(12)), "2 more are wrong"),
    ],
)
def test_a_wrong_line_adds_nothing_and_loses_nothing(project: str, path: str, text: str, why: str) -> None:
    client, me = log_in()
    answer = client.post(f"{path}add/", {"values": text})
    assert answer.status_code == 422
    assert why in read(answer)
    if text.startswith("62812"):
        assert text[:13] in read(answer)
    assert listed(project, path, me.account_id) == []


def test_an_opt_out_may_be_of_one_sender_and_is_no_address(project: str) -> None:
    client, me = log_in()
    client.post("/lists/add/", {"values": "6281234567890", "sender": "ACME"})
    client.post("/lists/add/", {"values": "6281234567890"})
    assert listed(project, "/lists/", me.account_id) == [
        ("6281234567890", "console", "ACME"), ("6281234567890", "console", ""),
    ]  # fmt: skip
    answer = client.post("/lists/add/", {"values": "ann@example.com", "sender": "ACME"})
    assert "belongs on the blacklist" in read(answer)
    assert 'value="ACME"' in read(answer)
    client.post("/lists/blacklist/add/", {"values": "Ann@Example.com"})
    assert "ann@example.com" in read(client.get("/lists/blacklist/?q=ANN"))


def test_lists_go_by_pages_and_tell_where_a_row_comes_from(project: str) -> None:
    client, me = log_in()
    with psycopg.connect(project) as conn:
        compliance.add_many_listed(conn, me.account_id, [f"62812000{n:05}" for n in range(60)])
        conn.execute(
            "INSERT INTO blacklist (account_id, value, origin) VALUES (%s, 'x@example.com', 'complaint')",
            (me.account_id,),
        )
    first = read(client.get("/lists/blacklist/"))
    assert "Complaint" in first
    assert "this recipient complained" in first
    more = re.findall(r'href="(\?q=&amp;origin=&amp;before=[0-9]+)"', first)[0].replace("&amp;", "&")
    second = read(client.get(f"/lists/blacklist/{more}"))
    values = re.findall(r"<td class=\"text-break\">(.+?)</td>", first + second)
    assert len(values) == len(set(values)) == 61
    only = read(client.get("/lists/blacklist/?origin=complaint"))
    assert re.findall(r"<td class=\"text-break\">(.+?)</td>", only) == ["x@example.com"]
    assert client.get("/lists/blacklist/?before=9999999999999999999999").status_code == 200


def save(client: Any, **facts: str) -> Any:
    return client.post("/settings/save/", {"language": "en", "networks": "", **facts})


@pytest.mark.parametrize("role", ["owner", "developer", "finance", "viewer"])
def test_settings_are_the_owners_and_limits_are_to_read(project: str, role: str) -> None:
    client, me = log_in(role)
    may = role == "owner"
    with psycopg.connect(project) as conn:
        accounts.set_account(conn, me.account.name, rate_per_s=17)
        spend = Cap(
            id=0,
            account_id=me.account_id,
            kind=CapKind.SPEND,
            action=None,
            country_id=0,
            most=25_000_000,
            window_s=86400,
            digits=7,
        )
        compliance.set_cap(conn, spend)
        compliance.set_cap(
            conn,
            Cap(
                id=0, account_id=10**6, kind=CapKind.NUMBER, action=None, country_id=0, most=4321, window_s=60, digits=7
            ),
        )
    page = read(client.get("/settings/"))
    assert "17" in page
    assert "25 USD in a day (UTC)" in page
    assert "4321" not in page, "another account's cap"
    assert "45 days at least" in page
    assert ('id="save-settings"' in page) == may
    changes = {"language": "zh", "networks": "203.0.113.7\n10.0.0.1/8", "eight_fields": "on"}
    assert save(client, **changes, plan="gold", rate_per_s="9999", locked="").status_code == (302 if may else 403)
    with psycopg.connect(project) as conn:
        facts = accounts.find_account(conn, me.account.name)
    assert facts.rate_per_s == 17
    assert (facts.language, facts.allow_ips, facts.eight_fields) == (
        ("zh", ["203.0.113.7", "10.0.0.0/8"], True) if may else ("en", [], False)
    )
    assert facts.plan == "default"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"language": "xx"}, "Choose a language"),
        ({"networks": "203.0.113.7 nowhere"}, "“nowhere” is no address or network"),
        ({"networks": " ".join(["203.0.113.7"] * 101)}, "100 networks at most"),
    ],
)
def test_a_bad_setting_is_told_and_kept(project: str, facts: dict[str, str], why: str) -> None:
    client, me = log_in()
    answer = save(client, **{"swap_uplink": "on", **facts})
    assert answer.status_code == 422
    assert why in read(answer)
    assert facts.get("networks", "") in read(answer)
    assert 'name="swap_uplink" checked' in read(answer)
    with psycopg.connect(project) as conn:
        assert not accounts.find_account(conn, me.account.name).swap_uplink
