"""Faults that time brings: the steps of a script, and within a step hanging and dropping again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tocsin.smsc.later import Later
from tocsin.smsc.mischief import Mischief
from tocsin.smsc.options import Faults, Step


class Stage(Protocol):
    """What the faults happen to."""

    mischief: Mischief

    def drop(self, for_s: float) -> int:
        """Cut all connections for so long."""

    def hang(self, *, hanging: bool) -> None:
        """Read and say nothing, or go on."""


class Script:
    """`begin` it, or `set` faults for good."""

    def __init__(self, stage: Stage, steps: Sequence[Step], later: Later) -> None:
        self._stage = stage
        self._steps = steps
        self._later = later
        self._era = 0  # what was booked in an earlier one is void

    def begin(self) -> None:
        """With the first step."""
        self._begin_step(0)

    def set(self, faults: Faults) -> None:
        """These from now on, and no step any more."""
        self._era += 1
        self._stage.mischief.set(faults)
        self._stage.hang(hanging=False)
        if faults.hang_every:
            self._put(faults.hang_every, self._hang)
        if faults.drop_every:
            self._put(faults.drop_every, self._drop)

    def _begin_step(self, index: int) -> None:
        step = self._steps[index]
        self.set(step)
        if len(self._steps) > 1:
            self._put(step.seconds, lambda: self._begin_step((index + 1) % len(self._steps)))

    def _put(self, after_s: float, do: Callable[[], None]) -> None:
        era = self._era

        def do_unless_void(_: None) -> None:
            if era == self._era:
                do()

        self._later.put(after_s, do_unless_void, None)

    def _hang(self) -> None:
        faults = self._stage.mischief.faults
        self._stage.hang(hanging=True)
        self._put(faults.hang_for, lambda: self._stage.hang(hanging=False))
        self._put(faults.hang_every, self._hang)

    def _drop(self) -> None:
        mischief = self._stage.mischief
        self._stage.drop(mischief.choose_drop_s())
        self._put(mischief.faults.drop_every, self._drop)
