"""`tocsin smsc`: the SMPP simulator. Its options are the fields of `tocsin.smsc.Options` and `Faults`."""

from __future__ import annotations

import ssl
import sys
import typing
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import click
import msgspec

from tocsin.cli.base import USAGE, Choice, Refusal, verb, wants_json
from tocsin.smsc import Faults, Options, Show, Step, read_script, run


def _draw(kind: type[msgspec.Struct]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option for each field."""

    def decorate(do: Callable[..., Any]) -> Callable[..., Any]:
        hints = typing.get_type_hints(kind, include_extras=True)
        for field in reversed(msgspec.structs.fields(kind)):
            do = _draw_option(field, *typing.get_args(hints[field.name]))(do)
        return do

    return decorate


def _draw_option(field: Any, kind: type, meta: msgspec.Meta) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    name = f"--{field.name.replace('_', '-')}"
    if kind is bool:
        return click.option(name, is_flag=True, help=meta.description)
    default = field.default
    of: click.ParamType[Any] = click.STRING
    if issubclass(kind, Enum):
        of, default = Choice([each.value for each in kind]), default.value
    elif kind is int:
        of = click.IntRange(min=_whole(meta.ge), max=_whole(meta.le))
    elif kind is float:
        of = click.FloatRange(min=meta.ge if meta.gt is None else meta.gt, max=meta.le, min_open=meta.gt is not None)
    return click.option(name, type=of, default=default, show_default=default not in ("", 0), help=meta.description)


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


@verb()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=2775, show_default=True, help="0: any that is free.")
@click.option("--cert", type=click.Path(exists=True, dir_okay=False), help="Certificate (PEM): TLS, with --key.")
@click.option("--key", type=click.Path(exists=True, dir_okay=False), help="Its key (PEM).")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Write each message taken to this file.")
@click.option("--control", is_flag=True, help="Obey JSON lines on standard input, and end with it.")
@click.option("--quiet", is_flag=True, help="Say nothing of what happens.")
@click.option(
    "--script", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Faults as JSON, for a time each."
)
@_draw(Options)
@_draw(Faults)
def smsc(**values: Any) -> None:
    """Run an SMSC to test against, until Ctrl-C: it takes SMS over SMPP and delivers none.

    The last seven digits of a number choose what happens to it, as with the sandbox carrier (0009901 to 0009919);
    options make trouble for all.

    \b
    Example: tocsin smsc --system-id acme --password secret --throttle-every 100
    """
    import uvloop

    options = _read(Options, values)
    steps = [msgspec.convert(msgspec.to_builtins(_read(Faults, values)), Step)]
    if values["script"] is not None:
        steps = _read_steps(values["script"])
    as_json, quiet = wants_json(), values["quiet"]
    show = Show(
        line=_say_nothing if as_json or quiet else click.echo,
        json=click.echo if as_json or values["control"] else _say_nothing,
    )
    orders = sys.stdin.buffer if values["control"] else None
    place = (values["host"], values["port"], _make_tls(values["cert"], values["key"]))
    try:
        uvloop.run(run(options, steps, place, values["log"], show, orders))
    except OSError as error:
        where = (
            f"run on {values['host']} port {values['port']}" if error.filename is None else f"write {error.filename}"
        )
        raise Refusal(f"cannot {where}: {error.strerror or error}", USAGE) from error


def _read(kind: type[Any], values: dict[str, Any]) -> Any:
    return msgspec.convert({name: values[name] for name in kind.__struct_fields__}, kind)


def _read_steps(path: Path) -> list[Step]:
    try:
        return read_script(path.read_bytes())
    except (ValueError, OSError) as error:
        raise Refusal(f"{path}: {error}", USAGE) from error


def _make_tls(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise Refusal("TLS wants both --cert and --key", USAGE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise Refusal(f"{cert} and {key} are no certificate and its key: {error}", USAGE) from error
    return context


def _say_nothing(_: str) -> None:
    pass
