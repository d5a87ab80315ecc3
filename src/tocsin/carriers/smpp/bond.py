"""One bind of a channel: connects, binds, and does so again for as long as it runs, with growing, jittered waits.

It knows how much may go over it now: the window, halved by a peer that throttles and widened again answer by answer, and
the rest that such a peer is given. It must not know what a message is.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Sequence

from tocsin.carriers.smpp.config import SmppConfig
from tocsin.kit import clock
from tocsin.kit.error_text import describe_error
from tocsin.smpp import Answered, Bind, Bound, Command, Ended, Event, Role, SessionError, Status, Stream, Terms, connect

_log = logging.getLogger(__name__)

_STEADY_S = 2.0  # bound for so long, the next trouble is a new one; who cuts each bind at once is asked ever less
_SAY_AGAIN_S = 60.0
_THROTTLED_MOST = 10
_NAMES = {int(status): status.name.lower().replace("_", " ") for status in Status}


class Bond:
    """`on_events(bond, events)` gets all events, those of one read together."""

    def __init__(
        self, name: str, command: Command, config: SmppConfig,
        on_events: Callable[[Bond, Sequence[Event]], None],
    ) -> None:  # fmt: skip
        self.command = command
        self.stream: Stream | None = None
        self.bound = False
        self.error = ""
        self.error_at = 0.0
        self._name = name
        self._config = config
        self._on_events = on_events
        self._allowed = float(config.window)
        self._rest_s = config.throttled_s
        self.rests_until_s = 0.0
        self._failures = 0
        self._bound_s = float("inf")
        self._said_s = -_SAY_AGAIN_S
        self._ending = False

    @property
    def sends(self) -> bool:
        """Whether messages may go over it at all."""
        return self.command is not Command.BIND_RECEIVER

    def room(self, now_s: float) -> int:
        """Messages that may go now; `now_s` is monotonic."""
        if not self.bound or self.stream is None or now_s < self.rests_until_s:
            return 0
        return min(int(self._allowed) - self.stream.session.in_flight, self.stream.session.room)

    def note_taken(self, count: int) -> None:
        """The peer took so many messages: a little more may go."""
        self._rest_s = self._config.throttled_s
        if self._allowed < self._config.window:
            self._allowed = min(self._allowed + count / self._allowed, float(self._config.window))

    def note_throttled(self, now_s: float) -> None:
        """The peer wants less; what is under way may say so again and counts once."""
        if now_s < self.rests_until_s:
            return
        self._allowed = max(1.0, self._allowed / 2)
        self.rests_until_s = now_s + self._rest_s * random.uniform(0.9, 1.1)  # noqa: S311  (spreads, keeps no secret)
        self._rest_s = min(self._rest_s * 2, self._config.throttled_s * _THROTTLED_MOST)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._bound_s = float("inf")
            try:
                await self._hold()
            except (OSError, TimeoutError, UnicodeError, SessionError) as error:
                # UnicodeError: a host that no name can be; SessionError: cut off before we could say a word.
                self._note_failure(str(error) or type(error).__name__)
            except Exception as error:  # noqa: BLE001  the edge of the loop: whatever it is, the bind is tried again
                _log.exception("the bind of channel %s", self._name)
                self._note_failure(describe_error(error))
            if clock.monotonic_s() - self._bound_s >= _STEADY_S:
                self._failures = 0
            wait_s = min(self._config.reconnect_s * 2 ** min(self._failures, 12), self._config.reconnect_most_s)
            self._failures += 1
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311

    async def _hold(self) -> None:
        config = self._config
        terms = Terms(config.window, config.answer_s, config.connect_s, config.enquire_s)
        stream = await connect(
            config.host, config.port, make_tls(config), lambda: Stream(Role.ESME, terms, self._take), config.connect_s
        )
        self.stream = stream
        try:
            bind = Bind(config.system_id.encode(), config.password.encode(), config.system_type.encode())
            stream.session.bind(self.command, bind, clock.monotonic_s())
            stream.flush()
            await stream.closed.wait()
        finally:
            stream.abort()
            self.stream = None
            self.bound = False

    def _take(self, _stream: Stream, events: Sequence[Event]) -> None:
        for event in events:
            if type(event) is Answered:
                continue
            if isinstance(event, Bound):
                self.bound = True
                self._bound_s = clock.monotonic_s()
                self._allowed = float(self._config.window)
                _log.info("channel %s is bound (%s)", self._name, self.command.name.lower())
            elif isinstance(event, Ended):
                self.bound = False
                if not self._ending:
                    self._note_failure(tell_end(event))
        self._on_events(self, events)

    def _note_failure(self, why: str) -> None:
        """Said at once, and then once a minute: a carrier that is away for a night fills no log."""
        now_s = clock.monotonic_s()
        if why != self.error or now_s - self._said_s >= _SAY_AGAIN_S:
            self._said_s = now_s
            _log.warning("channel %s (%s): %s", self._name, self.command.name.lower(), why)
        self.error, self.error_at = why, clock.now_s()

    async def unbind(self, within_s: float) -> None:
        """End the session in order, if the peer lets it."""
        self._ending = True
        stream = self.stream
        if stream is None:
            return
        if self.bound:
            stream.session.unbind(clock.monotonic_s())
            stream.flush()
            try:
                await asyncio.wait_for(stream.closed.wait(), within_s)
            except TimeoutError:
                stream.abort()
        else:
            stream.abort()


def tell_end(event: Ended) -> str:
    """Why a session ended, with the name of the status."""
    if event.status is None:
        return event.why
    name = _NAMES.get(event.status, "an error of this carrier")
    return f"{event.why}: 0x{event.status:02X}, {name}"


def make_tls(config: SmppConfig) -> ssl.SSLContext | None:
    """Made anew for each connection, so that a renewed file of certificates counts. Raises OSError where it cannot be read."""
    if not config.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=config.tls_ca or None)
    except OSError as error:
        raise OSError(f"tls_ca {config.tls_ca} cannot be read: {error.strerror or error}") from error
    if not config.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
