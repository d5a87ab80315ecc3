"""Every fate of the simulator's table of numbers through the whole product, over SMPP: what is pushed, what it costs, and what
the SMSC has. The same table as the sandbox's flow (test_sandbox_outcomes.py); what must come is the same but for the attempts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.conftest import clone_database
from tests.flows.plant import PRICE_MICROS, Customer, Plant
from tests.flows.smpp_bed import (
    Line,
    Simulator,
    add_channel,
    add_customer,
    join_texts,
    make_config,
    read_replies,
    read_reports,
    send,
)
from tests.flows.test_sandbox_outcomes import FATES, NEVER, THREE_PARTS
from tests.poll import until_sync
from tocsin import billing

TIMEOUT_S = 6.0
CUT = "18"
"""Its number ends the connection, which leaves whatever else is under way unknown: it goes alone."""
SMSC = ("--late-after", "3", "--timeout-after", "8")
SETTINGS = {
    "answer_s": 1.0,
    "intermediate": True,
    "errors": {"0x401": "blacklisted"},
    "receipt_errors": {"001": "number error"},
}
SENDERS = [("short", 1, "811"), ("long", 3, "813")]
CASES = [(name, fate) for name, _, _ in SENDERS for fate in FATES]


class Sent(NamedTuple):
    """What one customer sent."""

    customer: Customer
    parts: int
    ids: dict[str, str]  # by fate
    numbers: dict[str, str]


class Flow(NamedTuple):
    """When all is over."""

    plant: Plant
    sent: dict[str, Sent]
    taken: list[Line]
    refused: dict[str, int]


@pytest.fixture(scope="module")
def flow(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    home = tmp_path_factory.mktemp("outcomes")
    with clone_database(database_server) as dsn:
        plant = Plant(dsn, home)
        simulator = Simulator(home, *SMSC)
        try:
            yield run(plant, simulator)
        finally:
            simulator.close()
            plant.close()


def run(plant: Plant, simulator: Simulator) -> Flow:
    channel = add_channel(plant, "carrier", make_config(simulator, **SETTINGS))
    customers = {name: add_customer(plant, name, channel) for name, _, _ in SENDERS}
    api = plant.start_api()
    plant.start("worker", TOCSIN_RECEIPT_TIMEOUT_S=str(TIMEOUT_S))
    plant.start("push")
    sent = {name: Sent(customers[name], parts, {}, {}) for name, parts, _ in SENDERS}
    for fates in ([fate for fate in FATES if fate != CUT], [CUT]):
        for name, parts, prefix in SENDERS:
            numbers = [f"{prefix}00099{fate}" for fate in fates]
            ids = send(api.port, customers[name], numbers, "hello" if parts == 1 else THREE_PARTS)
            sent[name].ids.update(zip(fates, ids, strict=True))
            sent[name].numbers.update((fate, f"62{number}") for fate, number in zip(fates, numbers, strict=True))
            until_sync(lambda: plant.count("lane_item") == 0, 30)
    until_sync(lambda: is_over(plant, simulator), 60)
    return Flow(plant, sent, simulator.lines(), simulator.stats()["statuses"])


def is_over(plant: Plant, simulator: Simulator) -> bool:
    """Nothing waits anywhere, so that nothing more can come."""
    silent = all(plant.count(table) == 0 for table in ("lane_item", "receipt_watch", "outbox"))
    return silent and plant.unfinished() == 0 and simulator.stats()["waiting"] == 0


@pytest.mark.parametrize(("name", "fate"), CASES)
def test_pushed_is_what_is_due(flow: Flow, name: str, fate: str) -> None:
    sent = flow.sent[name]
    pushed = [each for each in read_reports(flow.plant, name) if each.id == sent.ids[fate]]
    assert [(each.status, each.text) for each in pushed] == [(status, text) for status, text, _ in FATES[fate].pushes]
    assert {each.number for each in pushed} == {sent.numbers[fate]}


@pytest.mark.parametrize(("name", "fate"), CASES)
def test_the_smsc_took_each_part_as_often_as_it_should(flow: Flow, name: str, fate: str) -> None:
    sent = flow.sent[name]
    taken = [each for each in flow.taken if each.number == sent.numbers[fate]]
    assert Counter(each.part for each in taken) == Counter(
        {part: FATES[fate].submits for part in range(1, sent.parts + 1) if FATES[fate].submits}
    )
    if taken:
        assert join_texts(taken)[sent.numbers[fate]] == ("hello" if sent.parts == 1 else THREE_PARTS)


@pytest.mark.parametrize("name", [name for name, _, _ in SENDERS])
def test_replies_are_pushed(flow: Flow, name: str) -> None:
    expected = {flow.sent[name].ids[fate]: due.reply for fate, due in FATES.items() if due.reply}
    heard = Counter((reply["messageId"], reply["content"]) for reply in read_replies(flow.plant, name))
    assert heard == Counter(expected.items())


@pytest.mark.parametrize("name", [name for name, _, _ in SENDERS])
def test_money(flow: Flow, name: str) -> None:
    """What was never handed over is not paid."""
    sent = flow.sent[name]
    paid = sum(due.pushes[-1][2] != NEVER for due in FATES.values()) * sent.parts * PRICE_MICROS
    wallet = billing.read_wallet(flow.plant.conn, sent.customer.id)
    charged = flow.plant.one(
        "SELECT -sum(balance_micros)::bigint FROM ledger WHERE account_id = %s AND kind <> 'recharge'", sent.customer.id
    )
    assert charged == paid
    assert wallet.balance_micros > 0


def test_throttled_and_refused_were_tried_again(flow: Flow) -> None:
    """Twice each part, and no oftener."""
    parts = sum(parts for _, parts, _ in SENDERS)
    assert flow.refused["0x58"] == 2 * parts
    assert flow.refused["0x08"] == 2 * parts


def test_nothing_is_left_over(flow: Flow) -> None:
    flow.plant.check_ledger()
    assert flow.plant.count("unmatched_receipt") == 0
    for process in flow.plant.processes:
        assert "Traceback" not in process.log.read_text()
