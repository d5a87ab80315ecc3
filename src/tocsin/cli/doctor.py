"""`tocsin doctor`: is everything as it should be, and what waits for whom. It only looks."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from tocsin import accounts, carriers, queue
from tocsin.cli import store
from tocsin.cli.base import FAILED, load_settings, open_session, show, table, verb
from tocsin.cli.doctor_exposure import look_at_demo, look_at_server_log
from tocsin.cli.doctor_processes import look_at_processes
from tocsin.cli.finding import LOOK, OK, WRONG, Finding, tell_age
from tocsin.cli.store import Conn
from tocsin.kit import clock
from tocsin.kit.seal import SealError, open_seal
from tocsin.kit.settings import Settings, SettingsError

_OLDEST_SERVER = 150_000
_STUCK_S = 60.0
_OVERDUE_S = 60.0
_DAYS_NEEDED, _DAYS_WANTED = 1, 7


@verb()
def doctor() -> int:
    """Look whether everything is as it should be. Exit 1 if something is wrong.

    Looks at the database, its schema and log, clocks, the sealing key, what of the demo is published, processes and
    their restarts, channels and what waits for them, scheduled sends that are overdue, endpoints and what waits for
    them, receipts without a message, and partitions. Money is proved by `tocsin ledger check`.
    """
    settings = load_settings()
    with open_session(settings) as conn:
        findings = list(examine(conn, settings))
    wrong = [finding for finding in findings if finding.state == WRONG]
    said = f"{len(wrong)} wrong" if wrong else "Everything is as it should be."
    text = table(["check", "state", "detail"], findings)
    show({"ok": not wrong, "findings": [finding._asdict() for finding in findings]}, f"{text}\n{said}")
    return FAILED if wrong else 0


def examine(conn: Conn, settings: Settings) -> Iterator[Finding]:
    """All findings. After a schema that is not ours nothing else can be looked at."""
    yield from _look_at_server(conn, settings.clock_off_s)
    schema = _look_at_schema(conn)
    yield schema
    if schema.state == WRONG:
        return
    yield _look_at_seal(conn, settings)
    yield look_at_server_log(conn)
    yield from look_at_demo(conn, settings)
    yield from look_at_processes(conn, settings)
    looks: list[Callable[[Conn], Iterator[Finding]]] = [
        _look_at_clocks,
        _look_at_channels,
        _look_at_schedules,
        _look_at_endpoints,
        _look_at_receipts,
        _look_at_partitions,
    ]
    for look in looks:
        yield from look(conn)


def _look_at_server(conn: Conn, most_off_s: float) -> Iterator[Finding]:
    before_s = clock.now_s()
    server = store.read_server(conn)
    middle_s = (before_s + clock.now_s()) / 2
    good = server.version_no >= _OLDEST_SERVER and not server.standby
    detail = f"PostgreSQL {server.version}" + (", a standby: nothing can be written" if server.standby else "")
    yield Finding("database", OK if good else WRONG, detail + ("" if good or server.standby else ", 15 is needed"))
    apart_s = middle_s - server.now_s
    state = OK if abs(apart_s) <= most_off_s else WRONG
    yield Finding("clock", state, f"{abs(apart_s):.1f} s {'ahead of' if apart_s > 0 else 'behind'} the database's")


def _look_at_schema(conn: Conn) -> Finding:
    place = find_spec("tocsin.schema.migrations")
    assert place is not None
    shipped = {module.name for module in pkgutil.iter_modules(place.submodule_search_locations)}
    if conn.execute("SELECT to_regclass('django_migrations')").fetchone() == (None,):
        return Finding("schema", WRONG, "the database is empty: run `tocsin migrate`")
    applied = store.read_migrations(conn)
    if shipped - applied:
        return Finding("schema", WRONG, f"run `tocsin migrate`; missing: {', '.join(sorted(shipped - applied))}")
    if applied - shipped:
        newer = ", ".join(sorted(applied - shipped))
        return Finding("schema", LOOK, f"the database is of a newer release: {newer}")
    return Finding("schema", OK, f"{len(applied)} migrations")


def _look_at_seal(conn: Conn, settings: Settings) -> Finding:
    try:
        there = accounts.check_canary(conn, open_seal(settings))
    except (SealError, SettingsError) as error:
        return Finding("sealing key", WRONG, str(error))
    if not there:
        return Finding("sealing key", LOOK, "no process has started on this database yet")
    return Finding("sealing key", OK, "opens what the database holds")


def _look_at_clocks(conn: Conn) -> Iterator[Finding]:
    for each in store.read_wrong_clocks(conn):
        off = f"{tell_age(abs(each.ahead_s))} {'ahead of' if each.ahead_s > 0 else 'behind'} the database's"
        detail = f"{each.host} pid {each.pid}: its clock is {off}; it waits until that is right"
        yield Finding(f"clock of {each.kind}", WRONG, detail)


def _look_at_channels(conn: Conn) -> Iterator[Finding]:
    live = {each.name: each for each in queue.list_live(conn)}
    for lane in store.read_lanes(conn):
        mistakes = carriers.check_config(lane.kind, lane.config)
        stuck = bool(lane.ready and not lane.owned and not lane.paused and (lane.oldest_s or 0) > _STUCK_S)
        said = f"{lane.ready} waiting, {lane.delayed} for a later try, {lane.owned} in hand"
        if lane.oldest_s is not None:
            said += f", the oldest {tell_age(lane.oldest_s)} old"
        if mistakes:
            yield Finding(f"channel {lane.channel}", WRONG, "; ".join(mistakes))
        elif lane.channel in live and live[lane.channel].down and not lane.paused:
            why = live[lane.channel].last_error
            yield Finding(f"channel {lane.channel}", WRONG, f"its link is down{': ' if why else ''}{why}; {said}")
        elif stuck:
            yield Finding(f"channel {lane.channel}", WRONG, f"{said}: no worker takes them")
        else:
            paused = lane.paused
            yield Finding(f"channel {lane.channel}", LOOK if paused else OK, ("paused; " if paused else "") + said)
    orphans = store.count_orphan_items(conn)
    if orphans:
        yield Finding("lanes", WRONG, f"{orphans} chunks wait for channels that are gone")


def _look_at_schedules(conn: Conn) -> Iterator[Finding]:
    count, late_s = store.read_overdue(conn, _OVERDUE_S)
    if count:
        yield Finding("schedules", WRONG, f"{count} overdue, the oldest by {tell_age(late_s)}: no worker moves them")
    else:
        yield Finding("schedules", OK, "none is overdue")


def _look_at_endpoints(conn: Conn) -> Iterator[Finding]:
    for each in store.read_endpoints(conn):
        said = f"{each.waiting} rows waiting" + (f", {each.aside} set aside" if each.aside else "")
        if each.oldest_s is not None:
            said += f", the oldest {tell_age(each.oldest_s)} old"
        if each.paused_at:
            said = f"paused ({each.paused_reason}); {said}"
        elif each.failing_since:
            said = f"without a 2xx since {each.failing_since:%Y-%m-%d %H:%M} UTC; {said}"
        fine = not (each.paused_at or each.failing_since or each.aside)
        yield Finding(f"endpoint {each.account} {each.kind}", OK if fine else LOOK, said)


def _look_at_receipts(conn: Conn) -> Iterator[Finding]:
    looked_for, given_up = store.count_unmatched(conn)
    said = f"{looked_for} fit no message yet, {given_up} never did"
    said += ": see `tocsin channel unmatched`" if looked_for or given_up else ""
    yield Finding("receipts", LOOK if looked_for or given_up else OK, said)


def _look_at_partitions(conn: Conn) -> Iterator[Finding]:
    table_name, days = min(store.read_partitions(conn).items(), key=lambda pair: pair[1])
    state = WRONG if days < _DAYS_NEEDED else LOOK if days < _DAYS_WANTED else OK
    short = "" if state == OK else f" (table {table_name}): does a worker run?"
    yield Finding("partitions", state, f"ready for {max(days, 0)} days ahead{short}")
