"""The test of an SMPP channel: connect and bind as the link would, send a message if there is one, unbind.

While a bind of a worker stands it only connects, unless it is told otherwise: many SMSCs allow a log-in one bind, and some end
the first one for the second. What the SMSC delivers meanwhile is refused for the moment, so that it keeps it for a worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tocsin.carriers.model import ChannelFacts, Probe, ProbeOrder
from tocsin.carriers.smpp.bond import make_tls, tell_end
from tocsin.carriers.smpp.config import SmppConfig
from tocsin.carriers.smpp.link import COMMANDS
from tocsin.carriers.smpp.mapping import Mapping, UnsayableError
from tocsin.carriers.smpp.words import STATUS_FATES, read_codes
from tocsin.carriers.words import Fate, describe_outcome
from tocsin.kit import clock
from tocsin.smpp import (
    Answered,
    Asked,
    Bind,
    Bound,
    Command,
    Ended,
    Event,
    Expired,
    Role,
    SessionError,
    Status,
    Stream,
    Terms,
    connect,
)  # fmt: skip
from tocsin.traffic import Outcome, OutcomeKind, Reason, Submission

_UNBIND_S = 2.0


class _Talk:
    """One bind. `bound`, `ended` and `answer` come from the peer, each once."""

    def __init__(self, config: SmppConfig) -> None:
        loop = asyncio.get_running_loop()
        self._config = config
        self.bound: asyncio.Future[Bound | Ended] = loop.create_future()
        self.answer: asyncio.Future[Answered | Expired] = loop.create_future()
        self.stream: Stream | None = None

    async def connect(self) -> None:
        """Raises OSError, TimeoutError."""
        config = self._config
        terms = Terms(config.window, config.answer_s, config.connect_s, config.enquire_s)
        make = lambda: Stream(Role.ESME, terms, self._take)  # noqa: E731
        self.stream = await connect(config.host, config.port, make_tls(config), make, config.connect_s)

    async def bind(self, command: Command) -> Bound | Ended:
        """What the peer says to a bind."""
        assert self.stream is not None
        config = self._config
        bind = Bind(config.system_id.encode(), config.password.encode(), config.system_type.encode())
        self.stream.session.bind(command, bind, clock.monotonic_s())
        self.stream.flush()
        return await self.bound

    async def send(self, body: bytes) -> Answered | Expired:
        """What it says to a message."""
        assert self.stream is not None
        self.stream.session.request_body(Command.SUBMIT_SM, body, None, clock.monotonic_s())
        self.stream.flush()
        return await self.answer

    async def close(self) -> None:
        """Unbind where it is bound, else cut."""
        stream = self.stream
        if stream is None:
            return
        if self.bound.done() and isinstance(self.bound.result(), Bound):
            stream.session.unbind(clock.monotonic_s())
            stream.flush()
            try:
                await asyncio.wait_for(stream.closed.wait(), _UNBIND_S)
            except TimeoutError:
                stream.abort()
        else:
            stream.abort()

    def _take(self, stream: Stream, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Asked):
                stream.session.answer(event, Status.TEMPORARY_ERROR)
            elif isinstance(event, Bound | Ended) and not self.bound.done():
                self.bound.set_result(event)
            elif isinstance(event, Answered | Expired) and not self.answer.done():
                self.answer.set_result(event)


async def probe(channel: ChannelFacts, config: SmppConfig, order: ProbeOrder) -> Probe:  # noqa: ARG001  every carrier's
    """Connect, bind, send, unbind. The caller bounds the time."""
    said: list[str] = []
    for command in COMMANDS[config.bind]:
        talk = _Talk(config)
        try:
            found = await _try(talk, command, config, order, said)
        except (OSError, TimeoutError, UnicodeError, SessionError) as error:
            return Probe(
                False,
                [*said, f"no connection to {config.host}:{config.port}: {str(error) or 'it did not answer in time'}"],
            )
        finally:
            await talk.close()
        if found is not None:
            return found
    return Probe(True, said)


async def _try(talk: _Talk, command: Command, config: SmppConfig, order: ProbeOrder, said: list[str]) -> Probe | None:
    """A verdict, or None to go on with the next bind."""
    begun_s = clock.monotonic_s()
    await talk.connect()
    took_ms = (clock.monotonic_s() - begun_s) * 1000
    said.append(f"connected to {config.host}:{config.port}{' with TLS' if config.tls else ''}, {took_ms:.0f} ms")
    if not order.may_bind:
        said.append(
            "not bound a second time while a worker is bound: the carrier may allow one bind only, and end the running one"
        )
        return Probe(True, said)
    bound = await talk.bind(command)
    if isinstance(bound, Ended):
        return Probe(
            False, [*said, f"{command.name.lower()} as {config.system_id}: {tell_end(bound)}", *_advise(bound.status)]
        )
    peer = bound.system_id.decode("latin-1")
    said.append(
        f"{command.name.lower()} as {config.system_id}: bound{f', the SMSC calls itself {peer!r}' if peer else ''}"
    )
    if order.message is None or command is Command.BIND_RECEIVER:
        return None
    return await _send(talk, config, order.message, said)


def _advise(status: int | None) -> list[str]:
    if status == Status.ALREADY_BOUND:
        return ["the carrier allows this log-in one bind, and it stands already; it was not touched"]
    if status in {Status.INVALID_PASSWORD, Status.INVALID_SYSTEM_ID, Status.BIND_FAILED}:
        return [
            "see the settings system_id, password, system_type and bind, and whether the carrier lets our address in"
        ]
    return []


async def _send(talk: _Talk, config: SmppConfig, message: Submission, said: list[str]) -> Probe:
    now = clock.now_s()
    try:
        body = Mapping(config).write_body(message, now)
    except UnsayableError as error:
        return Probe(False, [*said, f"the message does not fit into a request: {error}"])
    answer = await talk.send(body)
    fate, carrier_id = Fate(OutcomeKind.UNKNOWN), None
    if isinstance(answer, Answered):
        carrier_id = answer.message_id.decode("latin-1") or None
        fate = _judge(config, answer.status)
        if answer.status:
            said.append(f"the answer to the message was 0x{answer.status:02X}")
    outcome = Outcome(message.message_id, 1, message.part, fate.kind, now, carrier_id, fate.reason)
    return Probe(fate.kind is OutcomeKind.ACCEPTED, [*said, describe_outcome(outcome)], outcome)


def _judge(config: SmppConfig, status: int) -> Fate:
    """As the link judges an answer."""
    if not status:
        return Fate(OutcomeKind.ACCEPTED)
    fates = STATUS_FATES | read_codes("", config.errors)[0]
    return fates.get(status, Fate(OutcomeKind.PERMANENT, Reason.REJECTED))
