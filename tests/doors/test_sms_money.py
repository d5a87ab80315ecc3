"""Charges: the whole request or nothing of it, to the last micro-unit, whoever asks at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.doors.api import PRICE_MICROS, Bed, Customer, Door, Reply
from tocsin import billing

TWO = "81234567801,81234567802"


def assert_poor(reply: Reply) -> None:
    assert reply.http == 200
    text = "This channel balance is insufficient to meet this send"
    assert reply.json == {"status": -10, "message": text, "msg": text}
    assert "retry-after" not in reply.headers


def assert_sums(bed: Bed) -> None:
    assert billing.check(bed.conn) == []


def test_exactly_enough_and_one_micro_unit_short(bed: Bed, door: Door) -> None:
    rich, poor = bed.customer(2 * PRICE_MICROS), bed.customer(2 * PRICE_MICROS - 1)
    assert door.send(rich, numbers=TWO).status == 0
    assert bed.wallet(rich) == (0, 0)
    assert_poor(door.send(poor, numbers=TWO))
    bed.assert_untouched(poor, (2 * PRICE_MICROS - 1, 0))
    assert bed.one("SELECT count(*) FROM message WHERE account_id = %s", poor.id) == 0
    # What it can pay still goes.
    assert door.send(poor).status == 0
    assert_poor(door.send(poor))
    assert_sums(bed)


def test_bad_numbers_cost_nothing(bed: Bed, door: Door) -> None:
    customer = bed.customer(PRICE_MICROS)
    assert door.send(customer, numbers="1,81234567801,81234567801,2").status == 0
    assert bed.wallet(customer) == (0, 0)
    # All of them bad: nothing to pay, so no balance is needed.
    assert door.send(customer, numbers="1,2").status == -9


def test_the_last_cent_is_spent_once(bed: Bed, door: Door, second: Door) -> None:
    customers = [bed.customer(3 * PRICE_MICROS) for _ in range(3)]
    asks = [(each, customer) for customer in customers for each in (door, second) for _ in range(4)]
    with ThreadPoolExecutor(12) as threads:
        replies = list(threads.map(lambda ask: (ask[1], ask[0].send(ask[1]).status), asks))
    for customer in customers:
        statuses = [status for who, status in replies if who == customer]
        assert sorted(statuses) == [-10] * 5 + [0] * 3
        assert bed.wallet(customer) == (0, 0)
        assert bed.messages(customer) == bed.lane_messages(customer) == 3
    assert_sums(bed)


def test_a_poor_neighbour_in_the_group_harms_nobody(bed: Bed, door: Door) -> None:
    rich, poor = bed.customer(), bed.customer(0)
    with ThreadPoolExecutor(12) as threads:
        replies = list(threads.map(lambda who: (who, door.send(who).status), [rich, poor] * 12))
    assert {(who.name, status) for who, status in replies} == {(rich.name, 0), (poor.name, -10)}
    assert bed.messages(rich) == 12
    assert_sums(bed)


@pytest.mark.parametrize(
    ("balance", "gift", "credit", "good"),
    [(0, 2, 0, True), (1, 1, 0, True), (0, 1, 1, True), (0, 0, 2, True), (1, 0, 1, True), (0, 1, 0, False)],
)
def test_gift_then_balance_then_credit(bed: Bed, door: Door, balance: int, gift: int, credit: int, good: bool) -> None:
    customer = bed.customer(balance * PRICE_MICROS, gift * PRICE_MICROS, credit * PRICE_MICROS)
    reply = door.send(customer, numbers=TWO)
    if not good:
        assert_poor(reply)
        bed.assert_untouched(customer, (balance * PRICE_MICROS, gift * PRICE_MICROS))
        return
    assert reply.status == 0
    left = gift - min(gift, 2)
    assert bed.wallet(customer) == ((balance - (2 - min(gift, 2))) * PRICE_MICROS, left * PRICE_MICROS)
    assert_sums(bed)
    assert_poor(door.send(customer))


def test_a_charge_is_one_entry_with_its_batch(bed: Bed, door: Door) -> None:
    customer = bed.customer(gift=PRICE_MICROS)
    reply = door.send(customer, numbers=TWO + ",1", content="x" * 161)
    entry = bed.conn.execute(
        b"SELECT balance_micros, gift_micros, balance_after, batch_no, messages FROM ledger"
        b" WHERE account_id = %s AND kind = 'charge'",
        (customer.id,),
    ).fetchall()
    batch = int(reply.data["batchNo"])
    assert entry == [(-3 * PRICE_MICROS, -PRICE_MICROS, 97 * PRICE_MICROS, batch, 2)]


def test_known_poor_are_told_so_again_and_again(bed: Bed, door: Door) -> None:
    customer = bed.customer(PRICE_MICROS - 1)
    for _ in range(3):
        assert_poor(door.send(customer))
    _pay(bed, customer, 1)
    assert door.send(customer).status == 0
    assert_poor(door.send(customer))


def _pay(bed: Bed, customer: Customer, micros: int) -> None:
    with bed.conn.transaction():
        billing.recharge(bed.conn, customer.id, micros)
