"""Every fate of the sandbox through the whole product: from one POST to its pushes, its money and what the carrier has.

API, worker and pusher run as processes; the time-outs are seconds. One account is charged for what fails, one is not, one
sends texts of three parts. What must come is a table; what came is compared with it, message by message, no more and no less.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import md5
from time import time
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests.conftest import clone_database
from tests.flows.plant import BALANCE_MICROS, PRICE_MICROS, Customer, Plant, call, post
from tests.poll import until_sync
from tocsin import billing, webhooks
from tocsin.kit.seal import Seal

TIMEOUT_S = 6.0
CHANNEL = {"unknown_after_s": 1.0, "late_receipt_s": 3.0, "after_timeout_s": 8.0}
THREE_PARTS = "The quick brown fox jumps over the lazy dog. " * 8

NEVER, FAILED, PAID = "never handed over", "failed at the carrier", "paid"
OK = (1, "success", PAID)
LOST = (2, "no receipt", FAILED)


class Fate(NamedTuple):
    """What a number must come to."""

    pushes: list[tuple[int, str, str]]  # status, text, what becomes of the fee
    submits: int = 1  # times that the carrier took each part
    attempts: int = 1  # the last one, 1 where none was taken
    reply: str = ""


FATES = {
    "01": Fate([(2, "rejected by carrier", NEVER)], submits=0),
    "02": Fate([(-9, "number error", FAILED)]),
    "03": Fate([(2, "expired", FAILED)]),
    "04": Fate([LOST]),
    "05": Fate([OK], attempts=3),
    "06": Fate([OK], attempts=3),
    "07": Fate([(2, "undelivered", FAILED)]),
    "08": Fate([OK]),
    "09": Fate([OK]),
    "10": Fate([OK]),
    "11": Fate([OK]),
    "12": Fate([LOST, OK]),
    "13": Fate([OK], reply="I want it"),
    "14": Fate([OK], reply="STOP"),
    "15": Fate([(5, "blacklist restriction", NEVER)], submits=0),
    "16": Fate([(2, "undelivered", FAILED)]),
    "17": Fate([OK]),
    "18": Fate([OK]),
    "19": Fate([LOST]),
}


class Sent(NamedTuple):
    """One POST with all fates."""

    customer: Customer
    place: str
    parts: int
    charge_failed: bool
    batch_no: str
    ids: dict[str, str]  # by fate

    def fee(self, what: str) -> int:
        """Micros of a message."""
        charged = what == PAID or (what == FAILED and self.charge_failed)
        return PRICE_MICROS * self.parts if charged else 0


class Flow(NamedTuple):
    """The product, and what was sent through it."""

    plant: Plant
    port: int
    sent: dict[str, Sent]


SENDERS = [("charging", 1, "811"), ("gentle", 1, "812"), ("long", 3, "813")]
CASES = [(sender, fate) for sender, _, _ in SENDERS for fate in FATES]


@pytest.fixture(scope="module")
def flow(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    """Started once; when it is handed out, everything that was to come has come."""
    with clone_database(database_server) as dsn:
        plant = Plant(dsn, tmp_path_factory.mktemp("outcomes"))
        try:
            yield run(plant)
        finally:
            plant.close()


def run(plant: Plant) -> Flow:
    plant.set_channel(config=CHANNEL)
    customers = {name: plant.add_customer(name, place=name) for name, _, _ in SENDERS}
    make_gentle(plant, customers["gentle"])
    for name, customer in customers.items():
        seal = Seal((plant.key,)).seal
        webhooks.set_endpoint(plant.conn, customer.id, "uplink", plant.receiver.url(f"{name}-replies"), seal)
    api = plant.start_api()
    plant.start("worker", TOCSIN_RECEIPT_TIMEOUT_S=str(TIMEOUT_S))
    plant.start("push")
    sent = {}
    for name, parts, prefix in SENDERS:
        content = "hello" if parts == 1 else THREE_PARTS
        answer = post(
            api.port, customers[name], [f"{prefix}0009{fate:>03}" for fate in map("9{}".format, FATES)], content=content
        )
        assert answer.taken, answer
        ids = dict(zip(FATES, answer.ids, strict=True))
        sent[name] = Sent(customers[name], name, parts, name != "gentle", answer.body["data"]["batchNo"], ids)
    flow = Flow(plant, api.port, sent)
    until_sync(lambda: is_over(flow), 60)
    return flow


def make_gentle(plant: Plant, customer: Customer) -> None:
    with plant.conn.transaction():
        plan = billing.add_plan(plant.conn, "gentle", charge_failed=False)
        billing.import_prices(plant.conn, [billing.PriceRule(plan, 1, None, "", None, PRICE_MICROS)])
        plant.conn.execute("UPDATE account SET plan_id = %s WHERE id = %s", (plan, customer.id))


def is_over(flow: Flow) -> bool:
    """Nothing waits anywhere, at the carrier or with us, so that nothing more can come."""
    plant = flow.plant
    silent = all(plant.count(table) == 0 for table in ("lane_item", "sandbox_event", "receipt_watch", "outbox"))
    return silent and plant.unfinished() == 0


def read_pushes(flow: Flow, place: str) -> dict[str, list[list[Any]]]:
    """Acknowledged rows of the reports by message, in order."""
    found = defaultdict(list)
    for push in flow.plant.receiver.got(place):
        assert push.status == 200
        body = json.loads(push.body)
        assert (body["type"], body["cnt"]) == ("sms", len(body["array"]))
        for row in body["array"]:
            found[row[0]].append(row)
    return found


def read_replies(flow: Flow, place: str) -> list[dict[str, str]]:
    return [json.loads(push.body) for push in flow.plant.receiver.got(f"{place}-replies")]


def ask(flow: Flow, customer: Customer, path: str, **fields: str) -> Any:
    stamp = str(int(time()))
    sign = md5(f"{customer.name}{customer.key}{stamp}".encode()).hexdigest()
    query = urlencode({"account": customer.name, "sign": sign, "datetime": stamp, **fields})
    answer = call(flow.port, "GET", f"/api/v1/sms/{path}?{query}")
    assert answer.http == 200
    assert answer.body["status"] == 0, answer
    return answer.body["data"]


@pytest.mark.parametrize(("sender", "fate"), CASES)
def test_pushed_is_what_is_due(flow: Flow, sender: str, fate: str) -> None:
    sent = flow.sent[sender]
    rows = read_pushes(flow, sender)[sent.ids[fate]]
    expected = [
        [status, text, sent.batch_no, str(sent.parts), webhooks.fee_text(sent.fee(what))]
        for status, text, what in FATES[fate].pushes
    ]
    assert [row[3:] for row in rows] == expected
    prefix = next(each[2] for each in SENDERS if each[0] == sender)
    for row in rows:
        assert row[1] == f"62{prefix}00099{fate}"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00", row[2])


@pytest.mark.parametrize("sender", [name for name, _, _ in SENDERS])
def test_nothing_else_is_pushed(flow: Flow, sender: str) -> None:
    assert set(read_pushes(flow, sender)) == set(flow.sent[sender].ids.values())


@pytest.mark.parametrize(("sender", "fate"), CASES)
def test_the_carrier_has_each_part_as_often_as_it_should(flow: Flow, sender: str, fate: str) -> None:
    sent, due = flow.sent[sender], FATES[fate]
    rows = flow.plant.conn.execute(
        "SELECT part, attempt FROM sandbox_submit WHERE message_id = %s ORDER BY part", (sent.ids[fate],)
    ).fetchall()
    assert rows == [(part, due.attempts) for part in range(1, sent.parts + 1) for _ in range(due.submits)]


@pytest.mark.parametrize("sender", [name for name, _, _ in SENDERS])
def test_replies_are_pushed_and_in_the_pull(flow: Flow, sender: str) -> None:
    sent = flow.sent[sender]
    expected = {sent.ids[fate]: due.reply for fate, due in FATES.items() if due.reply}
    pushed = read_replies(flow, sender)
    assert Counter((reply["messageId"], reply["content"]) for reply in pushed) == Counter(expected.items())
    prefix = next(each[2] for each in SENDERS if each[0] == sender)
    assert {reply["to"] for reply in pushed} == {f"62{prefix}00099{fate}" for fate in ("13", "14")}
    pulled = ask(flow, sent.customer, "uplink")
    assert sorted(pulled["array"], key=str) == sorted(pushed, key=str)


@pytest.mark.parametrize("sender", [name for name, _, _ in SENDERS])
def test_the_report_query_says_the_same(flow: Flow, sender: str) -> None:
    sent = flow.sent[sender]
    data = ask(flow, sent.customer, "report", ids=",".join(sent.ids.values()))
    last = {message_id: rows[-1] for message_id, rows in read_pushes(flow, sender).items()}
    assert {row[0]: row for row in data["array"]} == last
    statuses = [FATES[fate].pushes[-1][0] for fate in FATES]
    counts = (data["success"], data["fail"], data["unsent"], data["sending"], data["nofound"])
    assert counts == (statuses.count(1), len(statuses) - statuses.count(1), 0, 0, 0)


@pytest.mark.parametrize("sender", [name for name, _, _ in SENDERS])
def test_money(flow: Flow, sender: str) -> None:
    """What stays charged is the sum of the last fees; the late delivery was charged again where it had been refunded."""
    sent = flow.sent[sender]
    fees = sum(sent.fee(due.pushes[-1][2]) for due in FATES.values())
    wallet = billing.read_wallet(flow.plant.conn, sent.customer.id)
    assert BALANCE_MICROS - wallet.balance_micros == fees
    again = flow.plant.one(
        "SELECT coalesce(sum(messages), 0) FROM ledger WHERE kind = 'charge again' AND account_id = %s",
        sent.customer.id,
    )
    assert again == (0 if sent.charge_failed else 1)


def test_nothing_is_left_over(flow: Flow) -> None:
    flow.plant.check_ledger()
    assert is_over(flow)
    assert flow.plant.count("unmatched_receipt") == 0
    assert flow.plant.doubles() == 0
    for process in flow.plant.processes:
        assert "Traceback" not in process.log.read_text()
