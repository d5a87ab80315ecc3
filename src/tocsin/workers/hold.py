"""What a lane has in its hands: claimed items, open messages, answers that are not written yet. State without I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tocsin.messaging import End, Open, Work
from tocsin.queue import Item
from tocsin.traffic import Outcome, OutcomeKind


@dataclass(slots=True)
class Answers:
    """What the next write takes along."""

    outcomes: list[Outcome] = field(default_factory=list)
    complete: list[Open] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)  # found before anything was sent
    gone: list[tuple[int, bytes]] = field(default_factory=list)  # (item, message) that need no judgement
    release: list[int] = field(default_factory=list)  # items that were claimed and not sent

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.complete or self.gone or self.release)


class Hold:
    """The state of one lane. `answered` is set when there is something to write."""

    def __init__(self) -> None:
        self.items: dict[int, set[bytes]] = {}
        self.answered = asyncio.Event()
        self.empty = asyncio.Event()
        self.parts_out = 0
        self.throttled = 0
        self._open: dict[bytes, Open] = {}
        self._answers = Answers()

    def claim(self, items: Sequence[Item]) -> None:
        """Items are ours."""
        self.empty.clear()
        for item in items:
            self.items[item.id] = set(item.ids)

    def give_back(self, items: Sequence[Item]) -> None:
        """Items that will not be sent by us."""
        self._answers.release += [item.id for item in items]
        self.answered.set()

    def take(self, work: Work) -> None:
        """What goes to the link now, and what ended before."""
        for entry in work.open:
            self._open[entry.message.id] = entry
        self.parts_out += len(work.submissions)
        if work.dropped:
            self._answers.gone += [(message.item_id, message.id) for message in work.dropped]
            self._answers.ends += work.ends
            self.answered.set()

    def answer(self, outcomes: Sequence[Outcome]) -> None:
        """What the link heard. Answers to what is not open (late, doubled) are dropped."""
        answers = self._answers
        for outcome in outcomes:
            entry = self._open.get(outcome.message_id)
            if entry is None or outcome.part not in entry.waiting:
                continue
            entry.waiting.discard(outcome.part)
            entry.answers.append(outcome)
            answers.outcomes.append(outcome)
            self.parts_out -= 1
            self.throttled += outcome.kind is OutcomeKind.THROTTLED
            if not entry.waiting:
                answers.complete.append(entry)
        self.answered.set()

    def collect(self) -> Answers:
        """All that waits to be written; the messages in it are no longer open."""
        answers, self._answers = self._answers, Answers()
        self.answered.clear()
        return answers

    def phones(self, outcomes: Sequence[Outcome]) -> dict[bytes, str]:
        """Numbers of messages under way."""
        return {o.message_id: self._open[o.message_id].message.phone for o in outcomes}

    def settle(self, answers: Answers) -> tuple[list[int], dict[int, list[bytes]]]:
        """After the write: (items that are done, messages done of items that are not). Call `forget` when committed."""
        left: dict[int, list[bytes]] = {}
        for entry in answers.complete:
            left.setdefault(entry.message.item_id, []).append(entry.message.id)
        for item_id, message_id in answers.gone:
            left.setdefault(item_id, []).append(message_id)
        done = [item_id for item_id, ids in left.items() if self.items.get(item_id, set()) <= set(ids)]
        return done, {item_id: ids for item_id, ids in left.items() if item_id not in done}

    def forget(self, answers: Answers) -> None:
        """The write is committed."""
        for entry in answers.complete:
            self._open.pop(entry.message.id, None)
        done, partly = self.settle(answers)
        for item_id in (*done, *answers.release):
            self.items.pop(item_id, None)
        for item_id, ids in partly.items():
            self.items.get(item_id, set()).difference_update(ids)
        if not self.items:
            self.empty.set()
