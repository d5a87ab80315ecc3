"""Secrets among a channel's settings: sealed in the database, hidden wherever settings are shown.

A setting is secret if its description says so (`extra=SECRET`). Stored it is `{"sealed": ...}`; a plain text is taken as
it is, so that settings that were never stored (tests, simulators) need no seal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args, get_type_hints

import msgspec

from tocsin.kit.seal import SealError

SECRET = {"secret": True}
"""`extra` of a setting's Meta."""

HIDDEN = "(sealed)"
"""What is shown in a secret's place; given back in a configuration it keeps what is stored."""

CHANGED = "(sealed anew)"
STAND_IN = "whsec_" + "A" * 43 + "="
"""Stands for a sealed secret while a configuration is checked without the key: good for every rule."""

_MARK = "sealed"
Config = Mapping[str, Any]


def secret_names(struct: type[msgspec.Struct]) -> frozenset[str]:
    """The names of the secret settings."""
    hints = get_type_hints(struct, include_extras=True)
    return frozenset(name for name, hint in hints.items() if _is_secret(hint))


def _is_secret(hint: Any) -> bool:
    return any(
        (isinstance(m, msgspec.Meta) and bool((m.extra or {}).get("secret"))) or _is_secret(m) for m in get_args(hint)
    )


def seal_all(names: frozenset[str], config: Config, seal: Callable[[str], str]) -> dict[str, Any]:
    """As it may be stored: each plain secret sealed."""
    return {
        name: {_MARK: seal(value)} if name in names and isinstance(value, str) else value
        for name, value in config.items()
    }


def keep_hidden(names: frozenset[str], config: Config, stored: Config) -> dict[str, Any]:
    """The settings with what is stored in the place of each "(sealed)"."""
    hidden = {name for name in names & config.keys() if config[name] == HIDDEN}
    kept = {name: stored[name] for name in hidden & stored.keys()}
    return {name: kept.get(name, value) for name, value in config.items() if name not in hidden or name in kept}


def hide_all(names: frozenset[str], config: Config, before: Config | None = None) -> dict[str, Any]:
    """As it may be shown. A secret that differs from `before` is told to be new."""
    return {name: _hide(name, value, before) if name in names else value for name, value in config.items()}


def _hide(name: str, value: Any, before: Config | None) -> str:
    return HIDDEN if before is None or before.get(name) == value else CHANGED


def open_all(config: Config, open_sealed: Callable[[str], str] | None) -> tuple[dict[str, Any], list[str]]:
    """The settings with their secrets open, and a sentence for each that does not open. None: stand-ins."""
    opened, mistakes = dict(config), []
    for name, value in config.items():
        sealed = read_sealed(value)
        if sealed is None:
            continue
        try:
            opened[name] = STAND_IN if open_sealed is None else open_sealed(sealed)
        except SealError as error:
            mistakes.append(f"{name}: {error}")
    return opened, mistakes


def reseal_all(config: Config, reseal: Callable[[str], str]) -> tuple[dict[str, Any], int]:
    """The settings with their secrets sealed anew, and how many those are. What `reseal` raises goes through."""
    sealed = {name: text for name, value in config.items() if (text := read_sealed(value)) is not None}
    return {**config, **{name: {_MARK: reseal(text)} for name, text in sealed.items()}}, len(sealed)


def read_sealed(value: Any) -> str | None:
    """The sealed text of a stored secret; None: it is none."""
    sealed = value.get(_MARK) if isinstance(value, dict) and len(value) == 1 else None
    return sealed if isinstance(sealed, str) else None
