"""Which kinds of carriers there are, and how a link of each is made.

Adding a carrier is one line in CARRIERS. This module checks configurations and makes links; it must not talk to a
carrier, nor know what any setting means.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, NamedTuple, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from tocsin.carriers import secrets
from tocsin.carriers.http.callback import make_ear as make_http_ear
from tocsin.carriers.http.config import HttpConfig
from tocsin.carriers.http.link import HttpLink
from tocsin.carriers.http.probe import probe as probe_http
from tocsin.carriers.model import BadConfigError, ChannelFacts, Ear, Probe, ProbeOrder, SettingFacts
from tocsin.carriers.sandbox.config import SandboxConfig
from tocsin.carriers.sandbox.link import SandboxLink
from tocsin.carriers.sandbox.probe import probe as probe_sandbox
from tocsin.carriers.smpp.config import SmppConfig
from tocsin.carriers.smpp.link import SmppLink
from tocsin.carriers.smpp.probe import probe as probe_smpp
from tocsin.carriers.tocsin.callback import make_ear as make_tocsin_ear
from tocsin.carriers.tocsin.config import TocsinConfig
from tocsin.carriers.tocsin.link import TocsinLink
from tocsin.carriers.tocsin.probe import probe as probe_tocsin
from tocsin.kit.suggest import suggest
from tocsin.traffic import Link, Product

OpenSealed = Callable[[str], str]


class Carrier(NamedTuple):
    """A kind of carrier: its settings (a msgspec Struct), what makes a link of channel, settings and database, what tests a
    channel, and what makes the ear of one that calls us, of its settings."""

    config: type[msgspec.Struct]
    link: Callable[[ChannelFacts, Any, str], Link]
    probe: Callable[[ChannelFacts, Any, ProbeOrder], Awaitable[Probe]]
    ear: Callable[[Any], Ear] | None = None
    products: frozenset[Product] = frozenset({Product.SMS})


CARRIERS: dict[str, Carrier] = {
    "http": Carrier(HttpConfig, HttpLink, probe_http, make_http_ear),
    "sandbox": Carrier(SandboxConfig, SandboxLink, probe_sandbox, products=frozenset(Product)),
    "smpp": Carrier(SmppConfig, SmppLink, probe_smpp),
    "tocsin": Carrier(TocsinConfig, TocsinLink, probe_tocsin, make_tocsin_ear),
}


def kinds() -> list[str]:
    """The kinds of carriers, in alphabetical order."""
    return sorted(CARRIERS)


def open_link(kind: str, channel: ChannelFacts, dsn: str, open_sealed: OpenSealed | None = None) -> Link:
    """A link for this channel, not yet begun: `await link.open(sink)` begins.

    `dsn` is the product's database; a carrier that keeps something there opens sessions of its own. `open_sealed` opens
    what is sealed among the settings. Raises BadConfigError with every mistake.
    """
    config = _read_all(kind, channel, open_sealed)
    return CARRIERS[kind].link(channel, config, dsn)


async def probe(kind: str, channel: ChannelFacts, order: ProbeOrder, open_sealed: OpenSealed | None = None) -> Probe:
    """Test a channel as its link would be; the caller bounds the time. Raises BadConfigError."""
    config = _read_all(kind, channel, open_sealed)
    return await CARRIERS[kind].probe(channel, config, order)


def open_ear(kind: str, channel: ChannelFacts, open_sealed: OpenSealed | None = None) -> Ear | None:
    """What reads the requests that this channel's carrier sends us; None: it sends none. Raises BadConfigError."""
    make = CARRIERS[kind].ear if kind in CARRIERS else None
    return None if make is None else make(_read_all(kind, channel, open_sealed))


def carries(kind: str) -> frozenset[Product]:
    """The products that a kind of carrier takes."""
    return CARRIERS[kind].products if kind in CARRIERS else frozenset()


def check_config(kind: str, config: Mapping[str, Any]) -> list[str]:
    """Every mistake of a configuration, a sentence each; empty if it can be used. Sealed secrets pass."""
    return _read(kind, secrets.open_all(config, None)[0])[1]


def seal_config(kind: str, config: Mapping[str, Any], seal: Callable[[str], str]) -> dict[str, Any]:
    """As it may be stored."""
    return secrets.seal_all(_secret_names(kind), config, seal)


def hide_config(kind: str, config: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """As it may be shown; a secret that differs from `before` is told to be new."""
    return secrets.hide_all(_secret_names(kind), config, before)


def keep_config(kind: str, config: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What an operator gave, with the stored secrets where it says "(sealed)"."""
    return secrets.keep_hidden(_secret_names(kind), config, stored)


def has_secrets(kind: str, config: Mapping[str, Any]) -> bool:
    """Whether there is something to seal."""
    return any(isinstance(config[name], str) for name in _secret_names(kind) & config.keys())


def _secret_names(kind: str) -> frozenset[str]:
    return secrets.secret_names(CARRIERS[kind].config) if kind in CARRIERS else frozenset()


def list_settings(kind: str) -> list[SettingFacts]:
    """The settings of a kind with help texts and defaults, in the order in which a form shows them. Raises KeyError."""
    config = CARRIERS[kind].config
    hints = get_type_hints(config, include_extras=True)
    hidden = _secret_names(kind)
    return [
        SettingFacts(
            field.name,
            _name_kind(hints[field.name]),
            _find_help(hints[field.name]),
            None if field.required else _find_default(field),
            field.required,
            field.name in hidden,
        )
        for field in msgspec.structs.fields(config)
    ]


def _find_default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default


def _read_all(kind: str, channel: ChannelFacts, open_sealed: OpenSealed | None) -> msgspec.Struct | None:
    opened, mistakes = secrets.open_all(channel.config, open_sealed)
    config = None
    if not mistakes:
        config, mistakes = _read(kind, opened)
    if mistakes:
        raise BadConfigError(channel.name, mistakes)
    return config


def _read(kind: str, config: Mapping[str, Any]) -> tuple[msgspec.Struct | None, list[str]]:
    if kind not in CARRIERS:
        return None, [_refuse(f"there is no carrier of kind {kind!r}", kind, kinds())]
    struct = CARRIERS[kind].config
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    mistakes = [
        _refuse(f"{name}: no such setting", name, list(fields)) for name in sorted(config) if name not in fields
    ]
    good: dict[str, Any] = {}
    for name, field in fields.items():
        if name in config:
            try:
                # Not strict: what comes from a command line is text.
                good[name] = msgspec.convert(config[name], field.type, strict=False)
            except msgspec.ValidationError as error:
                said = "what was given" if name in _secret_names(kind) else repr(config[name])
                mistakes.append(f"{name}: {_say(error)}, not {said}")
        elif field.required:
            mistakes.append(f"{name}: missing")
    if mistakes:
        return None, mistakes
    try:
        return struct(**good), []
    except ValueError as error:  # what settings must be together
        return None, str(error).splitlines()


def _refuse(sentence: str, word: str, known: list[str]) -> str:
    hint = suggest(word, known)
    return f"{sentence}: {hint}" if hint else f"{sentence}; there are: {', '.join(known)}"


def _say(error: msgspec.ValidationError) -> str:
    text = str(error).split(", got ")[0]
    return text[0].lower() + text[1:].replace("`", "")


def _find_help(hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        hint = get_args(hint)[0]
    return next((m.description for m in get_args(hint) if isinstance(m, msgspec.Meta) and m.description), "")


_KIND_NAMES = {bool: "yes or no", int: "whole number", float: "number", str: "text", list: "list", dict: "mapping"}


def _name_kind(hint: Any) -> str:
    while get_origin(hint) in (Annotated, Union, types.UnionType):
        hint = get_args(hint)[0]
    return _KIND_NAMES.get(cast("type", get_origin(hint) or hint), "text")
