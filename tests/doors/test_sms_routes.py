"""Which channel an accepted SMS goes by: rules by action, sender and hours, shares by weight, margins; and whose sender it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doors.api import Bed, Customer, Door
from tests.doors.test_email import send as send_email
from tests.poll import until_sync
from tocsin import accounts, billing, routing
from tocsin.content import choose_by_lot
from tocsin.kit import clock
from tocsin.traffic import Priority, Product

NUMBERS = [f"62812{n:08d}" for n in range(200)]
WARM_UP = ["6281399999999"]


@pytest.fixture
def routed(bed: Bed) -> Iterator[Customer]:
    """With a route of its own over the first channel, and money; its routes are taken away again."""
    customer = bed.customer(10**9)
    add_route(bed, customer, bed.channels["sandbox"])
    yield customer
    bed.conn.execute("DELETE FROM route WHERE account_id IS NOT NULL")


def add_route(bed: Bed, customer: Customer, channel_id: int, **more: Any) -> None:
    rule = routing.RouteRule(
        0, customer.id, None, int(Product.SMS), None, more.pop("prefix", ""), channel_id, 0, **more
    )
    routing.add_route(bed.conn, rule)


def send(bed: Bed, door: Door, customer: Customer, numbers: list[str], **fields: Any) -> list[int]:
    """The channels of the numbers."""
    reply = door.send(customer, numbers=",".join(numbers), **fields)
    assert reply.status == 0, reply.body
    rows = bed.conn.execute(
        "SELECT channel_id FROM message WHERE batch_no = %s ORDER BY id", (int(reply.data["batchNo"]),)
    )
    return [row[0] for row in rows]


def wait_for(bed: Bed, door: Door, customer: Customer, channels: list[int], **fields: Any) -> None:
    """Until the API knows the new rules, which a number without other messages shows."""
    until_sync(lambda: send(bed, door, customer, WARM_UP, **fields) == channels)


def test_the_action_decides(bed: Bed, door: Door, routed: Customer) -> None:
    first, second = bed.channels["sandbox"], bed.channels["second"]
    add_route(bed, routed, second, action=int(Priority.MARKETING))
    wait_for(bed, door, routed, [second], action="MARKETING")
    assert send(bed, door, routed, NUMBERS[:2], action="NOTIFICATION") == [first] * 2
    assert send(bed, door, routed, NUMBERS[:2], action="VERIFY") == [first] * 2
    assert send(bed, door, routed, NUMBERS[:2], action="MARKETING") == [second] * 2


def test_the_sender_decides(bed: Bed, door: Door, routed: Customer) -> None:
    first, second = bed.channels["sandbox"], bed.channels["second"]
    accounts.add_grant(bed.conn, routed.id, accounts.SENDER, "ACME")
    accounts.add_grant(bed.conn, routed.id, accounts.SENDER, "OTHER")
    add_route(bed, routed, second, sender="ACME")
    until_sync(lambda: door.send(routed, senderId="OTHER", numbers=WARM_UP[0]).status == 0)
    wait_for(bed, door, routed, [second], senderId="ACME")
    assert send(bed, door, routed, NUMBERS[:2]) == send(bed, door, routed, NUMBERS[:2], senderId="OTHER") == [first] * 2


def test_the_hours_decide(bed: Bed, door: Door, routed: Customer) -> None:
    """Hours that are on now and others that are off, both an hour away from their ends."""
    first, second = bed.channels["sandbox"], bed.channels["second"]
    now = clock.now()
    minute = now.hour * 60 + now.minute
    closed = {"start_minute": (minute + 60) % 1440, "end_minute": (minute + 120) % 1440, "zone": "UTC"}
    add_route(bed, routed, second, prefix="62813", **closed)
    add_route(bed, routed, second, start_minute=(minute - 60) % 1440, end_minute=(minute + 60) % 1440, zone="UTC")
    until_sync(lambda: send(bed, door, routed, NUMBERS[:1]) == [second])
    assert send(bed, door, routed, WARM_UP) == [second]  # the rule of its prefix is closed
    # What is scheduled goes by the hours of its time.
    later = str(int(clock.now_s()) + 90 * 60)
    assert send(bed, door, routed, NUMBERS[:1], sendTime=later) == [first]
    assert send(bed, door, routed, WARM_UP, sendTime=later) == [second]
    assert send(bed, door, routed, NUMBERS[:1]) == [second]


def test_weights_share_and_a_number_keeps_its_channel(bed: Bed, door: Door, routed: Customer) -> None:
    first, second = bed.channels["sandbox"], bed.channels["second"]
    bed.conn.execute("DELETE FROM route WHERE account_id IS NOT NULL")
    add_route(bed, routed, first, weight=100)
    add_route(bed, routed, second, weight=300)
    until_sync(lambda: set(send(bed, door, routed, NUMBERS[:20])) == {first, second})
    found = send(bed, door, routed, NUMBERS)
    assert 120 < Counter(found)[second] < 180  # 150 are its share
    assert send(bed, door, routed, NUMBERS[::-1]) == found[::-1]
    lanes = bed.conn.execute("SELECT DISTINCT channel_id FROM lane_item WHERE account_id = %s", (routed.id,))
    assert {row[0] for row in lanes} == {first, second}


def test_a_channel_under_the_margin_is_no_route(bed: Bed, door: Door) -> None:
    customer = bed.special("thin")
    second = bed.channels["second"]
    bed.conn.execute("DELETE FROM cost")
    assert send(bed, door, customer, NUMBERS[:1]) == [bed.channels["sandbox"]]
    try:
        cost = billing.PriceRule(billing.NO_PLAN, int(Product.SMS), None, "62812", bed.channels["sandbox"], 60_000)
        with bed.conn.transaction():
            billing.import_costs(bed.conn, [cost])
        until_sync(lambda: door.send(customer, numbers=NUMBERS[0]).status == 3)
        assert send(bed, door, customer, WARM_UP) == [bed.channels["sandbox"]]  # its cost is not known
        add_route(bed, customer, second)
        until_sync(lambda: door.send(customer, numbers=NUMBERS[0]).status == 0)
        assert send(bed, door, customer, NUMBERS[:1]) == [second]
        assert send(bed, door, bed.customer(), NUMBERS[:1]) == [bed.channels["sandbox"]]  # of another plan
    finally:
        bed.conn.execute("DELETE FROM cost")
        bed.conn.execute("DELETE FROM route WHERE account_id IS NOT NULL")


def test_a_pool_gives_each_recipient_his_sender(bed: Bed, door: Door, routed: Customer) -> None:
    pool = ["ACME", "ACME2"]
    for sender in pool:
        accounts.add_grant(bed.conn, routed.id, accounts.SENDER, sender)
        accounts.add_to_pool(bed.conn, routed.id, sender)

    def sent(**fields: Any) -> list[str]:
        reply = door.send(routed, numbers=",".join(NUMBERS[:20]), **fields)
        query = (
            "SELECT coalesce(nullif(m.own, ''), b.sender) FROM message m JOIN batch b USING (batch_no)"
            " WHERE batch_no = %s ORDER BY m.id"
        )
        return [row[0] for row in bed.conn.execute(query.encode(), (int(reply.data["batchNo"]),))]

    wanted = [choose_by_lot(number, pool) for number in NUMBERS[:20]]
    assert set(wanted) == set(pool)
    until_sync(lambda: sent() == wanted)
    assert sent(senderId="ACME") == ["ACME"] * 20


def test_emails_share_too(bed: Bed, door: Door, routed: Customer) -> None:
    ids = [bed.channels[name] for name in ("sandbox", "second")]
    for channel_id in ids:
        routing.add_route(bed.conn, routing.RouteRule(0, routed.id, None, int(Product.EMAIL), None, "", channel_id, 0))
    emails = [f"user{n}@example.com" for n in range(40)]

    def sent() -> dict[str, int]:
        reply = send_email(door, routed, emails=",".join(emails))
        rows = bed.conn.execute(
            "SELECT phone, channel_id FROM message WHERE batch_no = %s", (int(reply.data["batchNo"]),)
        )
        return dict(rows.fetchall())

    until_sync(lambda: set(sent().values()) == set(ids))
    assert sent() == sent()
