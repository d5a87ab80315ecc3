"""Verbs over caps, and the recommended guards in one."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from tocsin import billing, compliance, routing
from tocsin.cli.base import Choice, open_session, show, table, verbs
from tocsin.cli.change import Conn, find_owner, note, open_change
from tocsin.traffic import Priority

_KINDS = compliance.KIND_NAMES
_WINDOWS = {seconds: word for word, seconds in compliance.WINDOWS.items()}
_DEFAULT_PER = {"number": "hour", "prefix": "hour", "country": "day", "spend": "day"}
_ACTIONS = [priority.name for priority in Priority]


@verbs()
def cap() -> None:
    """Caps: at most so many messages (-15), or so much money (-10), in a window of time."""


@cap.command("set")
@click.argument("kind", type=Choice(list(_KINDS)))
@click.argument("most")
@click.option("--per", type=Choice(list(compliance.WINDOWS)), help="Default: hour; of country and spend day.")
@click.option("--action", type=Choice(_ACTIONS, case_sensitive=False), help="Count these alone.")
@click.option("--country", metavar="CODEID", help="Of this country (codeId or ISO code); else each one for itself.")
@click.option("--digits", type=click.IntRange(1, 15), default=7, show_default=True, help="Length of a prefix.")
@click.option("--account", help="Of this account, in place of the general cap.")
def set_cap(kind: str, most: str, **options: Any) -> None:
    """Set how much each account may send: by number, prefix, country, or for how much money.

    MOST is a number of messages, an amount for spend, or none for no cap. Windows begin with the minute, hour or day
    of UTC. A cap without --account holds for every account, each counted for itself.

    \b
    Examples: tocsin cap set number 5 --action VERIFY
              tocsin cap set prefix 200 --action VERIFY --digits 7
              tocsin cap set country 1000 --per day --country NG
              tocsin cap set spend 250 --account acme
    """
    with open_change() as conn:
        before, after = compliance.set_cap(conn, _read_cap(conn, kind, most, options))
        facts = _read_back(conn, after.id)
        told = None if before is None else _describe(compliance.CapRow(before, facts["account"], facts["country"]))
        if told != facts:
            note(conn, "cap set", f"cap {after.id}", told, facts)
    show(facts, f"cap {after.id} set: {_say(facts)}")


def _read_cap(conn: Conn, kind: str, most: str, options: dict[str, Any]) -> compliance.Cap:
    action, country = options["action"], options["country"]
    return compliance.Cap(
        id=0,
        account_id=find_owner(conn, options["account"]),
        kind=_KINDS[kind],
        action=None if action is None else Priority[action.upper()],
        country_id=routing.find_country(conn, country).code_id if country else 0,
        most=_read_most(kind, most),
        window_s=compliance.WINDOWS[options["per"] or _DEFAULT_PER[kind]],
        digits=options["digits"],
    )


def _read_most(kind: str, text: str) -> int | None:
    if text == "none":
        return None
    if kind == "spend":
        try:
            micros = billing.to_micros(text)
        except billing.MoneyError as error:
            raise click.UsageError(str(error)) from error
        if micros < 0:
            raise click.UsageError(f"{text} is negative")
        return micros
    if not (text.isascii() and text.isdigit()):
        raise click.UsageError(f"{text!r} is neither a whole number nor `none`")
    return int(text)


def _read_back(conn: Conn, cap_id: int) -> dict[str, Any]:
    return _describe(compliance.list_caps(conn, cap_id)[0])


def _describe(row: compliance.CapRow) -> dict[str, Any]:
    found = row.cap
    kind = compliance.CapKind(found.kind)
    most: object = found.most
    if found.most is not None and kind is compliance.CapKind.SPEND:
        most = billing.text_of(found.most)
    return {
        "id": found.id,
        "kind": kind.name.lower(),
        "most": most,
        "per": _WINDOWS[found.window_s],
        "action": None if found.action is None else Priority(found.action).name,
        "country": row.iso,
        "digits": found.digits if kind is compliance.CapKind.PREFIX else None,
        "account": row.account,
    }


def _say(facts: dict[str, Any]) -> str:
    what = "no cap" if facts["most"] is None else f"{facts['most']} per {facts['per']}"
    by = f"prefix of {facts['digits']} digits" if facts["digits"] else facts["kind"]
    return f"{what} by {by}, {facts['action'] or 'every action'}, {facts['account'] or 'each account'}"


@cap.command("list")
def list_caps() -> None:
    """List all caps: the general ones first."""
    with open_session() as conn:
        rows = [_describe(row) for row in compliance.list_caps(conn)]
    head = ["id", "kind", "most", "per", "action", "country", "digits", "account"]
    words = {"most": "none", "action": "any", "country": "any", "digits": "", "account": "each"}
    show(
        rows, table(head, [[words.get(name, "") if row[name] is None else row[name] for name in head] for row in rows])
    )


@cap.command("remove")
@click.argument("cap_id", metavar="ID", type=int)
def remove_cap(cap_id: int) -> None:
    """Take a cap away, by its id in `cap list`."""
    with open_change() as conn:
        facts = _describe(compliance.remove_cap(conn, cap_id))
        note(conn, "cap remove", f"cap {cap_id}", facts, None)
    show(facts, f"cap {cap_id} removed")


@verbs()
def guard() -> None:
    """Guards: what is recommended, in one."""


@guard.command("recommended")
def recommended() -> None:
    """Set the recommended caps and quiet hours for all accounts; what is set already stays.

    VERIFY: 5 by number and hour, 200 by prefix of 7 digits and hour, 5000 by country and day, for each account. MARKETING
    waits from 21:00 to 08:00 on the recipient's clock.
    """
    with open_change() as conn:
        caps, quiet = compliance.set_recommended(conn)
        told = [_read_back(conn, each.id) for each in caps]
        hours = compliance.write_hours(quiet) if quiet else None
        facts = {"caps": told, "quiet": hours}
        if told or quiet:
            note(conn, "guard recommended", "guards", None, msgspec.to_builtins(facts))
    said = [f"cap {each['id']} set: {_say(each)}" for each in told] + ([f"quiet hours set: {hours}"] if hours else [])
    show(facts, "\n".join(said) or "all of it was set already")
