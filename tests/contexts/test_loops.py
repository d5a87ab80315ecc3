"""A background loop that dies unasked ends its process; one that was asked to end does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.poll import until
from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.kit.loops import LONGEST_PAUSE_S, Loops, Stop, pause_after
from tocsin.queue import DatabaseClock
from tocsin.workers.upkeep import Job, run_job


async def go_on() -> None:
    await asyncio.Event().wait()


async def break_down() -> None:
    raise LookupError("the reason")


async def come_to_an_end() -> None:
    return


async def give_up() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("loop", [break_down, come_to_an_end, give_up])
async def test_a_loop_that_ends_unasked_ends_the_process(
    loop: Callable[[], Coroutine[Any, Any, None]], caplog: pytest.LogCaptureFixture
) -> None:
    stop, name = Stop(), loop.__name__
    loops = Loops(stop)
    loops.start(go_on(), loop())
    await until(stop.is_set)
    assert stop.broken == name
    assert f"{name} ended unasked" in caplog.text
    assert ("the reason" in caplog.text) == (loop is break_down)
    await loops.end()


async def test_loops_that_were_asked_to_end_are_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stop, over = Stop(), asyncio.Event()
    loops, others = Loops(stop), Loops(stop)
    loops.start(go_on(), go_on())
    await loops.end()
    others.watch(asyncio.create_task(over.wait()))
    others.let_end()
    over.set()
    await others.end()
    assert not stop.is_set()
    stop.set()
    late = Loops(stop)
    late.start(come_to_an_end())
    await late.end()
    assert (stop.broken, caplog.text) == ("", "")


def test_a_query_that_hung_does_not_hold_up_the_next_one() -> None:
    """A poll is at most a twentieth of the time; but it comes within 30 s after a database that hung for minutes."""
    assert pause_after(0.001, 1.0) == 1.0
    assert pause_after(0.2, 1.0) == pytest.approx(4.0)
    assert pause_after(600.0, 1.0) == LONGEST_PAUSE_S <= 30


async def test_a_job_does_nothing_while_the_clock_is_wrong(database: str) -> None:
    """Ours or the database's: nobody knows which, and what was ended or dropped does not come back."""
    runs, looks, off_s = 0, 0, 3 * 86_400.0

    async def run(_session: Session) -> int:
        nonlocal runs
        runs += 1
        return 0

    def look() -> float:
        nonlocal looks
        looks += 1
        return clock.now_s() + off_s

    task = asyncio.create_task(run_job(Job("partitions", 0.01, run), database, DatabaseClock(5.0, look)))
    await until(lambda: looks > 30)
    assert runs == 0
    off_s = 0.0
    await until(lambda: runs > 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
