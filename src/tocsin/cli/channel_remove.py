"""`tocsin channel remove`: takes a channel away when nothing needs it any more, or says what does.

It is paused first. Processes learn of that, and of routes that went a moment ago, within a second: only after that time is it
certain that nothing new comes to its lane, so what waits and what is in hand is looked at again before the channel goes.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import click

from tocsin import accounts, carriers, routing
from tocsin.cli import store
from tocsin.cli.base import Refusal, load_settings, show, verb
from tocsin.cli.change import Conn, note, open_change
from tocsin.kit import clock
from tocsin.kit.settings import Settings
from tocsin.traffic import PRODUCT_NAMES

SETTLE_S = 2.0
"""Twice the time within which every process knows of a change."""
_WAIT_S = 15.0  # for what workers have in hand
_LOOK_S = 0.25
_PAGE = 500  # items: 25,000 messages at most
_MAX_COUNTED = 100_000


class Order(NamedTuple):
    """What was asked for."""

    name: str
    target: str | None
    gives_up: bool  # receipts that are to come


@verb("remove")
@click.argument("name")
@click.option("--move-to", "target", help="Move what waits for it to this channel, as it is: attempts and prices stay.")
@click.option("--without-receipts", is_flag=True, help="Do not wait for receipts: those messages end as `no receipt`.")
def remove_channel(name: str, target: str | None, without_receipts: bool) -> None:
    """Take a channel away, with its prices and costs. It says what is in the way, and changes nothing then but a pause.

    In the way are routes and grants that name it, messages that wait for it, and messages whose receipts are still to come:
    once it is gone nobody hears them, and they end as `no receipt` when their time is over. What is stored of its messages
    stays.

    \b
    Examples: tocsin channel remove east
              tocsin channel remove east --move-to west
    """
    settings, order = load_settings(), Order(name, target, without_receipts)
    with open_change(settings) as conn:
        was_paused = _pause(conn, order, settings)
    try:
        facts = _remove_soon(order, settings)
    except Refusal as error:
        if was_paused:
            raise
        raise Refusal(f"{error.message}\n{name} is paused now: tocsin channel resume {name}") from error
    moved, scheduled = facts["moved"], facts["scheduled"]
    said = f", {_count(moved, 'message')} moved to {target}" if moved else ""
    said += "".join(f", {facts[each]} {each} with it" for each in ("prices", "costs") if facts[each])
    said += f"; {_count(scheduled, 'scheduled message')} will take the routes of their time" if scheduled else ""
    show({**facts, "was_paused": was_paused}, f"channel {name} removed{said}")


def _remove_soon(order: Order, settings: Settings) -> dict[str, Any]:
    """Look until nothing is in the way; what was removed. Raises Refusal."""
    moved, settled_s = 0, clock.monotonic_s() + SETTLE_S
    while True:
        with open_change(settings) as conn:
            moved += _move(conn, order)
            if clock.monotonic_s() >= settled_s:
                done = _remove(conn, order, settings, moved)
                if done is not None:
                    return done
        if clock.monotonic_s() >= settled_s + _WAIT_S:
            raise Refusal(f"a worker still has messages of {order.name} in hand: try again in a moment")
        time.sleep(_LOOK_S)


def _pause(conn: Conn, order: Order, settings: Settings) -> bool:
    """Whether it was paused before. Raises Refusal, RoutingError."""
    channel = routing.find_channel(conn, order.name)
    if order.target is not None:
        _check_target(conn, channel, routing.find_channel(conn, order.target))
    _refuse(conn, channel, order, settings)
    if not channel.paused:
        routing.set_channel(conn, order.name, paused=True)
        note(conn, "channel pause", f"channel {order.name}", {"paused": False}, {"paused": True})
    return channel.paused


def _check_target(conn: Conn, channel: routing.Channel, target: routing.Channel) -> None:
    if target.id == channel.id:
        raise Refusal("what waits cannot move to the channel that is removed")
    if target.paused:
        raise Refusal(f"channel {target.name} is paused: nothing would leave from there")
    waiting = store.read_lane_products(conn, channel.id) - {int(each) for each in carriers.carries(target.kind)}
    if waiting:
        names = ", ".join(name for name, product in PRODUCT_NAMES.items() if int(product) in waiting)
        raise Refusal(f"{names} wait for {channel.name}, which a channel of kind {target.kind} does not carry")


def _refuse(conn: Conn, channel: routing.Channel, order: Order, settings: Settings) -> store.ChannelUses:
    """Raises Refusal with a line for each thing in the way."""
    name = channel.name
    uses = store.read_channel_uses(conn, channel.id, name, accounts.ROUTING)
    why = []
    if uses.routes:
        ids = ", ".join(map(str, uses.routes[:20])) + (" ..." if len(uses.routes) > 20 else "")
        why.append(f"{_count(len(uses.routes), 'route')} to it: tocsin route remove ID, for each of {ids}")
    if uses.granted:
        why.append(
            f"{_count(len(uses.granted), 'account')} may name it: tocsin grant remove {uses.granted[0]} routing {name}"
        )
    if uses.waiting and order.target is None:
        why.append(f"{_count(uses.waiting, 'message')} in its lane: let them go, or --move-to CHANNEL")
    if not order.gives_up:
        count = store.count_open(conn, channel.id, settings.receipt_timeout_s, _MAX_COUNTED)
        if count:
            more = "at least " if count == _MAX_COUNTED else ""
            why.append(
                f"receipts of {more}{_count(count, 'message')} are to come: wait for them, or --without-receipts"
            )
    if why:
        raise Refusal("\n".join(f"{name}: {each}" for each in why))
    return uses


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _move(conn: Conn, order: Order) -> int:
    """Messages that moved."""
    if order.target is None:
        return 0
    channel, target = routing.find_channel(conn, order.name), routing.find_channel(conn, order.target)
    total = 0
    while True:
        items, messages = store.move_lane(conn, channel.id, target.id, _PAGE)
        total += messages
        conn.commit()
        if items < _PAGE:
            return total


def _remove(conn: Conn, order: Order, settings: Settings, moved: int) -> dict[str, Any] | None:
    """What was removed; None: not yet. Raises Refusal."""
    channel = routing.find_channel(conn, order.name)
    uses = _refuse(conn, channel, order, settings)
    if uses.in_hand or (uses.waiting and store.move_lane(conn, channel.id, channel.id, 1)[0]):
        return None
    if uses.waiting:
        raise Refusal(
            f"{order.name}: of {_count(uses.waiting, 'message')} that wait its carrier has a part: let them end first"
        )
    facts = {
        "channel": channel.name, "kind": channel.kind, "prices": uses.prices, "costs": uses.costs, "moved": moved,
        "moved_to": order.target, "scheduled": uses.scheduled, "config": carriers.hide_config(channel.kind, channel.config),
    }  # fmt: skip
    store.delete_channel(conn, channel.id)
    note(conn, "channel remove", f"channel {channel.name}", facts, None)
    return facts
