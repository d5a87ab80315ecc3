"""Which kinds of carriers there are, and how a link of each is made.

Adding a carrier is one line in CARRIERS. This module checks configurations and makes links; it must not talk to a
carrier, nor know what any setting means.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from tocsin.carriers.model import BadConfigError, ChannelFacts, SettingFacts
from tocsin.carriers.sandbox.config import SandboxConfig
from tocsin.carriers.sandbox.link import SandboxLink
from tocsin.carriers.smpp.config import SmppConfig
from tocsin.carriers.smpp.link import SmppLink
from tocsin.traffic import Link


class Carrier(NamedTuple):
    """A kind of carrier: its settings (a msgspec Struct) and what makes a link of channel, settings and database."""

    config: type[msgspec.Struct]
    link: Callable[[ChannelFacts, Any, str], Link]


CARRIERS: dict[str, Carrier] = {
    "sandbox": Carrier(SandboxConfig, SandboxLink),
    "smpp": Carrier(SmppConfig, SmppLink),
}


def kinds() -> list[str]:
    """The kinds of carriers, in alphabetical order."""
    return sorted(CARRIERS)


def open_link(kind: str, channel: ChannelFacts, dsn: str) -> Link:
    """A link for this channel, not yet begun: `await link.open(sink)` begins.

    `dsn` is the product's database; a carrier that keeps something there opens sessions of its own.
    Raises BadConfigError with every mistake.
    """
    config, mistakes = _read(kind, channel.config)
    if mistakes:
        raise BadConfigError(channel.name, mistakes)
    return CARRIERS[kind].link(channel, config, dsn)


def check_config(kind: str, config: Mapping[str, Any]) -> list[str]:
    """Every mistake of a configuration, a sentence each; empty if it can be used."""
    return _read(kind, config)[1]


def list_settings(kind: str) -> list[SettingFacts]:
    """The settings of a kind with help texts and defaults, in the order in which a form shows them. Raises KeyError."""
    config = CARRIERS[kind].config
    hints = get_type_hints(config, include_extras=True)
    return [
        SettingFacts(
            field.name,
            _name_kind(hints[field.name]),
            _find_help(hints[field.name]),
            None if field.required else field.default,
            field.required,
        )
        for field in msgspec.structs.fields(config)
    ]


def _read(kind: str, config: Mapping[str, Any]) -> tuple[msgspec.Struct | None, list[str]]:
    if kind not in CARRIERS:
        return None, [f"there is no carrier of kind {kind!r}; there are: {', '.join(kinds())}"]
    struct = CARRIERS[kind].config
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    mistakes = [
        f"{name}: no such setting; there are: {', '.join(fields)}" for name in sorted(config) if name not in fields
    ]
    good: dict[str, Any] = {}
    for name, field in fields.items():
        if name in config:
            try:
                # Not strict: what comes from a command line is text.
                good[name] = msgspec.convert(config[name], field.type, strict=False)
            except msgspec.ValidationError as error:
                mistakes.append(f"{name}: {_say(error)}, not {config[name]!r}")
        elif field.required:
            mistakes.append(f"{name}: missing")
    return (None, mistakes) if mistakes else (struct(**good), [])


def _say(error: msgspec.ValidationError) -> str:
    text = str(error).split(", got ")[0]
    return text[0].lower() + text[1:].replace("`", "")


def _find_help(hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        hint = get_args(hint)[0]
    return next((m.description for m in get_args(hint) if isinstance(m, msgspec.Meta) and m.description), "")


_KIND_NAMES = {bool: "yes or no", int: "whole number", float: "number", str: "text"}


def _name_kind(hint: Any) -> str:
    while get_origin(hint) in (Annotated, Union, types.UnionType):
        hint = get_args(hint)[0]
    return _KIND_NAMES.get(cast("type", hint), "text")
