"""What the flows over SMPP stand on: `tocsin smsc` as a process that obeys, and channels of a plant that lead to it.

What a customer said is compared with what the simulator's log holds: octets, decoded here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.flows.plant import Answer, Customer, Plant, count_doubled, post
from tests.poll import until_sync
from tocsin import carriers, routing
from tocsin.content import gsm7
from tocsin.kit.seal import Seal
from tocsin.traffic import Product

SYSTEM_ID, PASSWORD = "acme", "secret"
SENDER = "ACME"
_ANSWER_S = 30.0
_UCS2 = 8
_NOT_KNOWN = {"status": -1, "message": "Authentication error", "msg": "Authentication error"}
_PAYLOAD, _REFERENCE, _TOTAL, _NUMBER = "0424", "020c", "020e", "020f"
_BLANK = routing.Channel(
    id=0, name="", kind="smpp", paused=False, rate=None, window=1000, unknown_policy="leave", max_attempts=8, config={}
)


class Line(NamedTuple):
    """A message that the simulator took. `reference` and `total`: of a text in parts, by header or SAR; else 0 and 1."""

    number: str
    source: str
    session: int
    coding: int
    registered: int
    octets: bytes
    header: bytes
    reference: int
    total: int
    part: int
    tlvs: dict[str, str]

    @property
    def text(self) -> str:
        """Decoded."""
        return _decode(self.octets, self.coding)


class Simulator:
    """One run of `tocsin smsc`; `options` as on its command line."""

    def __init__(self, home: Path, *options: str) -> None:
        self.log = home / "smsc.jsonl"
        command = [sys.executable, "-m", "tocsin", "smsc", "--port", "0", "--json", "--control", "--log", str(self.log)]
        login = ["--system-id", SYSTEM_ID, "--password", PASSWORD]
        self._process = subprocess.Popen([*command, *login, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self._hear()["listening"]["port"])

    def _hear(self) -> dict[str, Any]:
        """Its next line; a simulator that says nothing is ended, which ends the wait."""
        assert self._process.stdout is not None
        guard = threading.Timer(_ANSWER_S, self._process.kill)
        guard.start()
        line = self._process.stdout.readline()
        guard.cancel()
        assert line, f"the simulator ended with {self._process.wait()}"
        said: dict[str, Any] = json.loads(line)
        return said

    def order(self, **what: Any) -> Any:
        """Its answer to this command."""
        [name] = what
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()
        return self._hear()[name]

    def stats(self) -> dict[str, Any]:
        """All counts; the log is up to date then."""
        found: dict[str, Any] = self.order(stats=True)
        return found

    def lines(self) -> list[Line]:
        """What it took, in order."""
        self.stats()
        with self.log.open() as file:
            return [_read_line(json.loads(line)) for line in file]

    def numbers(self) -> Counter[str]:
        """How often it took a message to each number."""
        self.stats()
        with self.log.open() as file:
            return Counter(json.loads(line)["destination"] for line in file)

    def doubles(self) -> int:
        """Messages that came more than once, each further time counted; each goes to a number of its own."""
        numbers = self.numbers()
        return numbers.total() - len(numbers)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def _read_line(said: dict[str, Any]) -> Line:
    header, tlvs = bytes.fromhex(said["udh"]), said["tlvs"]
    octets = bytes.fromhex(tlvs.get(_PAYLOAD) or said["text"])
    reference, total, part = 0, 1, 1
    if _TOTAL in tlvs:
        reference, total, part = (int(tlvs[tag], 16) for tag in (_REFERENCE, _TOTAL, _NUMBER))
    elif header:
        reference, (total, part) = int.from_bytes(header[3:-2]), header[-2:]
    return Line(
        said["destination"], said["source"], said["session"], said["data_coding"], said["registered"], octets, header,
        reference, total, part, tlvs,
    )  # fmt: skip


def join_texts(lines: Sequence[Line]) -> dict[str, str]:
    """What each number was told, its parts in their order."""
    told: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda each: (each.number, each.reference, each.part)):
        told.setdefault(line.number, []).append(line)
    return {number: _decode(b"".join(each.octets for each in parts), parts[0].coding) for number, parts in told.items()}


def _decode(octets: bytes, coding: int) -> str:
    return octets.decode("utf-16-be") if coding == _UCS2 else gsm7.decode(octets)


def make_config(simulator: Simulator, **settings: Any) -> dict[str, Any]:
    """Settings of a channel to it, impatient ones."""
    return {
        "host": "127.0.0.1", "port": simulator.port, "system_id": SYSTEM_ID, "password": PASSWORD, "sender": SENDER,
        "reconnect_s": 0.1, "reconnect_most_s": 0.5, "throttled_s": 0.05, **settings,
    }  # fmt: skip


def add_channel(plant: Plant, name: str, config: dict[str, Any], **fields: Any) -> routing.Channel:
    """As `tocsin channel add` does."""
    assert carriers.check_config("smpp", config) == []
    sealed = carriers.seal_config("smpp", config, Seal((plant.key,)).seal)
    with plant.conn.transaction():
        return routing.add_channel(plant.conn, msgspec.structs.replace(_BLANK, name=name, config=sealed, **fields))


def set_channel(plant: Plant, name: str, **changes: Any) -> None:
    """As `tocsin channel set` and `pause` do."""
    with plant.conn.transaction():
        routing.set_channel(plant.conn, name, **changes)


def add_customer(plant: Plant, name: str, channel: routing.Channel) -> Customer:
    """One whose SMS all go over this channel; reports are pushed to place `name`, replies to `name`-replies."""
    with plant.conn.transaction():  # so that nothing of theirs goes another way
        customer = plant.add_customer(name, place=name)
        plant.set_endpoint(customer, "uplink", f"{name}-replies")
        routing.add_route(
            plant.conn, routing.RouteRule(0, customer.id, None, Product.SMS, None, "", channel.id, preference=0)
        )
    return customer


def run_verb(plant: Plant, *words: str) -> Any:
    """A verb of the command line with --json, on this plant; what it prints."""
    known = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
    env = {**known, "DATABASE_URL": plant.dsn, "TOCSIN_HOME": str(plant.home), "TOCSIN_SEALING_KEYS": plant.key}
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", *words, "--json"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


class Report(NamedTuple):
    """A row of a push that was acknowledged."""

    id: str
    number: str
    status: int
    text: str


def read_reports(plant: Plant, place: str) -> list[Report]:
    """In the order in which they were pushed."""
    return [
        Report(row[0], row[1], row[3], row[4])
        for push in plant.receiver.got(place) if push.status < 300 for row in push.rows
    ]  # fmt: skip


def read_replies(plant: Plant, place: str) -> list[dict[str, str]]:
    """What users answered, as it was pushed."""
    return [json.loads(push.body) for push in plant.receiver.got(f"{place}-replies") if push.status < 300]


def send(port: int, customer: Customer, numbers: Sequence[str], content: str = "hello", **fields: str) -> list[str]:
    """Ids of what was accepted, which is all of it. An API knows a new customer within a second."""

    def try_it() -> Answer | None:
        answer = post(port, customer, numbers, content=content, **fields)
        return None if answer.body == _NOT_KNOWN else answer

    answer = until_sync(try_it, 10)
    assert answer is not None
    assert answer.taken, answer
    assert len(answer.ids) == len(numbers)
    return answer.ids


def check_delivered_once(plant: Plant, place: str, ids: Sequence[str]) -> None:
    """Each of these was pushed once, as delivered, and nothing else was."""
    reports = read_reports(plant, place)
    assert Counter((report.status, report.text) for report in reports) == {(1, "success"): len(ids)}
    assert count_doubled([report.id for report in reports]) == 0
    assert {report.id for report in reports} == set(ids)


def wait_bound(plant: Plant, channel: routing.Channel, binds: int = 1) -> None:
    """Until so many binds that send stand, as the live state says it."""
    query = "SELECT coalesce(sum(binds), 0) FROM link_state WHERE channel_id = %s"
    until_sync(lambda: plant.one(query, channel.id) >= binds, 30)
