"""`tocsin channel test`: talks to the carrier as the channel's link would, and says what was answered."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import click

from tocsin import carriers, content, queue, routing
from tocsin.cli.base import FAILED, Refusal, load_settings, show, verb
from tocsin.cli.change import Conn, note, open_change
from tocsin.kit import clock, ids
from tocsin.kit.seal import open_seal
from tocsin.kit.settings import Settings
from tocsin.traffic import Priority, Product, Submission

_TEXT = "Tocsin test message"
_VALID_S = 3600.0
_SMPP = "smpp"
_MAX_TEXT = 160


@verb("test")
@click.argument("name")
@click.option("--to", "number", help="Send a real message to this number too, with its country code.")
@click.option("--text", default=_TEXT, show_default=True, help="What that message says: one part of the GSM alphabet.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0.1, 120), default=20.0, show_default=True, help="Seconds for all of it."
)
@click.option("--second-bind", is_flag=True, help="SMPP: bind although a worker is bound.")
def test_channel(name: str, number: str | None, text: str, wait_s: float, second_bind: bool) -> int:
    """Connect, bind or log in as the channel's link would, and say what was answered. It sends nothing without --to.

    sandbox: there is nothing to connect to. smpp: connects and binds, then unbinds. http: connects. tocsin: asks for our
    balance there. While a worker is bound over SMPP it only connects: many carriers allow one bind, and some end the
    running one for a second. What --to sends is in no account and costs no account; its receipt fits no message of ours.

    \b
    Examples: tocsin channel test east
              tocsin channel test east --to 6281234567801
    """
    settings = load_settings()
    with open_change(settings) as conn:
        channel = routing.find_channel(conn, name)
        live = next((each for each in queue.list_live(conn) if each.id == channel.id), None)
        message = _write_message(conn, number, text) if number else None
        if message is not None:
            note(conn, "channel test", f"channel {name}", None, {"to": message.phone})
    bound = live.binds if live is not None and channel.kind == _SMPP else 0
    if message is not None and bound and not second_bind:
        raise Refusal(f"a worker is bound over {name}: a message needs a second bind, which --second-bind allows")
    order = carriers.ProbeOrder(message, may_bind=not bound or second_bind)
    found, heard = _run(settings, channel, order, wait_s)
    said = [*found.said, *heard]
    outcome = found.outcome.kind.name.lower() if found.outcome else None
    facts: dict[str, Any] = {
        "channel": name, "kind": channel.kind, "ok": found.good, "said": said, "outcome": outcome,
        "carrierId": found.outcome.carrier_id if found.outcome else None, "binds_of_workers": bound,
    }  # fmt: skip
    show(facts, "\n".join([*said, f"{name}: {'ok' if found.good else 'FAILED'}"]))
    return 0 if found.good else FAILED


def _write_message(conn: Conn, number: str, text: str) -> Submission:
    """Raises Refusal."""
    digits = content.clean_number(number).removeprefix("+").removeprefix("00")
    if not (digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 15):
        raise Refusal(f"{number!r} is no number with its country code, like 6281234567801")
    size = content.measure(text)
    if size.ucs2 or not 0 < size.units <= _MAX_TEXT:
        raise Refusal(f"a test says 1 to {_MAX_TEXT} characters of the GSM alphabet")
    fitting = [each for each in routing.list_countries(conn) if digits.startswith(str(each.calling_code))]
    best = max(fitting, key=lambda each: (len(str(each.calling_code)), -each.code_id), default=None)
    return Submission(
        message_id=ids.Ids().one(), attempt=1, part=1, parts=1, product=Product.SMS, priority=Priority.NOTIFICATION,
        phone=digits, sender="", text=text, ucs2=False, expires_at=clock.now_s() + _VALID_S, country_id=best.code_id if best else 0,
    )  # fmt: skip


def _run(
    settings: Settings, channel: routing.Channel, order: carriers.ProbeOrder, wait_s: float
) -> tuple[carriers.Probe, list[str]]:
    """The verdict, and what the carrier's code complained of meanwhile. Raises Refusal where the settings cannot be used."""
    facts = carriers.ChannelFacts(channel.id, channel.name, channel.config)
    heard = _Listener()
    heard.begin()
    try:
        return asyncio.run(_probe(channel.kind, facts, order, (settings, wait_s))), heard.said
    except carriers.BadConfigError as error:
        raise Refusal(str(error)) from error
    finally:
        heard.end()


async def _probe(
    kind: str, facts: carriers.ChannelFacts, order: carriers.ProbeOrder, how: tuple[Settings, float]
) -> carriers.Probe:
    settings, wait_s = how
    try:
        async with asyncio.timeout(wait_s):
            return await carriers.probe(kind, facts, order, lambda sealed: open_seal(settings).open(sealed))
    except TimeoutError:
        return carriers.Probe(False, [f"no answer within {wait_s:g} s"])


class _Listener(logging.Handler):
    """Keeps what the carriers' code warns of, which a worker would write into its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._log = logging.getLogger("tocsin.carriers")

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())

    def begin(self) -> None:
        """From now on."""
        self._log.addHandler(self)

    def end(self) -> None:
        """No longer."""
        self._log.removeHandler(self)
