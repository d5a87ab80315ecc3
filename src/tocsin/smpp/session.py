"""One SMPP session, either end of it: no socket, no clock. Octets and times go in; events and octets come out.

The owner reads `take()` after each call and sends what it gives; calls `tick` when `deadline()` is reached; and closes the
connection at an Ended. What a peer may send in which state is a table. Everything that a peer can make grow is bounded:
the length of a PDU, requests that wait for our answer, ours that wait for its. It decides nothing about messages.

Source: SMPP v3.4 issue 1.2, sections 2 (sessions), 3.2 (layout), 4 (PDUs), 7.2 (timers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from tocsin.smpp import pdu
from tocsin.smpp.pdu import HEAD, HEAD_SIZE, MESSAGE_ID_MOST, MOST_OCTETS, Bind, Message, PduError, Query
from tocsin.smpp.words import BINDS, BOUND_BY, MESSAGES, RESPONSE, VERSION, Command, Role, State, Status, Tag

_SEQUENCE_MOST: Final = 0x7FFFFFFF
_EVERYWHERE: Final = frozenset({Command.ENQUIRE_LINK, Command.UNBIND})
_OF_SUBMITTER: Final = frozenset({Command.SUBMIT_SM, Command.DATA_SM, Command.QUERY_SM})
_OF_DELIVERER: Final = frozenset({Command.DELIVER_SM, Command.DATA_SM, Command.ALERT_NOTIFICATION})

MAY_ARRIVE: Final[Mapping[tuple[Role, State], frozenset[Command]]] = {
    (Role.ESME, State.OPEN): frozenset(),
    (Role.ESME, State.BOUND_TX): _EVERYWHERE,
    (Role.ESME, State.BOUND_RX): _EVERYWHERE | _OF_DELIVERER,
    (Role.ESME, State.BOUND_TRX): _EVERYWHERE | _OF_DELIVERER,
    (Role.ESME, State.UNBOUND): _EVERYWHERE,
    (Role.SMSC, State.OPEN): BINDS | {Command.ENQUIRE_LINK},
    (Role.SMSC, State.BOUND_TX): _EVERYWHERE | _OF_SUBMITTER,
    (Role.SMSC, State.BOUND_RX): _EVERYWHERE,
    (Role.SMSC, State.BOUND_TRX): _EVERYWHERE | _OF_SUBMITTER,
    (Role.SMSC, State.UNBOUND): _EVERYWHERE,
}
"""Requests that each end may be sent in each state (3.4, table 2-1). What else comes is answered INVALID_BIND_STATUS."""

MAY_SEND: Final[Mapping[tuple[Role, State], frozenset[Command]]] = {
    (Role.ESME, State.BOUND_TX): _OF_SUBMITTER,
    (Role.ESME, State.BOUND_TRX): _OF_SUBMITTER,
    (Role.SMSC, State.BOUND_RX): _OF_DELIVERER,
    (Role.SMSC, State.BOUND_TRX): _OF_DELIVERER,
}

# What a message is answered while too many wait for our answer.
_BUSY: Final = {Role.ESME: Status.TEMPORARY_ERROR, Role.SMSC: Status.QUEUE_FULL}


class Terms(NamedTuple):
    """Times in seconds, and requests that may wait for the peer's answer."""

    window: int = 10
    response_s: float = 30.0  # a request without an answer by then is given up
    bind_s: float = 10.0
    enquire_s: float = 30.0  # of silence, before the peer is asked whether it lives
    idle_s: float | None = None  # of silence, before the session ends; None: never
    asked: int = 1_000  # requests of the peer that may wait for our answer


class Asked(NamedTuple):
    """A request that wants `answer` by its sequence; a Bind wants `accept_bind` or `refuse_bind`."""

    sequence: int
    command: Command
    body: Message | Bind | Query


class Answered(NamedTuple):
    """The peer's answer to a request of ours. `message_id`: b"" where it gave none."""

    token: object
    status: int
    message_id: bytes


class Expired(NamedTuple):
    """No answer came in time, or the session ended before: what became of the request is not known."""

    token: object


class Bound(NamedTuple):
    """The session is bound. `system_id`: of the peer; `version`: that it speaks, 0 where it did not say."""

    state: State
    system_id: bytes
    version: int


class Ended(NamedTuple):
    """The session is over: send what is left and close. `status`: of a bind that was refused."""

    why: str
    status: int | None = None


Event = Asked | Answered | Expired | Bound | Ended


class SessionError(Exception):
    """What this end may not do now."""


class Session:
    """See above."""

    def __init__(self, role: Role, terms: Terms, now_s: float) -> None:
        self.role = role
        self._enter(State.OPEN)
        self._terms = terms
        self._heard_s = now_s
        self._out: list[bytes] = []
        self._rest = b""
        self._sequence = 0
        self._waiting: dict[int, tuple[object, float]] = {}  # in the order in which they were sent
        self._asked: dict[int, int] = {}  # sequence -> command, not answered by us
        self._links: dict[int, tuple[Command, float]] = {}  # bind, unbind, enquire_link of ours
        self._wait_until_s: float | None = now_s + terms.bind_s  # for a bind

    def _enter(self, state: State) -> None:
        self.state = state
        self._sendable = MAY_SEND.get((self.role, state), frozenset())

    # What goes out.

    def take(self) -> bytes:
        """The octets to send now."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    @property
    def room(self) -> int:
        """Requests that may be sent now."""
        return self._terms.window - len(self._waiting)

    @property
    def in_flight(self) -> int:
        """Requests without an answer."""
        return len(self._waiting)

    @property
    def unanswered(self) -> int:
        """Requests of the peer that wait for our answer."""
        return len(self._asked)

    def bind(self, command: Command, bind: Bind, now_s: float) -> None:
        """Ask to be bound."""
        if self.role is not Role.ESME or self.state is not State.OPEN or self._links or command not in BINDS:
            raise SessionError("only an ESME binds, once")
        self._ask_link(command, pdu.encode_bind(bind), now_s + self._terms.bind_s)

    def request(self, command: Command, message: Message, token: object, now_s: float) -> None:
        """Send a message; an Answered or Expired with this token will come. Raises SessionError, ValueError (too long)."""
        self.request_body(command, pdu.encode_request(command, message), token, now_s)

    def request_body(self, command: Command, body: bytes, token: object, now_s: float) -> None:
        """The same, of a body that is written already. Raises SessionError."""
        if command not in self._sendable:
            raise SessionError(f"{command.name} may not be sent while {self.state.name}")
        waiting = self._waiting
        if len(waiting) >= self._terms.window:
            raise SessionError("the window is full")
        sequence = self._sequence = self._sequence % _SEQUENCE_MOST + 1
        self._out.append(HEAD.pack(HEAD_SIZE + len(body), command, 0, sequence) + body)
        waiting[sequence] = (token, now_s + self._terms.response_s)

    def query(self, query: Query, token: object, now_s: float) -> None:
        """Ask for the state of a message. Raises SessionError."""
        if Command.QUERY_SM not in self._sendable or self.room <= 0:
            raise SessionError("query_sm may not be sent now")
        sequence = self._send(Command.QUERY_SM, pdu.encode_query(query))
        self._waiting[sequence] = (token, now_s + self._terms.response_s)

    def answer(self, asked: Asked, status: int = Status.OK, body: bytes = b"\0") -> None:
        """Answer a request that was Asked; `body` is left out of an error. Once each; what was answered is ignored."""
        if self._asked.pop(asked.sequence, None) is not None:
            self._out.append(pdu.encode(asked.command | RESPONSE, status, asked.sequence, b"" if status else body))

    def forget(self, asked: Asked) -> None:
        """Never answer it: it does not count among what waits for an answer any more. For a simulator."""
        self._asked.pop(asked.sequence, None)

    def accept_bind(self, asked: Asked, system_id: bytes) -> None:
        """Let the peer in."""
        self._wait_until_s = None
        self._enter(BOUND_BY[asked.command])
        version = pdu.encode_tlvs({Tag.SC_INTERFACE_VERSION: bytes((VERSION,))})
        self.answer(asked, Status.OK, system_id + b"\0" + version)

    def refuse_bind(self, asked: Asked, status: Status) -> list[Event]:
        """Answer so, and end."""
        self.answer(asked, status)
        return self._end("a bind was refused")

    def unbind(self, now_s: float) -> None:
        """Ask to end in order; an Ended follows."""
        if self.state not in {State.UNBOUND, State.CLOSED}:
            self._enter(State.UNBOUND)
            self._ask_link(Command.UNBIND, b"", now_s + self._terms.bind_s)

    def close(self) -> list[Event]:
        """The connection is gone, or is to go."""
        return self._end("the connection is closed")

    def _ask_link(self, command: Command, body: bytes, until_s: float) -> None:
        self._links[self._send(command, body)] = (command, until_s)

    def _send(self, command: Command, body: bytes) -> int:
        self._sequence = self._sequence % _SEQUENCE_MOST + 1
        self._out.append(HEAD.pack(HEAD_SIZE + len(body), command, 0, self._sequence) + body)
        return self._sequence

    # What comes in.

    def receive(self, octets: bytes, now_s: float) -> list[Event]:
        """What these octets say, in their order. After an Ended nothing more is read."""
        events: list[Event] = []
        data = self._rest + octets if self._rest else octets
        self._heard_s = now_s
        at, end = 0, len(data)
        while end - at >= HEAD_SIZE and self.state is not State.CLOSED:
            length, command, status, sequence = HEAD.unpack_from(data, at)
            if not HEAD_SIZE <= length <= MOST_OCTETS:
                self._nack(sequence, Status.INVALID_COMMAND_LENGTH)
                events += self._end(f"a PDU of {length} octets")
                break
            if end - at < length:
                break
            waiting = self._waiting.pop(sequence, None) if command & RESPONSE else None
            if waiting is not None:  # nearly all, of who submits
                events.append(
                    Answered(waiting[0], status or _status_of(command), _read_id(data, at + HEAD_SIZE, at + length))
                )
            else:
                self._take_pdu(command, status, sequence, data[at + HEAD_SIZE : at + length], events)
            at += length
        self._rest = b"" if self.state is State.CLOSED else data[at:]
        return events

    def _take_pdu(self, command: int, status: int, sequence: int, body: bytes, events: list[Event]) -> None:
        if command & RESPONSE:
            self._take_link_answer(command, status, sequence, body, events)
        else:
            self._take_request(command, sequence, body, events)

    def _take_link_answer(self, command: int, status: int, sequence: int, body: bytes, events: list[Event]) -> None:
        asked = self._links.pop(sequence, None)
        if asked is None:
            return  # an answer that came too late, or to nothing of ours
        if asked[0] in BINDS:
            if status or command == Command.GENERIC_NACK:
                events += self._end("the bind was refused", status or Status.BIND_FAILED)
                return
            self._wait_until_s = None
            self._enter(BOUND_BY[asked[0]])
            events.append(Bound(self.state, _read_id(body, 0, len(body)), _read_version(body)))
        elif asked[0] is Command.UNBIND:
            events += self._end("unbound")

    def _take_request(self, command: int, sequence: int, body: bytes, events: list[Event]) -> None:
        try:
            known = Command(command)
        except ValueError:
            self._nack(sequence, Status.INVALID_COMMAND_ID)
            return
        if known is Command.OUTBIND:
            self._nack(sequence, Status.INVALID_BIND_STATUS)
            events += self._end("the peer sent an outbind")
        elif known not in MAY_ARRIVE.get((self.role, self.state), ()):
            twice = known in BINDS and self.state is not State.OPEN
            self._refuse(known, sequence, Status.ALREADY_BOUND if twice else Status.INVALID_BIND_STATUS)
        elif known in _EVERYWHERE:
            self._out.append(pdu.encode(known | RESPONSE, Status.OK, sequence))
            if known is Command.UNBIND:
                events += self._end("the peer unbound")
        elif known is not Command.ALERT_NOTIFICATION:  # it wants no answer, and tells nothing that we use
            self._ask_owner(known, sequence, body, events)

    def _ask_owner(self, command: Command, sequence: int, body: bytes, events: list[Event]) -> None:
        if len(self._asked) >= self._terms.asked or sequence in self._asked:
            self._refuse(command, sequence, _BUSY[self.role])
            return
        try:
            asked = Asked(sequence, command, _decode(command, body))
        except PduError as error:
            self._refuse(command, sequence, error.status)
            return
        self._asked[sequence] = command
        events.append(asked)

    def _refuse(self, command: Command, sequence: int, status: Status) -> None:
        self._out.append(pdu.encode(command | RESPONSE, status, sequence))

    def _nack(self, sequence: int, status: Status) -> None:
        self._out.append(pdu.encode(Command.GENERIC_NACK, status, sequence))

    # What time does.

    def deadline(self) -> float:
        """When `tick` has something to do, unless octets come before; infinity: never."""
        times = [until_s for _, until_s in self._links.values()]
        if self._wait_until_s is not None:
            times.append(self._wait_until_s)
        if self._waiting:
            times.append(next(iter(self._waiting.values()))[1])
        if self._is_bound():
            if not self._links:  # else it is asked already
                times.append(self._heard_s + self._terms.enquire_s)
            if self._terms.idle_s is not None:
                times.append(self._heard_s + self._terms.idle_s)
        return min(times, default=float("inf"))

    def tick(self, now_s: float) -> list[Event]:
        """What is due."""
        if self.state is State.CLOSED:
            return []
        for command, until_s in self._links.values():
            if until_s <= now_s:
                return self._end(f"no answer to {command.name.lower()}")
        if self._wait_until_s is not None and self._wait_until_s <= now_s:
            return self._end("no bind came")
        idle_s = self._terms.idle_s
        if idle_s is not None and self._is_bound() and self._heard_s + idle_s <= now_s:
            return self._end("the peer is silent")
        events: list[Event] = []
        for sequence, (token, until_s) in list(self._waiting.items()):
            if until_s > now_s:
                break
            del self._waiting[sequence]
            events.append(Expired(token))
        if self._is_bound() and self._heard_s + self._terms.enquire_s <= now_s and not self._links:
            self._ask_link(Command.ENQUIRE_LINK, b"", now_s + self._terms.response_s)
        return events

    def _is_bound(self) -> bool:
        return self.state in {State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX}

    def _end(self, why: str, status: int | None = None) -> list[Event]:
        if self.state is State.CLOSED:
            return []
        self._enter(State.CLOSED)
        events: list[Event] = [Expired(token) for token, _ in self._waiting.values()]
        self._waiting.clear()
        self._links.clear()
        self._asked.clear()
        self._wait_until_s = None
        events.append(Ended(why, status))
        return events


def _status_of(command: int) -> int:
    """Of a response with status 0: a generic_nack is an error whatever it says."""
    return Status.UNKNOWN_ERROR if command == Command.GENERIC_NACK else Status.OK


def _decode(command: Command, body: bytes) -> Message | Bind | Query:
    if command in MESSAGES:
        return pdu.decode_request(command, body)
    return pdu.decode_query(body) if command is Command.QUERY_SM else pdu.decode_bind(body)


def _read_id(data: bytes, at: int, end: int) -> bytes:
    """The message_id or system_id that a response begins with; b"" where it has none, or one that is too long.

    A response with an error often has no body at all, and one of some carriers no final NUL.
    """
    found = data.find(b"\0", at, end)
    found = end if found < 0 else found
    return data[at:found] if found - at < MESSAGE_ID_MOST else b""


def _read_version(body: bytes) -> int:
    try:
        value = pdu.decode_tlvs(body, body.find(b"\0") + 1).get(Tag.SC_INTERFACE_VERSION, b"")
    except PduError:
        return 0
    return value[0] if len(value) == 1 else 0
