"""Sessions of SMPP: two of them talk by octets alone; time is a number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.smpp import (
    Answered,
    Asked,
    Bind,
    Bound,
    Command,
    Ended,
    Event,
    Expired,
    Message,
    Query,
    Role,
    Session,
    SessionError,
    State,
    Status,
    Terms,
    encode,
)
from tocsin.smpp.pdu import HEAD, MOST_OCTETS, encode_bind, encode_request
from tocsin.smpp.session import MAY_ARRIVE
from tocsin.smpp.words import BINDS, BOUND_BY, RESPONSE

HELLO = Message(b"4912345", b"ACME", b"hello", registered=1)
BIND = Bind(b"esme", b"secret", b"VMS")


class Pair:
    """An ESME and an SMSC that hears what the other says."""

    def __init__(self, terms: Terms | None = None, of_smsc: Terms | None = None) -> None:
        self.now_s = 1000.0
        self.esme = Session(Role.ESME, terms or Terms(), self.now_s)
        self.smsc = Session(Role.SMSC, of_smsc or terms or Terms(), self.now_s)

    def to_smsc(self) -> list[Event]:
        return self.smsc.receive(self.esme.take(), self.now_s)

    def to_esme(self) -> list[Event]:
        return self.esme.receive(self.smsc.take(), self.now_s)

    def bind(self, command: Command = Command.BIND_TRANSCEIVER) -> Pair:
        self.esme.bind(command, BIND, self.now_s)
        (asked,) = self.to_smsc()
        assert isinstance(asked, Asked)
        assert asked.body == BIND
        self.smsc.accept_bind(asked, b"smsc")
        assert self.to_esme() == [Bound(BOUND_BY[command], b"smsc", 0x34)]
        return self

    def tick(self, seconds: float) -> tuple[list[Event], list[Event]]:
        self.now_s += seconds
        return self.esme.tick(self.now_s), self.smsc.tick(self.now_s)


def list_pdus(octets: bytes) -> list[tuple[int, int, int]]:
    """(command, status, sequence) of each."""
    found, at = [], 0
    while at < len(octets):
        length, *head = HEAD.unpack_from(octets, at)
        found.append((head[0], head[1], head[2]))
        at += length
    return found


def test_submits_are_answered_in_any_order() -> None:
    pair = Pair().bind()
    for token in "abc":
        pair.esme.request(Command.SUBMIT_SM, HELLO, token, pair.now_s)
    asked = [each for each in pair.to_smsc() if isinstance(each, Asked)]
    assert [each.body for each in asked] == [HELLO] * 3
    for each, name in reversed(list(zip(asked, (b"1", b"2", b"3"), strict=True))):
        pair.smsc.answer(each, body=name + b"\0")
    assert pair.to_esme() == [Answered("c", 0, b"3"), Answered("b", 0, b"2"), Answered("a", 0, b"1")]
    assert pair.esme.in_flight == pair.smsc.unanswered == 0


def test_an_error_has_no_body() -> None:
    pair = Pair().bind()
    pair.esme.request(Command.SUBMIT_SM, HELLO, 1, pair.now_s)
    (asked,) = pair.to_smsc()
    assert isinstance(asked, Asked)
    pair.smsc.answer(asked, Status.THROTTLED, b"id\0")
    octets = pair.smsc.take()
    assert len(octets) == 16
    assert pair.esme.receive(octets, pair.now_s) == [Answered(1, Status.THROTTLED, b"")]


def test_deliveries_and_queries() -> None:
    pair = Pair().bind()
    pair.smsc.request(Command.DELIVER_SM, HELLO, "d", pair.now_s)
    pair.smsc.request(Command.DATA_SM, Message(b"1", tlvs={0x0424: b"x"}), "e", pair.now_s)
    asked = pair.to_esme()
    assert [each.command for each in asked if isinstance(each, Asked)] == [Command.DELIVER_SM, Command.DATA_SM]
    pair.esme.query(Query(b"7", b"ACME"), "q", pair.now_s)
    (query,) = pair.to_smsc()
    assert isinstance(query, Asked)
    assert query.body == Query(b"7", b"ACME")


def test_the_window_holds() -> None:
    pair = Pair(Terms(window=2)).bind()
    for token in range(2):
        pair.esme.request(Command.SUBMIT_SM, HELLO, token, pair.now_s)
    assert pair.esme.room == 0
    with pytest.raises(SessionError):
        pair.esme.request(Command.SUBMIT_SM, HELLO, 3, pair.now_s)
    for asked in pair.to_smsc():
        assert isinstance(asked, Asked)
        pair.smsc.answer(asked)
    pair.to_esme()
    assert pair.esme.room == 2


def test_a_request_without_an_answer_expires_and_a_late_answer_is_nothing() -> None:
    pair = Pair(Terms(response_s=5.0, enquire_s=1e9)).bind()
    pair.esme.request(Command.SUBMIT_SM, HELLO, "slow", pair.now_s)
    (asked,) = pair.to_smsc()
    assert isinstance(asked, Asked)
    assert pair.esme.deadline() == pair.now_s + 5
    assert pair.tick(4.9) == ([], [])
    assert pair.tick(0.2)[0] == [Expired("slow")]
    pair.smsc.answer(asked, body=b"7\0")
    assert pair.to_esme() == []
    assert pair.esme.room == pair.esme._terms.window


def test_a_silent_peer_is_asked_whether_it_lives_and_given_up() -> None:
    pair = Pair(Terms(enquire_s=30, response_s=10)).bind()
    pair.tick(30)
    for _ in range(3):  # once is enough
        assert pair.esme.deadline() == 1040.0  # and until then there is nothing to do, over and over
        pair.tick(1)
    assert [head[0] for head in list_pdus(pair.esme.take())] == [Command.ENQUIRE_LINK]
    pair.esme.request(Command.SUBMIT_SM, HELLO, "x", pair.now_s)
    assert pair.tick(10)[0] == [Expired("x"), Ended("no answer to enquire_link")]
    assert pair.esme.state is State.CLOSED
    assert pair.esme.deadline() == float("inf")


def test_who_answers_lives_on() -> None:
    pair = Pair(Terms(enquire_s=30, response_s=10)).bind()
    for _ in range(5):
        assert pair.tick(31) == ([], [])
        assert pair.to_smsc() == []
        assert pair.to_esme() == []
        assert pair.to_smsc() == []
    assert pair.esme.state is pair.smsc.state is State.BOUND_TRX


def test_a_bind_that_is_refused_says_why() -> None:
    pair = Pair()
    pair.esme.bind(Command.BIND_TRANSMITTER, BIND, pair.now_s)
    (asked,) = pair.to_smsc()
    assert isinstance(asked, Asked)
    assert pair.smsc.refuse_bind(asked, Status.INVALID_PASSWORD) == [Ended("a bind was refused")]
    assert pair.to_esme() == [Ended("the bind was refused", Status.INVALID_PASSWORD)]


def test_no_bind_ends_both() -> None:
    pair = Pair(Terms(bind_s=10))
    assert pair.tick(10) == ([Ended("no bind came")], [Ended("no bind came")])
    pair = Pair(Terms(bind_s=10))
    pair.tick(5)
    pair.esme.bind(Command.BIND_RECEIVER, BIND, pair.now_s)
    assert pair.tick(5)[0] == [Ended("no bind came")]


def test_unbinding_lets_answers_come() -> None:
    pair = Pair().bind()
    pair.esme.request(Command.SUBMIT_SM, HELLO, "last", pair.now_s)
    pair.esme.unbind(pair.now_s)
    with pytest.raises(SessionError):
        pair.esme.request(Command.SUBMIT_SM, HELLO, "more", pair.now_s)
    asked, ended = pair.to_smsc()
    assert isinstance(asked, Asked)
    assert ended == Ended("the peer unbound")
    assert pair.to_esme() == [Expired("last"), Ended("unbound")]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("command", list(BINDS))
def test_what_may_arrive_is_the_table(role: Role, command: Command) -> None:
    """Every request in every bound state: let in, or answered with INVALID_BIND_STATUS, and the session lives on."""
    for request in Command:
        if request in {Command.GENERIC_NACK, Command.OUTBIND, Command.UNBIND}:
            continue
        pair = Pair().bind(command)
        session = pair.esme if role is Role.ESME else pair.smsc
        body = encode_bind(BIND) if request in BINDS else encode_request(Command.SUBMIT_SM, HELLO)
        if request is Command.DATA_SM:
            body = encode_request(request, HELLO)
        events = session.receive(encode(request, 0, 77, body), pair.now_s)
        answers = list_pdus(session.take())
        if request in MAY_ARRIVE[role, session.state]:
            assert events or request in {Command.ENQUIRE_LINK, Command.ALERT_NOTIFICATION}
            assert all(not status for _, status, _ in answers)
        else:
            status = Status.ALREADY_BOUND if request in BINDS else Status.INVALID_BIND_STATUS
            assert (events, answers) == ([], [(request | RESPONSE, status, 77)])
        assert session.state is BOUND_BY[command]


def test_an_outbind_is_refused() -> None:
    session = Session(Role.ESME, Terms(), 0.0)
    assert session.receive(encode(Command.OUTBIND, 0, 1, b"smsc\0pw\0"), 0.0) == [Ended("the peer sent an outbind")]
    assert list_pdus(session.take()) == [(Command.GENERIC_NACK, Status.INVALID_BIND_STATUS, 1)]


def test_an_unknown_command_and_a_nack() -> None:
    pair = Pair().bind()
    assert pair.smsc.receive(encode(0x00000BAD, 0, 5), pair.now_s) == []
    assert list_pdus(pair.smsc.take()) == [(Command.GENERIC_NACK, Status.INVALID_COMMAND_ID, 5)]
    pair.esme.request(Command.SUBMIT_SM, HELLO, "x", pair.now_s)
    ((_, _, sequence),) = list_pdus(pair.esme.take())
    assert pair.esme.receive(encode(Command.GENERIC_NACK, 0, sequence), pair.now_s) == [
        Answered("x", Status.UNKNOWN_ERROR, b"")
    ]
    assert pair.esme.receive(encode(Command.GENERIC_NACK, 3, 4711), pair.now_s) == []


@pytest.mark.parametrize("length", [0, 15, MOST_OCTETS + 1, 0xFFFFFFFF])
def test_a_length_that_cannot_be_ends_the_session(length: int) -> None:
    pair = Pair().bind()
    (ended,) = pair.smsc.receive(HEAD.pack(length, Command.SUBMIT_SM, 0, 9), pair.now_s)
    assert isinstance(ended, Ended)
    assert list_pdus(pair.smsc.take()) == [(Command.GENERIC_NACK, Status.INVALID_COMMAND_LENGTH, 9)]
    assert pair.smsc.receive(encode(Command.ENQUIRE_LINK, 0, 1), pair.now_s) == []


def test_a_body_that_cannot_be_read_is_answered_and_the_next_is_taken() -> None:
    pair = Pair().bind()
    bad = encode(Command.SUBMIT_SM, 0, 1, b"\0\0")
    good = encode(Command.SUBMIT_SM, 0, 2, encode_request(Command.SUBMIT_SM, HELLO))
    (asked,) = pair.smsc.receive(bad + good, pair.now_s)
    assert isinstance(asked, Asked)
    assert asked.sequence == 2
    assert list_pdus(pair.smsc.take()) == [(Command.SUBMIT_SM | RESPONSE, Status.INVALID_MESSAGE_LENGTH, 1)]


def test_too_many_without_an_answer_are_told_to_come_again() -> None:
    pair = Pair(Terms(window=2000)).bind()
    for token in range(1001):
        pair.esme.request(Command.SUBMIT_SM, HELLO, token, pair.now_s)
    assert len(pair.to_smsc()) == pair.smsc.unanswered == 1000
    assert pair.to_esme() == [Answered(1000, Status.QUEUE_FULL, b"")]


def test_how_many_may_wait_is_a_term_and_what_is_forgotten_does_not_wait() -> None:
    pair = Pair(Terms(window=10), of_smsc=Terms(asked=2)).bind()
    for number in range(3):
        pair.esme.request(Command.SUBMIT_SM, HELLO, number, pair.now_s)
    first, second = pair.to_smsc()
    assert pair.to_esme() == [Answered(2, Status.QUEUE_FULL, b"")]
    assert isinstance(first, Asked)
    assert isinstance(second, Asked)
    pair.smsc.forget(first)
    assert pair.smsc.unanswered == 1
    pair.smsc.answer(first)
    assert pair.smsc.take() == b""
    pair.esme.request(Command.SUBMIT_SM, HELLO, 3, pair.now_s)
    assert len(pair.to_smsc()) == 1


def test_the_sequence_wraps() -> None:
    pair = Pair().bind()
    pair.esme._sequence = 0x7FFFFFFE
    for token in range(2):
        pair.esme.request(Command.SUBMIT_SM, HELLO, token, pair.now_s)
    assert [head[2] for head in list_pdus(pair.esme.take())] == [0x7FFFFFFF, 1]


def chunks(octets: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(octets), size):
        yield octets[at : at + size]


@given(st.integers(1, 60))
def test_however_the_octets_are_cut_the_events_are_the_same(size: int) -> None:
    pair = Pair().bind()
    for token in range(5):
        pair.esme.request(Command.SUBMIT_SM, HELLO, token, pair.now_s)
    events = [event for piece in chunks(pair.esme.take(), size) for event in pair.smsc.receive(piece, pair.now_s)]
    assert [event.body for event in events if isinstance(event, Asked)] == [HELLO] * 5


@given(st.lists(st.binary(max_size=200), max_size=20), st.sampled_from(list(Role)), st.booleans())
def test_no_octets_break_a_session(pieces: list[bytes], role: Role, bound: bool) -> None:
    pair = Pair().bind() if bound else Pair()
    session = pair.esme if role is Role.ESME else pair.smsc
    for piece in pieces:
        for event in session.receive(piece, pair.now_s):
            assert isinstance(event, Asked | Ended | Bound)
        assert len(session._rest) <= MOST_OCTETS
    session.tick(pair.now_s + 100)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Command)), st.booleans(), st.integers(0, 0x7FFFFFFF), st.binary(max_size=60))
    )
)
def test_no_pdus_break_a_session(pdus: list[tuple[Command, bool, int, bytes]]) -> None:
    pair = Pair().bind()
    for command, is_answer, sequence, body in pdus:
        octets = encode(command | (RESPONSE if is_answer else 0), 0, sequence, body)
        for session in (pair.esme, pair.smsc):
            session.receive(octets, pair.now_s)
            session.take()
