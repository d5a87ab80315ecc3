"""`tocsin channel test`, `channel remove`, and the last error of `channel list`."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conformance.script import Script
from tests.conformance.sink import RecordingSink
from tests.doors.api import Bed, Door
from tests.doors.shell import Ran, Shell
from tests.poll import until
from tocsin.carriers import ChannelFacts, open_link
from tocsin.cli import channel_remove
from tocsin.smsc import Options, Smsc

NUMBER = "6281234567801"
STATE = (
    "INSERT INTO link_state VALUES ({channel}, 7, {binds}, 1, 50, 0, 0, 0, 0, 0, 0, 0, '{error}', {at}, 0, NULL, now())"
)


def add(shell: Shell, name: str, kind: str, config: dict[str, Any]) -> int:
    return int(shell.json("channel", "add", name, kind, "--config", json.dumps(config))["id"])


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def run(shell: Shell, *words: str) -> Ran:
    """A verb beside a server on this loop."""
    return await asyncio.to_thread(shell.run, *words)


def test_the_list_shows_the_last_error(shell: Shell) -> None:
    shell.rows(STATE.format(channel=1, binds=0, error="the bind was refused", at="extract(epoch FROM now()) - 300"))
    shown = shell.run("channel", "list").out
    assert "last error" in shown.splitlines()[0]
    assert "the bind was refused (5 min ago)" in shown
    assert shell.json("channel", "list")[0]["live"]["last_error"] == "the bind was refused"


def test_the_sandbox_is_tested_without_sending(shell: Shell) -> None:
    found = shell.json("channel", "test", "sandbox")
    assert (found["ok"], found["outcome"]) == (True, None)
    fate = shell.run("channel", "test", "sandbox", "--to", "+62 81200009902")
    assert fate.code == 0
    assert "nothing was sent; a message to this number would be number error in the receipt" in fate.out
    assert shell.rows("SELECT count(*) FROM sandbox_submit") == [(0,)]
    add(shell, "off", "sandbox", {"down": True})
    down = shell.run("channel", "test", "off")
    assert (down.code, "told to be down" in down.out, "off: FAILED" in down.out) == (1, True, True)
    assert "no number with its country code" in shell.refused("channel", "test", "sandbox", "--to", "hello")
    assert "GSM alphabet" in shell.refused("channel", "test", "sandbox", "--to", NUMBER, "--text", "你好")


async def test_smpp_binds_says_what_was_answered_and_unbinds(shell: Shell) -> None:
    smsc = Smsc(Options(system_id="acme", password="pw", binds=1))
    _, port = await smsc.start("127.0.0.1", 0)
    config = {"host": "127.0.0.1", "port": port, "system_id": "acme", "password": "pw", "reconnect_s": 0.05}
    channel = add(shell, "east", "smpp", config)
    try:
        found = await run(shell, "channel", "test", "east")
        assert found.code == 0, found
        assert f"connected to 127.0.0.1:{port}" in found.out
        assert "bind_transceiver as acme: bound" in found.out
        await until(lambda: smsc.counts.sessions == 0)
        sent = await run(shell, "channel", "test", "east", "--to", NUMBER, "--json")
        assert (sent.code, sent.json["outcome"]) == (0, "accepted"), sent
        assert sent.json["carrierId"]
        assert shell.last_audit().after == {"to": NUMBER}
        wrong = await run(shell, "channel", "set", "east", "--config", json.dumps(config | {"password": "no"}))
        assert wrong.code == 0
        refused = await run(shell, "channel", "test", "east")
        assert refused.code == 1
        assert "invalid password" in refused.out
        assert "see the settings system_id, password" in refused.out
        await run(shell, "channel", "set", "east", "--config", json.dumps(config))
        await _stand_beside_a_bind(shell, channel, config)
    finally:
        await smsc.close()


async def _stand_beside_a_bind(shell: Shell, channel: int, config: dict[str, Any]) -> None:
    """A worker's bind stands: no second one is tried, unless it is asked for, and the first one goes on."""
    link = open_link("smpp", ChannelFacts(channel, "east", config), "")
    await link.open(RecordingSink())
    try:
        await until(lambda: link.state().binds)
        shell.rows(STATE.format(channel=channel, binds=1, error="", at="0"))
        beside = await run(shell, "channel", "test", "east")
        assert beside.code == 0, beside
        assert "not bound a second time while a worker is bound" in beside.out
        assert "--second-bind allows" in (await run(shell, "channel", "test", "east", "--to", NUMBER)).err
        shell.rows("UPDATE link_state SET at = now()")
        second = await run(shell, "channel", "test", "east", "--second-bind")
        assert second.code == 1
        assert "the bind was refused" in second.out
        assert link.state().binds == 1
    finally:
        await link.close()
        shell.rows("DELETE FROM link_state")


def test_a_carrier_that_does_not_answer_takes_no_longer_than_asked(shell: Shell) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        add(shell, "deaf", "smpp", {"host": "127.0.0.1", "port": port, "system_id": "a", "connect_s": 60})
        done = shell.run("channel", "test", "deaf", "--wait", "0.5")
    assert done.code == 1
    assert "no answer within 0.5 s" in done.out
    gone = find_free_port()
    add(shell, "gone", "smpp", {"host": "127.0.0.1", "port": gone, "system_id": "a"})
    assert f"no connection to 127.0.0.1:{gone}" in shell.run("channel", "test", "gone").out


@pytest.fixture
def carrier() -> Iterator[Script]:
    server = Script("carrier_server.py")
    server.call("PUT", "/east", {"calls": "http://127.0.0.1:1", "token": "x"})
    yield server
    server.close()


def test_an_http_carrier_is_only_asked_with_a_number(shell: Shell, carrier: Script) -> None:
    config = {
        "url": carrier.url("/east/send"), "id_at": "/result/id", "callback_token": "token-of-the-test",
        "body": '{"to": "{to}", "from": "{from}", "text": "{text}", "id": "{id}", "part": {part}, "parts": {parts}}',
        "error_at": "/error", "errors": {"rejected": "permanent"},
    }  # fmt: skip
    add(shell, "east", "http", config)
    quiet = shell.run("channel", "test", "east")
    assert quiet.code == 0, quiet
    assert "connected to 127.0.0.1" in quiet.out
    assert "no request was sent" in quiet.out
    assert json.loads(carrier.call("GET", "/east"))["taken"] == {}
    sent = shell.json("channel", "test", "east", "--to", NUMBER)
    assert (sent["ok"], sent["outcome"]) == (True, "accepted")
    refused = shell.run("channel", "test", "east", "--to", "628120009901")
    assert refused.code == 1
    assert "the carrier refused the message" in refused.out
    add(shell, "gone", "http", config | {"url": f"http://127.0.0.1:{find_free_port()}/send"})
    assert "no connection" in shell.run("channel", "test", "gone").out


def test_an_upstream_platform_is_asked_for_our_balance(shell: Shell, bed: Bed, door: Door) -> None:
    customer = bed.customer()
    config = {"base_url": f"http://127.0.0.1:{door.port}", "account": customer.name, "api_key": customer.key}
    add(shell, "up", "tocsin", config)
    found = shell.json("channel", "test", "up")
    assert found["ok"] is True
    assert found["said"] == [f"the upstream knows account {customer.name}: balance 10 USD"]
    sent = shell.json("channel", "test", "up", "--to", NUMBER)
    assert (sent["outcome"], len(sent["carrierId"])) == ("accepted", 32)
    add(shell, "stranger", "tocsin", config | {"api_key": "wrong"})
    refused = shell.run("channel", "test", "stranger")
    assert refused.code == 1
    assert "the upstream answered -1" in refused.out
    assert customer.key not in refused.out


def put_message(shell: Shell, channel: int, *, product: int = 1, attempt: int = 1) -> str:
    """A message that waits for the channel; its id."""
    with psycopg.connect(shell.dsn, autocommit=True) as conn:
        row = conn.execute(
            "INSERT INTO message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status,"
            " reason) VALUES (uuid7_floor(now() + random() * interval '1 second'), 1, 1, %s, '6281', 10007, %s, 1, 100000, 0, 0)"
            " RETURNING id",
            (product, channel),
        ).fetchone()
        assert row is not None
        conn.execute(
            "INSERT INTO lane_item (channel_id, priority, account_id, attempt, ids) VALUES (%s, 1, 1, %s, ARRAY[%s::uuid])",
            (channel, attempt, row[0]),
        )
    return str(row[0])


def hand_over(shell: Shell, channel: int, message_id: str) -> None:
    shell.rows(
        "INSERT INTO submission (message_id, at, channel_id, carrier_id, part, attempt, outcome, reason)"
        f" VALUES ('{message_id}', now(), {channel}, 'c1', 1, 1, 0, 0)"
    )


@pytest.fixture
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process runs here that would have to learn of a change."""
    monkeypatch.setattr(channel_remove, "SETTLE_S", 0.1)


def test_what_is_in_the_way_of_a_removal_is_named(shell: Shell, swift: None) -> None:
    shell.run("account", "create", "acme")
    east = add(shell, "east", "sandbox", {})
    route = shell.json("route", "add", "sms", "east")["id"]
    shell.run("grant", "add", "acme", "routing", "east")
    put_message(shell, east)
    hand_over(shell, east, put_message(shell, east))
    said = shell.run("channel", "remove", "east").err
    assert f"east: 1 route to it: tocsin route remove ID, for each of {route}" in said
    assert "east: 1 account may name it: tocsin grant remove acme routing east" in said
    assert "east: 2 messages in its lane: let them go, or --move-to CHANNEL" in said
    assert "east: receipts of 1 message are to come: wait for them, or --without-receipts" in said
    assert shell.json("channel", "list")[-1]["paused"] is False, "nothing was changed"
    assert "did you mean east?" in shell.refused("channel", "remove", "esat")


def test_a_channel_goes_with_its_prices_and_what_waits_moves(shell: Shell, swift: None) -> None:
    shell.run("account", "create", "acme")
    east, west = add(shell, "east", "sandbox", {}), add(shell, "west", "sandbox", {})
    waiting = {put_message(shell, east) for _ in range(3)}
    shell.rows(f"INSERT INTO cost (channel_id, product, prefix, cost_micros) VALUES ({east}, 1, '', 5)")
    shell.rows(f"INSERT INTO delivery_hour VALUES ({east}, 10007, now(), 1, 1)")
    handed = put_message(shell, west)
    hand_over(shell, east, handed)
    shell.rows(f"UPDATE lane_item SET channel_id = {west}, due = 'infinity' WHERE ids = ARRAY['{handed}'::uuid]")
    assert "to come" in shell.refused("channel", "remove", "east", "--move-to", "west")
    gone = shell.json("channel", "remove", "east", "--move-to", "west", "--without-receipts")
    assert (gone["moved"], gone["moved_to"], gone["costs"], gone["was_paused"]) == (3, "west", 1, False)
    rows = shell.rows("SELECT channel_id, unnest(ids)::text FROM lane_item")
    assert {(channel, each) for channel, each in rows if each in waiting} == {(west, each) for each in waiting}
    assert shell.rows(f"SELECT count(*) FROM channel WHERE id = {east}") == [(0,)]
    assert shell.rows(f"SELECT count(*) FROM delivery_hour WHERE channel_id = {east}") == [(0,)]
    entry = shell.last_audit()
    assert (entry.action, entry.subject, entry.after) == ("channel remove", "channel east", None)
    assert entry.before["costs"] == 1
    assert f"{east} (removed)" in shell.run("message", "show", next(iter(waiting))).out


def test_what_a_carrier_has_a_part_of_and_what_is_in_hand_stays(
    shell: Shell, swift: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run("account", "create", "acme")
    east, _ = add(shell, "east", "sandbox", {}), add(shell, "west", "sandbox", {})
    hand_over(shell, east, put_message(shell, east, attempt=2))
    order = ["channel", "remove", "east", "--move-to", "west", "--without-receipts"]
    said = shell.run(*order).err
    assert "its carrier has a part: let them end first" in said
    assert "east is paused now: tocsin channel resume east" in said
    assert shell.rows(f"SELECT count(*) FROM lane_item WHERE channel_id = {east}") == [(1,)]
    monkeypatch.setattr(channel_remove, "_WAIT_S", 0.2)
    shell.rows("UPDATE lane_item SET owner = 9, lease_end = now() + interval '1 minute'")
    assert "a worker still has messages of east in hand" in shell.refused(*order)


def test_where_nothing_may_move_to(shell: Shell, swift: None) -> None:
    shell.run("account", "create", "acme")
    east = add(shell, "east", "sandbox", {})
    add(shell, "wire", "smpp", {"host": "127.0.0.1", "system_id": "a"})
    put_message(shell, east, product=5)
    assert "email wait for east, which a channel of kind smpp does not carry" in shell.refused(
        "channel", "remove", "east", "--move-to", "wire"
    )
    assert "cannot move to the channel" in shell.refused("channel", "remove", "east", "--move-to", "east")
    shell.run("channel", "pause", "wire")
    assert "wire is paused" in shell.refused("channel", "remove", "east", "--move-to", "wire")
