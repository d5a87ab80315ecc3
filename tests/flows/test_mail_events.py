"""What happens to emails behind their delivery, through the whole product: opened, clicked, complained of, unsubscribed from."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.conftest import clone_database
from tests.flows.plant import Answer, Customer, Plant, call, sign_query
from tests.poll import until_sync
from tocsin import accounts

PATH = "/api/v1/email/sendEmail"
# As the API page prints it.
PAGE = """
{
    "type": "MailUserEvent",
    "cnt": 1,
    "array": [{
      "mssId": "e904aed7624f7d349c6078f20093784f",
      "taskName": "17117048141041790",
      "domain": "frs-email.com",
      "receive_email": "110379407@qq.com",
      "time": 1711958483,
      "action_type": "OPENED",
      "country_name": "United States",
      "city": "Los Angeles",
      "device_type": "Phone",
      "device_name": "Apple"
      }
    ]
}
"""
DUE = {
    "sandbox-open": ["OPENED"],
    "sandbox-click": ["OPENED", "CLICKED"],
    "sandbox-complain": ["COMPLAINED"],
    "sandbox-unsubscribe": ["UNSUBSCRIBED"],
    "sandbox-bounce": ["BOUNCED"],
    "tom": [],
}


class Flow(NamedTuple):
    plant: Plant
    port: int
    customers: dict[str, Customer]
    sent: dict[str, dict[str, str]]  # customer -> address -> messageId
    batches: dict[str, str]

    def rows(self, name: str) -> list[dict[str, Any]]:
        pushes = [json.loads(push.body) for push in self.plant.receiver.got(name)]
        return [row for push in pushes for row in push["array"]]


@pytest.fixture(scope="module")
def flow(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    with clone_database(database_server) as dsn:
        plant = Plant(dsn, tmp_path_factory.mktemp("events"))
        try:
            yield run(plant)
        finally:
            plant.close()


def run(plant: Plant) -> Flow:
    """One customer wants all events, one those of the page."""
    customers = {name: plant.add_customer(name) for name in ("all", "page")}
    accounts.set_account(plant.conn, "all", extra_events=True)
    for name, customer in customers.items():
        plant.set_endpoint(customer, "tracking", name)
    api = plant.start_api(TOCSIN_MAIL_DOMAIN="mail.example.com")
    plant.start("worker", TOCSIN_TRACKING_URL=f"http://127.0.0.1:{api.port}")
    plant.start("push")
    flow = Flow(plant, api.port, customers, {}, {})
    for name in customers:
        answer = send(flow, name, ",".join(f"{local}@example.com" for local in DUE))
        assert answer.taken, answer
        flow.sent[name] = dict(answer.body["data"]["array"])
        flow.batches[name] = answer.body["data"]["batchNo"]
    wanted = sum(len(each) for each in DUE.values())
    until_sync(lambda: plant.count("mail_event") == 2 * wanted and plant.count("outbox") == 0, 60)
    return flow


def send(flow: Flow, name: str, emails: str) -> Answer:
    body = {"emails": emails, "from": "Acme", "theme": "hello", "content": '<a href="https://example.com/">x</a>'}
    target = f"{PATH}?{sign_query(flow.customers[name])}"
    return call(flow.port, "POST", target, json.dumps(body).encode(), {"Content-Type": "application/json"})


@pytest.mark.parametrize("local", DUE)
@pytest.mark.parametrize("name", ["all", "page"])
def test_each_event_is_pushed_to_who_wants_it(flow: Flow, name: str, local: str) -> None:
    address = f"{local}@example.com"
    rows = [row for row in flow.rows(name) if row["receive_email"] == address]
    wanted = [kind for kind in DUE[local] if name == "all" or kind in {"OPENED", "CLICKED"}]
    assert [row["action_type"] for row in rows] == wanted
    for row in rows:
        assert row["mssId"] == flow.sent[name][address]
        assert row["taskName"] == flow.batches[name]
        assert row["domain"] == "mail.example.com"
        assert abs(time.time() - row["time"]) < 120


def test_a_push_has_the_form_of_the_page(flow: Flow) -> None:
    page = json.loads(PAGE)
    for push in flow.plant.receiver.got("page"):
        body = json.loads(push.body)
        assert (list(body), body["type"], body["cnt"]) == (list(page), page["type"], len(body["array"]))
        for row in body["array"]:
            assert [(name, type(value)) for name, value in row.items()] == [
                (name, type(value)) for name, value in page["array"][0].items()
            ]
            assert (row["device_type"], row["device_name"]) == ("Phone", "Apple")


def test_who_complained_or_unsubscribed_is_not_written_to_again(flow: Flow) -> None:
    def refused() -> list[tuple[str, int]]:
        answer = send(flow, "page", ",".join(f"{local}@example.com" for local in DUE))
        return [(row["email"], row["status"]) for row in answer.body["data"]["failData"]]

    until_sync(lambda: len(refused()) == 2, 10)
    assert refused() == [("sandbox-complain@example.com", 5), ("sandbox-unsubscribe@example.com", 5)]
    origins = flow.plant.conn.execute("SELECT DISTINCT value, origin FROM blacklist ORDER BY 1").fetchall()
    assert origins == [
        ("sandbox-complain@example.com", "complaint"), ("sandbox-unsubscribe@example.com", "unsubscribe"),
    ]  # fmt: skip
