"""kill -9 of the worker, the pusher and the API in the middle of a batch of each product: nothing is lost or charged twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.flows.plant import BALANCE_MICROS, CLAIM, Answer, Customer, Plant, make_numbers, post
from tests.flows.test_kills import ACCEPTING
from tests.poll import until_sync

MANY = 3_000
PLACE = "reports"


class Kind(NamedTuple):
    """A product: where it is sent, what it is pushed as, what else its request has."""

    path: str
    pushed: str
    fields: dict[str, str]


KINDS = {
    "mms": Kind("/api/v1/sms/mssSend", "mms", {"title": "hello"}),
    "voice notice": Kind("/api/v1/vos/notice", "vos", {}),
    "voice code": Kind("/api/v1/vos/otp", "vos", {"content": "4821"}),
    "email": Kind("/api/v1/email/sendEmail", "mail", {"from": "Acme", "theme": "hello"}),
}
SETTINGS = {"TOCSIN_MAIL_DOMAIN": "mail.example.com"}
MOST_AT_ONCE = {"voice code": 1}


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    # What a killed worker had in hand of the carrier's receipts comes again after this.
    made.set_channel(config={"lease_s": 1.0})
    yield made
    made.close()


def post_some(port: int, customer: Customer, name: str, places: range, **fields: str) -> Answer:
    """One request to the recipients with these places."""
    kind = KINDS[name]
    fields |= {**kind.fields, "path": kind.path}
    if name == "email":  # it has no use for the fields of numbers
        fields["emails"] = ",".join(f"jo{place}@example.com" for place in places)
    return post(port, customer, make_numbers(len(places), places.start), **fields)


def send_all(port: int, customer: Customer, name: str) -> list[str]:
    """The ids of MANY messages, or of some where a request takes one number only."""
    most = MOST_AT_ONCE.get(name, MANY)
    count = MANY if most > 1 else 150
    ids = []
    for at in range(0, count, most):
        answer = post_some(port, customer, name, range(at, at + most))
        assert answer.taken, answer
        ids += [row[1] for row in answer.body["data"]["array"]]
    return ids


def has_submitted(plant: Plant, mark: int) -> bool:
    return plant.count("sandbox_submit") > mark


@pytest.mark.parametrize("name", KINDS)
def test_killed_while_it_is_sent_and_reported(plant: Plant, name: str) -> None:
    customer = plant.add_customer("acme")
    plant.set_endpoint(customer, KINDS[name].pushed, PLACE)
    api = plant.start_api(**SETTINGS)
    ids = send_all(api.port, customer, name)
    worker, pusher = plant.start("worker"), plant.start("push")
    until_sync(partial(has_submitted, plant, len(ids) // 4), 60)
    worker.kill()
    worker = plant.start("worker")
    until_sync(lambda: plant.count("push_attempt") > 0, 60)
    pusher.kill()
    plant.start("push")
    plant.wait_finished(ids, PLACE)
    assert plant.doubles() <= CLAIM
    spent = BALANCE_MICROS - plant.one("SELECT balance_micros FROM wallet WHERE account_id = %s", customer.id)
    assert spent == plant.one("SELECT sum(fee_micros)::bigint FROM report")
    assert plant.count("report") == len(ids)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in MOST_AT_ONCE])
def test_killed_while_it_is_accepted(plant: Plant, name: str) -> None:
    customer = plant.add_customer("acme")
    plant.set_endpoint(customer, KINDS[name].pushed, PLACE)
    api = plant.start_api(**SETTINGS)
    posting = threading.Thread(target=post_some, args=(api.port, customer, name, range(MANY)), kwargs={"key": "once"})
    posting.start()
    until_sync(lambda: plant.one(ACCEPTING) or plant.count("message"), 30)
    api.kill()
    posting.join(90)
    # The client, who may know nothing, sends again with the same key: once in all.
    again = post_some(plant.start_api(**SETTINGS).port, customer, name, range(MANY), key="once")
    assert again.taken
    assert plant.count("message") == MANY
    plant.start("worker")
    plant.start("push")
    plant.wait_finished([row[1] for row in again.body["data"]["array"]], PLACE)
    assert plant.doubles() == 0
