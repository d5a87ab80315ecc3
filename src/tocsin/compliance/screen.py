"""Screens the numbers of a request: blacklist, opt-outs, quiet hours, caps and spend. Words are `Guards.find_word`'s.

Two steps, so that most sends wait for nothing: `sift` stands on memory alone and says whether the database must be asked at all;
`settle` asks it, one statement for the lists and one for the caps, however many numbers there are. Nothing here is part of
the accepting transaction: a request that is refused afterwards gives back by `give_back` what it took out of the caps.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from tocsin.compliance import store
from tocsin.compliance.caps import count_columns
from tocsin.compliance.guards import Guards
from tocsin.compliance.model import EVERYBODY, Cap, CapKind, QuietRule, Screened, Sending
from tocsin.compliance.quiet import quiet_until
from tocsin.compliance.zones import find_zone
from tocsin.kit.db import Session
from tocsin.traffic import Priority, Reason

# A barred number without a route is barred: the contract's order is -9, 4, 5, 3, -15.
_MAY_BE_BARRED = frozenset({0, int(Reason.NO_ROUTE)})
_OF_ADDRESSES = frozenset({CapKind.NUMBER, CapKind.SPEND})


async def screen(session: Session, sending: Sending, guards: Guards, now_s: float) -> Screened:
    """Both steps. Raises LOST: then nothing may be accepted."""
    screened = sift(sending, guards, now_s)
    if screened.asks:
        await settle(session, sending, screened, now_s)
    return screened


def sift(sending: Sending, guards: Guards, now_s: float) -> Screened:
    """What memory knows; finished unless it `asks`."""
    if guards.idle(sending.account_id, sending.action):
        return Screened()
    suspects: set[int] = set()
    sieves = [guards.blacklist.of(EVERYBODY), guards.blacklist.of(sending.account_id)]
    if sending.action == Priority.MARKETING:
        sieves.append(guards.opt_outs.of(sending.account_id))
    for sieve in sieves:
        if sieve is not None:
            suspects.update(sieve.find(sending.values))
    return Screened(
        held=_hold(sending, guards, now_s) if sending.action == Priority.MARKETING else {},
        suspects=sorted(at for at in suspects if sending.reasons[at] in _MAY_BE_BARRED),
        caps=() if sending.again else _find_caps(sending, guards),
    )


def _find_caps(sending: Sending, guards: Guards) -> tuple[Cap, ...]:
    caps = guards.caps.find(sending.account_id, sending.action)
    # Addresses of email have neither a country nor digits.
    return caps if any(sending.countries) else tuple(cap for cap in caps if cap.kind in _OF_ADDRESSES)


def _hold(sending: Sending, guards: Guards, now_s: float) -> dict[int, float]:
    """Until when numbers wait, by place. Rules and ends are looked up once for each country and zone."""
    if not guards.quiet.concerns(sending.account_id):
        return {}
    rules: dict[int, QuietRule | None] = {}
    ends: dict[tuple[int, ZoneInfo], float | None] = {}
    held: dict[int, float] = {}
    for at, (value, country_id) in enumerate(zip(sending.values, sending.countries, strict=True)):
        if country_id not in rules:
            rules[country_id] = guards.quiet.find(sending.account_id, country_id)
        rule = rules[country_id]
        if rule is None or sending.reasons[at] or (zone := find_zone(value)) is None:
            continue
        if (country_id, zone) not in ends:
            ends[country_id, zone] = quiet_until(rule, zone, now_s)
        end = ends[country_id, zone]
        if end is not None:
            held[at] = end
    return held


async def settle(session: Session, sending: Sending, screened: Screened, now_s: float) -> None:
    """Ask the database what `sift` left open. Raises LOST."""
    if screened.suspects:
        barred = await store.find_barred(session, sending, screened.suspects)
        screened.refused.update(dict.fromkeys(barred, Reason.BLACKLISTED))
        screened.suspects = []
    if screened.caps:
        await _take(session, sending, screened, now_s)
        screened.caps = ()
    for at in screened.refused.keys() & screened.held.keys():
        del screened.held[at]


async def _take(session: Session, sending: Sending, screened: Screened, now_s: float) -> None:
    places = [at for at, reason in enumerate(sending.reasons) if not reason and at not in screened.refused]
    if not places:
        return
    columns = count_columns(screened.caps, sending, places, now_s)
    over = await store.take_caps(session, columns)
    if 0 in over:
        screened.spend_stop = True
        return
    screened.refused.update((places[ordinal - 1], Reason.OVER_CAP) for ordinal in over)
    kept = [at for at in places if at not in screened.refused]
    if kept:
        columns = columns if len(kept) == len(places) else count_columns(screened.caps, sending, kept, now_s)
        screened.taken = (*columns, [True] * len(kept))


async def give_back(session: Session, screened: Screened) -> None:
    """The request was not accepted after all: the caps are as before. Raises LOST."""
    if screened.taken is not None:
        await session.batch([store.return_caps(screened.taken)])
        screened.taken = None
