"""Every fate of a call through the whole product: from one POST to its pushes, and what stays charged of what was reserved."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest

from tests.conftest import clone_database
from tests.flows.plant import BALANCE_MICROS, PRICE_MICROS, Customer, Plant, call, post, sign_query
from tests.poll import until_sync
from tocsin import webhooks

NOTICE, CODE = "/api/v1/vos/notice", "/api/v1/vos/otp"
TIMEOUT_S = 6.0
LONGEST_S = 300
RESERVED = 5
CHANNEL = {"unknown_after_s": 1.0, "late_receipt_s": 3.0, "after_timeout_s": 8.0}
LOST = (2, "no receipt", 0)

# By fate: status, text, minutes of each push.
FATES: dict[str, list[tuple[int, str, int]]] = {
    "01": [(2, "busy", 0)],
    "02": [(2, "no answer", 0)],
    "03": [(2, "call rejected", 0)],
    "04": [(-9, "number error", 0)],
    "05": [(1, "success", 1)],
    "06": [(1, "success", 2)],
    "07": [(1, "success", RESERVED)],
    "08": [(2, "unreachable", 0)],
    "09": [(1, "success", 1)],
    "10": [(2, "rejected by carrier", 0)],
    "11": [(1, "success", 1)],
    "12": [LOST, (1, "success", 1)],
    "13": [LOST],
    "14": [(1, "success", 2)],
    "15": [(5, "blacklist restriction", 0)],
    "77": [(1, "success", 1)],
}


class Flow(NamedTuple):
    plant: Plant
    customer: Customer
    port: int
    batch_no: str
    ids: dict[str, str]  # by fate
    code_id: str
    """Of a voice code."""


@pytest.fixture(scope="module")
def flow(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    """Started once; when it is handed out, everything that was to come has come."""
    with clone_database(database_server) as dsn:
        plant = Plant(dsn, tmp_path_factory.mktemp("calls"))
        try:
            yield run(plant)
        finally:
            plant.close()


def run(plant: Plant) -> Flow:
    plant.set_channel(config=CHANNEL, longest_call_s=LONGEST_S)
    customer = plant.add_customer("caller")
    plant.set_endpoint(customer, "vos", "vos")
    plant.conn.execute("UPDATE account SET eight_fields = true")
    api = plant.start_api()
    numbers = [f"81200099{fate}" for fate in FATES]
    answer = post(api.port, customer, numbers, path=NOTICE)
    assert answer.taken, answer
    ids = dict(zip(FATES, (row[1] for row in answer.body["data"]["array"]), strict=True))
    reserved = plant.one("SELECT -sum(balance_micros)::bigint FROM ledger WHERE kind = 'charge'")
    assert reserved == RESERVED * PRICE_MICROS * len(FATES)
    code = post(api.port, customer, ["81234567801"], path=CODE, content="4821")
    plant.start("worker", TOCSIN_RECEIPT_TIMEOUT_S=str(TIMEOUT_S))
    plant.start("push")
    flow = Flow(plant, customer, api.port, answer.body["data"]["batchNo"], ids, code.body["data"]["array"][0][1])
    until_sync(partial(is_over, plant), 60)
    return flow


def is_over(plant: Plant) -> bool:
    silent = all(plant.count(table) == 0 for table in ("lane_item", "sandbox_event", "receipt_watch", "outbox"))
    return silent and plant.unfinished() == 0


def read_pushes(flow: Flow) -> dict[str, list[list[Any]]]:
    found = defaultdict(list)
    for push in flow.plant.receiver.got("vos"):
        body = json.loads(push.body)
        assert (body["type"], body["cnt"]) == ("vos", len(body["array"]))
        for row in body["array"]:
            found[row[0]].append(row)
    return found


@pytest.mark.parametrize("fate", FATES)
def test_pushed_is_what_is_due(flow: Flow, fate: str) -> None:
    rows = read_pushes(flow)[flow.ids[fate]]
    expected = [
        [status, text, flow.batch_no, str(minutes), webhooks.fee_text(minutes * PRICE_MICROS)]
        for status, text, minutes in FATES[fate]
    ]
    assert [row[3:] for row in rows] == expected
    assert {row[1] for row in rows} == {f"6281200099{fate}"}


def test_a_code_is_pushed_beside_them(flow: Flow) -> None:
    pushes = read_pushes(flow)
    ((_, phone, _, status, _, _, minutes, fee),) = pushes[flow.code_id]
    assert (phone, status, minutes, fee) == ("6281234567801", 1, "1", webhooks.fee_text(PRICE_MICROS))
    assert set(pushes) == {*flow.ids.values(), flow.code_id}


def test_the_money_is_settled(flow: Flow) -> None:
    minutes = sum(pushes[-1][2] for pushes in FATES.values()) + 1
    balance = flow.plant.one("SELECT balance_micros FROM wallet WHERE account_id = %s", flow.customer.id)
    assert BALANCE_MICROS - balance == minutes * PRICE_MICROS
    flow.plant.check_ledger()


def test_the_query_and_the_roll_up_say_the_same(flow: Flow) -> None:
    query = sign_query(flow.customer, ids=",".join(flow.ids.values()))
    data = call(flow.port, "GET", f"/api/v1/vos/report?{query}").body["data"]
    last = {message_id: rows[-1] for message_id, rows in read_pushes(flow).items()}
    assert {row[0]: row for row in data["array"]} == {i: last[i] for i in flow.ids.values()}
    rows = flow.plant.conn.execute(
        "SELECT status, sum(messages)::int, sum(parts)::int, sum(fee_micros)::bigint FROM"
        " (SELECT status, messages, parts, fee_micros FROM rollup_delta UNION ALL"
        "  SELECT status, messages, parts, fee_micros FROM rollup) AS r GROUP BY status HAVING sum(messages) <> 0"
    ).fetchall()
    expected: dict[int, list[int]] = {}
    for status, _, minutes in [*(pushes[-1] for pushes in FATES.values()), (1, "", 1)]:
        sums = expected.setdefault(status, [0, 0, 0])
        for place, more in enumerate((1, minutes, minutes * PRICE_MICROS)):
            sums[place] += more
    assert {row[0]: list(row[1:]) for row in rows} == expected


def test_nothing_is_left_over(flow: Flow) -> None:
    assert flow.plant.count("unmatched_receipt") == 0
    assert flow.plant.doubles() == 0
    for process in flow.plant.processes:
        assert "Traceback" not in process.log.read_text()
