"""An email through the whole product: one POST, real processes, what the carrier has, the push, the query, the money."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import md5
from time import time
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conftest import clone_database
from tests.flows.plant import BALANCE_MICROS, Customer, Plant, call
from tests.poll import until_sync
from tocsin import billing, webhooks
from tocsin.kit.seal import Seal

PRICE = 1_000
ENDS = {
    "sandbox-bounce@x.com": [-9, "email error"],
    "sandbox-softbounce@x.com": [2, "undelivered"],
    "sandbox-open@x.com": [1, "success"],
    "tom@x.com": [1, "success"],
}


@pytest.fixture
def plant(database_server: str, tmp_path: Any) -> Iterator[Plant]:
    with clone_database(database_server) as dsn:
        made = Plant(dsn, tmp_path)
        try:
            yield made
        finally:
            made.close()


def ask(port: int, customer: Customer, path: str, body: dict[str, Any]) -> Any:
    stamp = str(int(time()))
    sign = md5(f"{customer.name}{customer.key}{stamp}".encode()).hexdigest()
    query = urlencode({"account": customer.name, "sign": sign, "datetime": stamp})
    answer = call(port, "POST", f"/api/v1/email/{path}?{query}", json.dumps(body).encode())
    assert (answer.http, answer.body["status"]) == (200, 0), answer
    return answer.body["data"]


def test_from_one_post_to_its_pushes(plant: Plant) -> None:
    customer = plant.add_customer("mailer")
    webhooks.set_endpoint(plant.conn, customer.id, "mail", plant.receiver.url("mail"), Seal((plant.key,)).seal)
    api = plant.start_api(TOCSIN_MAIL_DOMAIN="mail.tocsin.example")
    plant.start("worker")
    plant.start("push")
    emails = [{"to": address, "placeholders": {"name": address}} for address in ENDS]
    data = ask(
        api.port, customer, "sendEmail",
        {"emails": emails, "from": "Acme", "theme": "Hi {name}", "content": "<p>{name}</p>", "attachment": "aGVsbG8="},
    )  # fmt: skip
    ids = {message_id: address for address, message_id in data["array"]}
    until_sync(lambda: set(plant.receiver.taken("mail")) >= set(ids), 30)
    plant.wait_finished(list(ids), "mail")
    rows = []
    for push in plant.receiver.got("mail"):
        body = json.loads(push.body)
        assert (body["type"], body["cnt"]) == ("mail", len(body["array"]))
        rows += body["array"]
    assert sorted((row[0], row[1], *row[3:]) for row in rows) == sorted(
        (message_id, address, *ENDS[address], data["batchNo"]) for message_id, address in ids.items()
    )
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00", row[2]) for row in rows)
    report = ask(api.port, customer, "report", {"batchNo": data["batchNo"]})
    assert (report["success"], report["fail"]) == (2, 2)
    assert {row[0]: row[:6] for row in report["array"]} == {row[0]: row for row in rows}
    had = plant.conn.execute("SELECT phone, part, attempt FROM sandbox_submit ORDER BY phone").fetchall()
    assert had == [(address, 1, 1) for address in sorted(ENDS)]
    left = billing.read_wallet(plant.conn, customer.id).balance_micros
    assert left == BALANCE_MICROS - len(ENDS) * PRICE, "what failed at the carrier is charged"
    for process in plant.processes:
        assert "Traceback" not in process.log.read_text()
