"""Verbs over channels: talks with carriers."""

from __future__ import annotations

import json
from typing import Any

import click
import msgspec

from tocsin import carriers, routing
from tocsin.cli.base import Refusal, open_session, show, table, verbs
from tocsin.cli.change import OR_NONE, given, note, note_difference, open_change, tell_yes

POLICY = click.Choice(routing.UNKNOWN_POLICIES)


class JsonObject(click.ParamType[dict[str, Any]]):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        try:
            found = json.loads(value)
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
        click.option("--max-attempts", type=click.IntRange(1, 1000), help="Tries of a message in all."),
        click.option("--unknown-policy", type=POLICY, help="A submit without an answer: `resend` it or `leave` it."),
        click.option("--config", type=JsonObject(), help="The carrier's own settings, a JSON object."),
        click.option("--window", type=click.IntRange(1, 1_000_000), help="Parts under way at a time."),
        click.option("--rate", type=OR_NONE, help="Parts per second; `none` for no limit."),
    ):
        verb = option(verb)
    return verb


@channel.command()
@click.argument("name")
@click.argument("kind")
@_options
def add(name: str, kind: str, rate: int | None, config: dict[str, Any] | None, **options: Any) -> None:
    """Add a channel of a KIND of carrier. It carries nothing until a route leads to it.

    \b
    Example: tocsin channel add east sandbox --rate 100 --window 50
    """
    _check_config(kind, config or {})
    blank = routing.Channel(
        id=0, name=name, kind=kind, paused=False, rate=rate or None, window=1000,
        unknown_policy="leave", max_attempts=8, config=config or {},
    )  # fmt: skip
    with open_change() as conn:
        made = routing.add_channel(conn, msgspec.structs.replace(blank, **given(**options)))
        note(conn, "channel add", f"channel {name}", None, msgspec.structs.asdict(made))
    show(msgspec.structs.asdict(made), f"channel {name} of kind {kind} added; route to it: tocsin route add sms {name}")


def _check_config(kind: str, config: dict[str, Any]) -> None:
    mistakes = carriers.check_config(kind, config)
    if mistakes:
        raise Refusal("\n".join(mistakes))


@channel.command("list")
def list_channels() -> None:
    """List all channels."""
    with open_session() as conn:
        found = routing.list_channels(conn)
    rows = [
        [each.name, each.kind, tell_yes(each.paused), each.rate or "none", each.window, each.unknown_policy,
         each.max_attempts, f"{each.longest_call_s} s", json.dumps(each.config)]
        for each in found
    ]  # fmt: skip
    head = ["channel", "kind", "paused", "rate", "window", "unknown", "attempts", "longest call", "config"]
    show([msgspec.structs.asdict(each) for each in found], table(head, rows))


@channel.command("set")
@click.argument("name")
@_options
def set_channel(name: str, rate: int | None, config: dict[str, Any] | None, **options: Any) -> None:
    """Change a channel; what is not named stays. --config replaces the whole object.

    \b
    Example: tocsin channel set east --rate 200 --unknown-policy resend
    """
    changes = given(**options, config=config)
    if rate is not None:
        changes["rate"] = rate or None
    if not changes:
        raise click.UsageError("nothing to set: name at least one option")
    _change(name, "channel set", changes)


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


def _change(name: str, action: str, changes: dict[str, Any]) -> None:
    with open_change() as conn:
        before, after = routing.set_channel(conn, name, **changes)
        if "config" in changes:
            _check_config(after.kind, after.config)
        facts = msgspec.structs.asdict(after)
        changed = note_difference(conn, action, f"channel {name}", msgspec.structs.asdict(before), facts)
    said = ", ".join(f"{field} {value}" for field, value in changed.items())
    show(facts, f"{name}: {said or 'it was so already'}")
