"""Guards that hold over processes: a STOP that comes back from a phone, and MARKETING that waits for the morning."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from tests.flows.plant import Answer, Customer, Plant, make_numbers, post
from tests.poll import until_sync
from tocsin import compliance
from tocsin.compliance import OptAnswer, QuietRule


class Shop(NamedTuple):
    """A plant with one customer."""

    plant: Plant
    port: int
    customer: Customer

    def send(self, *numbers: str, action: str = "MARKETING") -> Answer:
        return post(self.port, self.customer, numbers, action=action)

    def ends(self, answer: Answer) -> set[int]:
        """Final statuses of the messages of a send, so far."""
        query = b"SELECT status FROM report WHERE message_id = ANY(%s::uuid[]) AND status <> 0"
        return {row[0] for row in self.plant.conn.execute(query, (answer.ids,))}


@pytest.fixture
def shop(database: str, tmp_path: Path) -> Iterator[Shop]:
    plant = Plant(database, tmp_path)
    try:
        customer = plant.add_customer("shop", place="shop")
        answer = OptAnswer(account_id=0, kind="out", language="en", content="No more of us.")
        compliance.set_answer(plant.conn, answer)
        plant.start("worker")
        plant.start("push")
        yield Shop(plant, plant.start_api().port, customer)
    finally:
        plant.close()


def test_a_stop_from_a_phone_ends_marketing_to_it(shop: Shop) -> None:
    stop, other = "6281200009914", make_numbers(1)[0]  # of the sandbox: 14 is delivered and answered by STOP
    first = shop.send(stop)
    assert first.taken
    until_sync(lambda: shop.plant.count("opt_out") == 1, 30)
    answered = (
        "SELECT count(*) FROM message m JOIN batch b ON b.batch_no = m.batch_no JOIN report r ON r.message_id = m.id"
        " WHERE b.content = 'No more of us.' AND m.phone = '6281200009914' AND r.status = 1"
    )
    until_sync(lambda: shop.plant.one(answered) == 1, 30)
    refused = until_sync(lambda: (answer := shop.send(stop, other)).body["data"]["fail"] == 1 and answer, 30)
    row = refused.body["data"]["failData"][0]
    assert (row["phone"], row["status"], row["message"]) == (stop, 5, "Blacklist restriction")
    assert len(refused.ids) == 1
    code = shop.send(stop, action="VERIFY")
    assert code.taken
    shop.plant.wait_finished([*first.ids, *refused.ids, *code.ids], "shop")
    assert shop.plant.one(answered) == 1  # the phone answers STOP to that, too: it changes nothing more


def test_marketing_waits_for_the_end_of_the_quiet_hours_and_goes(shop: Shop) -> None:
    plant = shop.plant
    there = datetime.now(ZoneInfo("Asia/Jakarta"))
    minute = there.hour * 60 + there.minute
    quiet = QuietRule(account_id=0, country_id=0, start_minute=(minute - 60) % 1440, end_minute=(minute + 120) % 1440)
    compliance.set_quiet(plant.conn, quiet)
    waiting = "SELECT count(*) FROM lane_item WHERE due > now() + interval '1 hour'"
    until_sync(lambda: shop.send(*make_numbers(1)).taken and plant.one(waiting) > 0, 30)
    held = shop.send(*make_numbers(120, 1000))
    code = shop.send(*make_numbers(3, 2000), action="VERIFY")
    until_sync(lambda: shop.ends(code) == {1}, 30)
    assert shop.ends(held) == set()
    assert plant.one("SELECT count(*) FROM lane_item WHERE owner IS NOT NULL") == 0
    compliance.remove_quiet(plant.conn, 0, 0)

    def is_morning() -> bool:
        # A worker that does not know yet that the rule is gone puts them off once more.
        plant.conn.execute(b"UPDATE lane_item SET due = now() WHERE due IS NOT NULL")
        return shop.ends(held) == {1}

    until_sync(is_morning, 30)
    plant.wait_finished([*held.ids, *code.ids], "shop")
    assert plant.doubles() == 0
