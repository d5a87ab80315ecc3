"""Verbs over channels: talks with carriers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import msgspec

from tocsin import carriers, queue, routing
from tocsin.cli import store
from tocsin.cli.base import Choice, Refusal, load_settings, open_session, show, table, verbs
from tocsin.cli.change import (
    OR_NONE,
    Conn,
    given,
    note,
    note_difference,
    open_change,
    open_known_seal,
    tell_age,
    tell_time,
    tell_yes,
)
from tocsin.cli.channel_remove import remove_channel
from tocsin.cli.channel_test import test_channel
from tocsin.kit import clock
from tocsin.traffic import Reason

POLICY = Choice(routing.UNKNOWN_POLICIES)


class JsonObject(click.ParamType[dict[str, Any]]):
    """A JSON object, or @FILE that holds one: so that no secret stands in a list of processes."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        try:
            found = json.loads(Path(value[1:]).read_text(encoding="utf-8") if value.startswith("@") else value)
        except OSError as error:
            self.fail(f"{value[1:]} cannot be read: {error.strerror}", param, ctx)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            self.fail(f"{value!r} is no JSON object, like '{{\"delay_ms\": 50}}'", param, ctx)
        return found


@verbs()
def channel() -> None:
    """Channels: talks with carriers."""


def _options(verb: Any) -> Any:
    for option in (
        click.option(
            "--longest-call",
            "longest_call_s",
            type=click.IntRange(1, routing.MOST_CALL_S),
            help="Seconds after which a call is hung up; so many are reserved when it is accepted.",
        ),
        click.option(
            "--queue-age",
            "queue_age_s",
            type=OR_NONE,
            help="Seconds after which what waits goes elsewhere; `none`: never.",
        ),
        click.option(
            "--failover-after",
            "failover_after_s",
            type=click.FloatRange(0.1, 604_800),
            help="Seconds for which the link is down in every process before what waits goes elsewhere.",
        ),
        click.option("--max-attempts", type=click.IntRange(1, 1000), help="Tries of a message in all."),
        click.option("--unknown-policy", type=POLICY, help="A submit without an answer: `resend` it or `leave` it."),
        click.option("--config", type=JsonObject(), help="The carrier's own settings, a JSON object, or @FILE."),
        click.option("--window", type=click.IntRange(1, 1_000_000), help="Parts under way at a time."),
        click.option("--rate", type=OR_NONE, help="Parts per second; `none` for no limit."),
    ):
        verb = option(verb)
    return verb


def _read_options(options: dict[str, Any]) -> dict[str, Any]:
    """Those that were given; `none` is no limit."""
    return {
        name: value or None if name in {"rate", "queue_age_s"} else value for name, value in given(**options).items()
    }


@channel.command()
@click.argument("name")
@click.argument("kind")
@_options
def add(name: str, kind: str, config: dict[str, Any] | None, **options: Any) -> None:
    """Add a channel of a KIND of carrier. It carries nothing until a route leads to it.

    \b
    Example: tocsin channel add east sandbox --rate 100 --window 50
    """
    config = carriers.keep_config(kind, config or {}, {})
    _check_config(kind, config)
    blank = routing.Channel(
        id=0, name=name, kind=kind, paused=False, rate=None, window=1000,
        unknown_policy="leave", max_attempts=8, config={},
    )  # fmt: skip
    with open_change() as conn:
        chosen = {**_read_options(options), "config": _seal_config(conn, kind, config)}
        facts = _describe_channel(routing.add_channel(conn, msgspec.structs.replace(blank, **chosen)))
        note(conn, "channel add", f"channel {name}", None, facts)
    show(facts, f"channel {name} of kind {kind} added; route to it: tocsin route add sms {name}")


def _check_config(kind: str, config: dict[str, Any]) -> None:
    mistakes = carriers.check_config(kind, config)
    if mistakes:
        raise Refusal("\n".join(mistakes))


def _seal_config(conn: Conn, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    if not carriers.has_secrets(kind, config):
        return config
    return carriers.seal_config(kind, config, open_known_seal(conn, load_settings()).seal)


def _describe_channel(channel: routing.Channel, before: routing.Channel | None = None) -> dict[str, Any]:
    """Its fields as they may be shown; `before`: secrets that differ from its are told to be new."""
    hidden = carriers.hide_config(channel.kind, channel.config, before.config if before else None)
    return {**msgspec.structs.asdict(channel), "config": hidden}


@channel.command("list")
def list_channels() -> None:
    """List all channels, how their links are, and what waits for them.

    bound: binds that stand, of those that should. window: parts under way, of those that may be. rate: parts per second now,
    and the limit. errors: parts that were not accepted since the links were made. breaker: countries to which new messages
    take other routes. last error: the last one of any worker's link, and when it was. --json has every counter and setting.
    """
    with open_session() as conn:
        live = {each.id: each for each in queue.list_live(conn)}
        found = [
            (each, _describe_channel(each), live[each.id]) for each in routing.list_channels(conn) if each.id in live
        ]
        breakers = routing.list_breakers(conn)
    rows = [
        [each.name, each.kind, tell_yes(each.paused), *_tell_live(each, now), _tell_breakers(each, breakers), each.unknown_policy,
         each.max_attempts, f"{each.longest_call_s} s", _tell_error(now), json.dumps(facts["config"])]
        for each, facts, now in found
    ]  # fmt: skip
    head = ["channel", "kind", "paused", "bound", "window", "rate", "errors", "waiting", "oldest", "breaker", "unknown", "attempts",
            "longest call", "last error", "config"]  # fmt: skip
    shown = [
        {**facts, "live": _pick_live(now),
         "breakers": [_describe_breaker(one) for one in breakers if one.channel_id == each.id]}
        for each, facts, now in found
    ]  # fmt: skip
    show(shown, table(head, rows))


def _tell_live(each: routing.Channel, now: queue.LiveChannel) -> list[object]:
    limit = f"/{each.rate}" if each.rate else ""
    return [
        f"{now.binds}/{now.binds_wanted}" if now.links else "no worker", f"{now.in_flight}/{now.window or each.window}",
        f"{now.rate_per_s:.0f}{limit}", now.errors, now.waiting, f"{now.oldest_s:.0f} s" if now.waiting else "",
    ]  # fmt: skip


def _tell_error(now: queue.LiveChannel) -> str:
    """The last one of any worker's link, and how long ago it was."""
    if not now.last_error:
        return ""
    ago_s = max(clock.now_s() - now.last_error_at, 0.0)
    return f"{now.last_error} ({tell_age(ago_s)} ago)"


def _tell_breakers(each: routing.Channel, breakers: list[routing.Breaker]) -> str:
    mine = [one for one in breakers if one.channel_id == each.id]
    return ", ".join(f"{one.state} {one.country}".strip() for one in mine) or "closed"


def _describe_breaker(one: routing.Breaker) -> dict[str, Any]:
    facts = one._asdict()
    return {name: facts[name] for name in ("country", "state", "since", "rate_last", "rate_day")}


def _pick_live(now: queue.LiveChannel) -> dict[str, Any]:
    facts = msgspec.structs.asdict(now)
    return {name: value for name, value in facts.items() if name not in {"id", "name", "kind"}}


@channel.command("set")
@click.argument("name")
@_options
def set_channel(name: str, config: dict[str, Any] | None, **options: Any) -> None:
    """Change a channel; what is not named stays. --config replaces the whole object; "(sealed)" keeps a secret.

    \b
    Example: tocsin channel set east --rate 200 --unknown-policy resend
    """
    changes = {**_read_options(options), **given(config=config)}
    if not changes:
        raise click.UsageError("nothing to set: name at least one option")
    _change(name, "channel set", changes)


channel.add_command(remove_channel)
channel.add_command(test_channel)


@channel.command()
@click.argument("name")
def pause(name: str) -> None:
    """Stop submitting over a channel. What waits for it keeps waiting; new messages take other routes, if any."""
    _change(name, "channel pause", {"paused": True})


@channel.command()
@click.argument("name")
def resume(name: str) -> None:
    """Go on submitting over a paused channel."""
    _change(name, "channel resume", {"paused": False})


@channel.command()
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
def unmatched(name: str, limit: int) -> None:
    """List receipts of a channel that fit no message of ours: how its ids differ tells which id_format it needs."""
    with open_change() as conn:
        found = store.list_unmatched(conn, routing.find_channel(conn, name).id, limit)
    rows = [
        {"id": each.carrier_id, "others": each.others.split(), "number": each.phone, "state": Reason(each.reason).end.phrase,
         "at": tell_time(each.at), "looked_for": each.looked_for}
        for each in found
    ]  # fmt: skip
    cells = [
        [*list(row.values())[:1], *list(row.values())[2:5], tell_yes(each.looked_for)]
        for row, each in zip(rows, found, strict=True)
    ]
    head = ["id", "number", "state", "came (UTC)", "looked for"]
    show(rows, table(head, cells) if rows else f"All receipts of {name} fit a message.")


@channel.command()
@click.argument("name")
def reset(name: str) -> None:
    """Close a channel's circuit breakers by hand and forget its last finals: messages go there again."""
    with open_change() as conn:
        closed = routing.reset_breakers(conn, routing.find_channel(conn, name).id)
        facts = [_describe_breaker(one) for one in closed]
        if closed:
            note(conn, "channel reset", f"channel {name}", {"breakers": facts}, {"breakers": []})
    said = ", ".join(f"{one.country or 'no country'} was {one.state}" for one in closed)
    show({"closed": facts}, f"{name}: {said or 'no breaker was open'}")


def _change(name: str, action: str, changes: dict[str, Any]) -> None:
    with open_change() as conn:
        if "config" in changes:
            changes["config"] = _prepare_config(conn, routing.find_channel(conn, name), changes["config"])
        before, after = routing.set_channel(conn, name, **changes)
        facts = _describe_channel(after, before)
        changed = note_difference(conn, action, f"channel {name}", _describe_channel(before), facts)
    said = ", ".join(f"{field} {value}" for field, value in changed.items())
    show(facts, f"{name}: {said or 'it was so already'}")


def _prepare_config(conn: Conn, channel: routing.Channel, config: dict[str, Any]) -> dict[str, Any]:
    """Checked, and with its secrets sealed."""
    kept = carriers.keep_config(channel.kind, config, channel.config)
    _check_config(channel.kind, kept)
    return _seal_config(conn, channel.kind, kept)
