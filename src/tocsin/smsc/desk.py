"""Takes submits: refuses, or takes and answers, and books the receipts and replies that follow.

What is taken is forgotten when its receipts are acknowledged, but for its state, which query_sm asks for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from tocsin.kit import clock
from tocsin.smpp import Asked, Command, Message, MessageState, Query, Status, Stream
from tocsin.smsc.box import Box, Delivery
from tocsin.smsc.counts import Counts
from tocsin.smsc.fates import ABSENT_SUBSCRIBER, BLACKLISTED, USUAL, Answer, Fate, Sign, When, find_fate
from tocsin.smsc.journal import Journal
from tocsin.smsc.later import Later
from tocsin.smsc.memory import Memory
from tocsin.smsc.mischief import Mischief
from tocsin.smsc.naming import Name
from tocsin.smsc.options import Options, ReceiptBy
from tocsin.smsc.reading import find_fault, read_part, read_text
from tocsin.smsc.receipts import Report, Taken, build_receipt, is_wanted, make_taken, move_text, write_absolute
from tocsin.smsc.replies import build_reply

_SOON_S = 0.5
_BEHIND_RECEIPT_S = 0.05
_SHUFFLE_WITHIN_S = 0.2
_STATES = 50_000
_REFUSALS = 10_000


class Peer:
    """A connection. `box` is that of its system_id, once it is bound."""

    def __init__(self, stream: Stream, number: int) -> None:
        self.stream = stream
        self.number = number
        self.box: Box | None = None
        self.name = ""


class _Due(NamedTuple):
    """A receipt to come, whose place in the box is reserved."""

    box: Box
    taken: Taken
    state: MessageState
    error: int


class Desk:
    """One for the simulator."""

    def __init__(
        self,
        options: Options,
        mischief: Mischief,
        later: Later,
        counts: Counts,
        journal: Journal,
        name: Callable[[], Name],
    ) -> None:
        self._options = options
        self._mischief = mischief
        self._later = later
        self._counts = counts
        self._journal = journal
        self._name = name
        self._states: Memory[bytes, Report] = Memory(_STATES)
        self._refusals: Memory[tuple[bytes, bytes, bytes], int] = Memory(_REFUSALS)
        self._references = 0
        self._mixed: list[tuple[Box, Delivery]] = []
        self._after_s = {
            When.USUAL: options.receipt_after,
            When.SOON: options.receipt_after + _SOON_S,
            When.LATE: options.late_after,
            When.AFTER_TIMEOUT: options.timeout_after,
        }

    def take(self, peer: Peer, box: Box, asked: Asked, message: Message) -> None:
        """submit_sm or data_sm."""
        counts = self._counts
        counts.submits += 1
        fate = find_fate(message)
        status = find_fault(message, known_codings_only=self._options.known_codings_only)
        status = status or self._mischief.refuse(box.system_id, clock.monotonic_s())
        if not status and fate.refuse:
            status = self._refuse_by_fate(message, fate)
        if status:
            counts.refuse(status)
            self._answer(peer.stream, asked, status, b"")
            return
        counts.taken += 1
        name, at_s = self._name(), clock.now_s()
        counts.last_at = at_s
        if self._journal.is_on:
            self._journal.note(name.answered, (peer.number, peer.name, asked.command.name.lower()), at_s, message)
        self._answer_taken(peer.stream, asked, fate, name)
        if fate is USUAL and not self._options.receipt_after and not self._mischief.spoils_receipts:
            self._deliver_at_once(box, message, name, at_s)
        else:
            self._states.put(name.answered, Report(MessageState.ENROUTE, 0, at_s))
            self._book(box, message, fate, make_taken(message, name, at_s))

    def query(self, peer: Peer, asked: Asked, query: Query) -> None:
        """query_sm."""
        self._counts.queries += 1
        found = self._states.get(query.message_id)
        if found is None:
            peer.stream.session.answer(asked, Status.INVALID_MESSAGE_ID)
            return
        ended = found.state is not MessageState.ENROUTE
        done = write_absolute(found.at_s) if ended else b""
        body = b"%b\0%b\0%c%c" % (query.message_id, done, found.state, min(found.error, 255))
        peer.stream.session.answer(asked, Status.OK, body)

    def reply(self, box: Box, sender: str, to: str, text: str | bytes) -> int:
        """A terminal user writes; how many parts it is. Raises ValueError: too long."""
        self._references += 1
        messages = build_reply(sender, to, text, self._references)
        for message in messages:
            if box.reserve():
                self._counts.replies += 1
                box.add(Delivery(Command.DELIVER_SM, message))
        return len(messages)

    def _refuse_by_fate(self, message: Message, fate: Fate) -> int:
        if not fate.refuse_times:
            return self._options.blacklisted_status if fate.refuse == BLACKLISTED else fate.refuse
        key = (message.source, message.destination, read_text(message)[:255])
        count = self._refusals.get(key) or 0
        if count < fate.refuse_times:
            self._refusals.put(key, count + 1)
            return fate.refuse
        self._refusals.drop(key)
        return 0

    def _answer_taken(self, stream: Stream, asked: Asked, fate: Fate, name: Name) -> None:
        silent = fate.answer is Answer.NEVER or self._mischief.happens(self._mischief.faults.silent_share)
        if silent or fate.answer is Answer.CUT:
            self._counts.unanswered += 1
            stream.session.forget(asked)
            if not silent:
                asyncio.get_running_loop().call_soon(stream.close)
        elif fate.answer is Answer.AFTER_RECEIPT:
            answer = (stream, asked, Status.OK, name.answered + b"\0")
            self._later.put(self._options.receipt_after + _BEHIND_RECEIPT_S, _say, answer)
        else:
            self._answer(stream, asked, Status.OK, name.answered + b"\0")

    def _answer(self, stream: Stream, asked: Asked, status: int, body: bytes) -> None:
        after_s = self._mischief.faults.answer_after
        if after_s:
            self._later.put(after_s, _say, (stream, asked, status, body))
        else:
            stream.session.answer(asked, status, body)

    def _deliver_at_once(self, box: Box, message: Message, name: Name, at_s: float) -> None:
        """What most messages come to, in as few steps as it can be done."""
        report = Report(MessageState.DELIVERED, 0, at_s)
        self._states.put(name.answered, report)
        if is_wanted(message.registered, MessageState.DELIVERED):
            self._send(box, make_taken(message, name, at_s), report)

    def _book(self, box: Box, message: Message, fate: Fate, taken: Taken) -> None:
        part = read_part(message)
        last = part.number == part.total
        for sign in fate.receipts:
            self._book_sign(box, taken, sign, last=last)
        if fate.reply and last:
            after_s = self._after_s[When.SOON]
            number, sender = message.destination.decode("latin-1"), message.source.decode("latin-1")
            what = (box, number, sender, fate.reply)
            self._later.put(after_s, self._reply_by_fate, what)

    def _book_sign(self, box: Box, taken: Taken, sign: Sign, *, last: bool) -> None:
        state, error = sign.state, sign.error
        if state is MessageState.DELIVERED and self._mischief.happens(self._mischief.faults.undelivered_share):
            state, error = MessageState.UNDELIVERABLE, ABSENT_SUBSCRIBER
        if sign.failed_last and not last:
            state, error = MessageState.DELIVERED, 0
        after_s = self._after_s[sign.when]
        if self._mischief.happens(self._mischief.faults.receipt_late_share):
            after_s += self._mischief.faults.receipt_late_by
        if not after_s:
            self._end(box, taken, state, error)
        elif box.reserve():
            self._later.put(after_s, self._end_due, _Due(box, taken, state, error))

    def _end_due(self, due: _Due) -> None:
        due.box.release()
        self._end(due.box, due.taken, due.state, due.error)

    def _end(self, box: Box, taken: Taken, state: MessageState, error: int) -> None:
        """A message has come to this state: its receipt goes out where it is wanted."""
        report = Report(state, error, clock.now_s())
        self._states.put(taken.answered_id, report)
        if not is_wanted(taken.registered, state):
            return
        self._send(box, taken, report)
        if self._mischief.spoils_receipts:
            faults = self._mischief.faults
            if self._mischief.happens(faults.receipt_double_share):
                self._send(box, taken, report)
            if self._mischief.happens(faults.receipt_unknown_share):
                taken.receipt_id = self._name().in_receipt
                self._send(box, taken, report)

    def _send(self, box: Box, taken: Taken, report: Report) -> None:
        if not box.reserve():
            return
        self._counts.receipts += 1
        message = build_receipt(taken, report, self._options.receipt_form)
        command = Command.DELIVER_SM
        if self._options.receipt_by is ReceiptBy.DATA:
            command, message = Command.DATA_SM, move_text(message)
        delivery = Delivery(command, message)
        if self._mischief.faults.receipt_shuffle:
            self._mix(box, delivery)
        else:
            box.add(delivery)

    def _mix(self, box: Box, delivery: Delivery) -> None:
        if not self._mixed:
            self._later.put(_SHUFFLE_WITHIN_S, self._send_mixed, None)
        self._mixed.append((box, delivery))
        if len(self._mixed) >= self._mischief.faults.receipt_shuffle:
            self._send_mixed(None)

    def _send_mixed(self, _: None) -> None:
        mixed, self._mixed = self._mixed, []
        self._mischief.chance.shuffle(mixed)
        for box, delivery in mixed:
            box.add(delivery)

    def _reply_by_fate(self, what: tuple[Box, str, str, str]) -> None:
        self.reply(*what)


def _say(answer: tuple[Stream, Asked, int, bytes]) -> None:
    stream, asked, status, body = answer
    stream.session.answer(asked, status, body)
    stream.flush()
