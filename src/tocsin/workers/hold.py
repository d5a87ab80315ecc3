"""What a lane has in its hands: claimed items, open messages, answers that are not written yet. State without I/O.

An item leaves when all its messages are accounted for, and only by a write: done (answered), gone (ended before they
were sent) or put back (not sent by us; the rest of the item is free again for whoever comes next). `unrecorded` is what
a kill at this moment would make us send twice, so a lane keeps it bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tocsin.messaging import End, Open, Work
from tocsin.queue import Item, Retry
from tocsin.traffic import Outcome, OutcomeKind, Submission


@dataclass(slots=True)
class Answers:
    """What the next write takes along."""

    outcomes: list[Outcome] = field(default_factory=list)
    complete: list[Open] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)  # found before anything was sent
    gone: list[tuple[int, bytes]] = field(default_factory=list)  # (item, message) that need no judgement
    later: list[Retry] = field(default_factory=list)  # messages among those that go into the lane again
    release: list[int] = field(default_factory=list)  # items of which nothing more is in our hands
    handed: int = 0  # parts

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.complete or self.gone or self.release)


@dataclass(slots=True)
class Settled:
    """What a write does to the items."""

    done: list[int] = field(default_factory=list)
    release: list[int] = field(default_factory=list)
    shrink: dict[int, list[bytes]] = field(default_factory=dict)
    written: bool = False  # surely: what it releases was claimed anew


class Hold:
    """The state of one lane. `answered` is set when there is something to write, `room` when something was written."""

    def __init__(self) -> None:
        self.items: dict[int, set[bytes]] = {}
        self.answered = asyncio.Event()
        self.room = asyncio.Event()
        self.empty = asyncio.Event()
        self.empty.set()
        self.unrecorded = 0  # parts that were handed over and whose answers are not committed
        self.throttled = 0
        self._open: dict[bytes, Open] = {}
        self._returning: set[int] = set()  # items of which some messages were put back
        self._anew: set[int] = set()  # items that were claimed before we knew that their release is written
        self._answers = Answers()

    def claim(self, items: Sequence[Item]) -> None:
        """Items are ours."""
        self.empty.clear()
        for item in items:
            if item.id in self.items:
                self._anew.add(item.id)
                self._returning.discard(item.id)
            self.items[item.id] = set(item.ids)

    def give_back(self, items: Sequence[Item]) -> None:
        """Items of which nothing was sent."""
        self._answers.release += [item.id for item in items]
        self.answered.set()

    def take(self, work: Work) -> None:
        """What goes to the link now, what ended before, and what waits longer."""
        for entry in work.open:
            self._open[entry.message.id] = entry
        if leaving := [*work.dropped, *work.held]:
            self._answers.gone += [(message.item_id, message.id) for message in leaving]
            self._answers.ends += work.ends
            self._answers.later += work.later
            self.answered.set()

    def hand(self, parts: int) -> None:
        """So many parts go to the link."""
        self.unrecorded += parts

    def unhand(self, parts: int) -> None:
        """So many of them did not go after all: `put_back` them."""
        self.unrecorded -= parts

    def put_back(self, unsent: Sequence[Submission], at: float) -> None:
        """These never went to the link. A message of which other parts did go is answered TEMPORARY for them."""
        numbers: dict[bytes, set[int]] = {}
        for submission in unsent:
            numbers.setdefault(submission.message_id, set()).add(submission.part)
        for message_id, parts in numbers.items():
            entry = self._open[message_id]
            if parts < entry.waiting or entry.answers:
                kind = OutcomeKind.TEMPORARY
                self._accept([Outcome(message_id, entry.message.attempt, part, kind, at) for part in sorted(parts)])
                continue
            del self._open[message_id]
            item_id = entry.message.item_id
            self._returning.add(item_id)
            self.items[item_id].discard(message_id)
            if not self.items[item_id]:
                self._answers.release.append(item_id)
        self.answered.set()

    def answer(self, outcomes: Sequence[Outcome]) -> None:
        """What the link heard. Answers to what is not open (late, doubled) are dropped."""
        self._answers.handed += self._accept(outcomes)
        self.answered.set()

    def give_up(self, at: float) -> None:
        """The link is gone: what it has not answered is unknown."""
        kind = OutcomeKind.UNKNOWN
        self.answer([
            Outcome(message_id, entry.message.attempt, part, kind, at)
            for message_id, entry in self._open.items() for part in sorted(entry.waiting)
        ])  # fmt: skip

    def _accept(self, outcomes: Iterable[Outcome]) -> int:
        answers = self._answers
        count = 0
        for outcome in outcomes:
            entry = self._open.get(outcome.message_id)
            if entry is None or outcome.part not in entry.waiting:
                continue
            entry.waiting.discard(outcome.part)
            entry.answers.append(outcome)
            answers.outcomes.append(outcome)
            count += 1
            self.throttled += outcome.kind is OutcomeKind.THROTTLED
            if not entry.waiting:
                answers.complete.append(entry)
        return count

    def collect(self) -> Answers:
        """All that waits to be written; the messages in it are no longer open."""
        answers, self._answers = self._answers, Answers()
        self.answered.clear()
        return answers

    def phones(self, outcomes: Sequence[Outcome]) -> dict[bytes, str]:
        """Numbers of messages under way."""
        return {o.message_id: self._open[o.message_id].message.phone for o in outcomes}

    def settle(self, answers: Answers) -> Settled:
        """What writing these does to the items. Tell `forget` when it is committed."""
        left: dict[int, list[bytes]] = {}
        for entry in answers.complete:
            left.setdefault(entry.message.item_id, []).append(entry.message.id)
        for item_id, message_id in answers.gone:
            left.setdefault(item_id, []).append(message_id)
        settled = Settled(release=list(answers.release))
        for item_id, ids in left.items():
            last = self.items.get(item_id, set()) <= set(ids)
            if last and item_id not in self._returning:
                settled.done.append(item_id)
                continue
            settled.shrink[item_id] = ids
            if last:
                settled.release.append(item_id)
        settled.written = not self._anew.isdisjoint(settled.release)
        return settled

    def forget(self, answers: Answers, settled: Settled) -> None:
        """This write is committed."""
        for entry in answers.complete:
            self._open.pop(entry.message.id, None)
        for item_id in (*settled.done, *settled.release):
            if item_id in self._anew:
                self._anew.discard(item_id)
                continue
            self.items.pop(item_id, None)
            self._returning.discard(item_id)
        for item_id, ids in settled.shrink.items():
            self._anew.discard(item_id)
            if item_id in self.items:
                self._shrink(item_id, ids)
        self.unrecorded -= answers.handed
        self.room.set()
        if not self.items:
            self.empty.set()

    def _shrink(self, item_id: int, ids: Sequence[bytes]) -> None:
        left = self.items[item_id]
        left.difference_update(ids)
        if not left and item_id in self._returning:  # its last messages were put back while this was being written
            self._answers.release.append(item_id)
            self.answered.set()
