"""`tocsin smsc` as a process: its options, its commands, its journal, its end."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.smsc_bed import BIND, USUAL, Customer, numbered, started, text_to
from tests.flows.test_tls import make_certificate
from tests.poll import PATIENCE_S, until
from tocsin.smpp import UDHI, Command, Status, Tag, Terms


async def bind(address: tuple[str, int], tls: ssl.SSLContext | None = None) -> Customer:
    customer = Customer(Terms(window=100, response_s=5))
    await customer.bind(address, Command.BIND_TRANSCEIVER, BIND, tls)
    return customer


async def test_it_is_driven_by_its_input_and_tells_what_it_took(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with started("--log", str(log), "--id-form", "hex", "--throttle-every", "3", "--system-id", "acme") as process:
        customer = await bind(process.address)
        answer = await customer.ask(
            text_to(USUAL, b"\5\0\3\1\2\1hello", esm_class=UDHI, tlvs={Tag.MESSAGE_STATE: b"\1"})
        )
        assert (await customer.ask(text_to(numbered("01")))).status == Status.SUBMIT_FAILED
        assert (await customer.ask(text_to(USUAL))).status == Status.THROTTLED
        assert (await customer.ask(text_to(USUAL))).status == 0
        await customer.receive(2)
        stats = process.obey({"stats": True})["stats"]
        assert (stats["submits"], stats["taken"], stats["statuses"]) == (4, 2, {"0x45": 1, "0x58": 1})
        first, _ = [json.loads(line) for line in log.read_text().splitlines()]
        at = first.pop("at")
        assert stats["sessions"] == 1
        assert at > 1_700_000_000
        assert first == {
            "id": answer.message_id.decode(), "session": 1, "system_id": "acme", "command": "submit_sm", "source": "ACME",
            "destination": USUAL.decode(), "data_coding": 0, "esm_class": UDHI, "registered": 1, "udh": "050003010201",
            "text": b"hello".hex(), "tlvs": {"0427": "01"},
        }  # fmt: skip
        customer.stream.close()


async def test_replies_come_on_demand_in_parts_and_any_writing() -> None:
    with started() as process:
        assert "error" in process.obey({"reply": {"from": "8120", "to": "ACME", "text": "x"}})
        customer = await bind(process.address)
        for reply, parts in [
            ({"text": "it costs 5 €"}, 1),
            ({"text": "好" * 80}, 2),
            ({"hex": "00ff"}, 1),
            ({"text": "a" * 200, "system_id": "acme"}, 2),
        ]:
            told = process.obey({"reply": {"from": "8120", "to": "ACME", **reply}})
            assert told == {"reply": {"system_id": "acme", "parts": parts}}
        got = await customer.receive(6)
        assert [(each.data_coding, each.esm_class) for each in got] == [
            (0, 0), (8, UDHI), (8, UDHI), (4, 0), (0, UDHI), (0, UDHI),
        ]  # fmt: skip
        assert got[0].text == b"it costs 5 \x1b\x65"
        assert got[1].text[:6] == bytes((5, 0, 3, 2, 2, 1))
        assert (got[1].text[6:] + got[2].text[6:]).decode("utf-16-be") == "好" * 80
        assert got[3].text == b"\0\xff"
        for wrong in [{"reply": {"from": "1", "to": "2"}}, {}, {"drop": -1}, {"what": 1}, {"faults": {"rate": -1}}, [1],
                      {"reply": {"from": "1", "to": "2", "hex": "x"}}]:  # fmt: skip
            assert process.obey(wrong)["error"], wrong
        customer.stream.close()


async def test_faults_and_drops_are_ordered() -> None:
    with started() as process:
        customer = await bind(process.address)
        assert process.obey({"faults": {"throttle_every": 1}}) == {"faults": {"throttle_every": 1}}
        assert (await customer.ask(text_to(USUAL))).status == Status.THROTTLED
        assert process.obey({"faults": {}}) == {"faults": {}}
        assert process.obey({"hang": True}) == {"hang": True}
        customer.submit(text_to(USUAL))
        assert process.obey({"hang": False}) == {"hang": False}
        await until(lambda: len(customer.answers) == 2)
        assert process.obey({"drop": True}) == {"drop": 1}
        await until(lambda: customer.ended)


async def test_it_speaks_tls(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    with started("--cert", str(cert), "--key", str(key)) as process:
        context = ssl.create_default_context(cafile=str(cert))
        customer = await bind(process.address, context)
        assert (await customer.ask(text_to(USUAL))).status == 0
        customer.stream.close()
        await customer.stream.closed.wait()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_it_shows_what_happens_and_ends_in_order(sign: signal.Signals) -> None:
    words = [sys.executable, "-u", "-m", "tocsin", "smsc", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("An SMSC listens on 127.0.0.1 port ")
            customer = await bind(("127.0.0.1", int(line.split("port ")[1].split(";")[0])))
            await customer.ask(text_to(USUAL))
            assert "bound 1" in process.stdout.readline()
            customer.stream.close()
            process.send_signal(sign)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cert", __file__], "TLS wants both --cert and --key"),
        (["--cert", __file__, "--key", __file__], "are no certificate and its key"),
        (["--script", __file__], "the script cannot be read"),
        (["--host", "192.0.2.1"], "cannot run on 192.0.2.1 port 2775"),
        (["--port", "0", "--log", "/proc/nowhere"], "cannot write /proc/nowhere"),
        (["--throttle-every", "-1"], "Invalid value for '--throttle-every'"),
    ],
)
def test_wrong_usage_is_one_sentence(options: list[str], said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tocsin", "smsc", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
