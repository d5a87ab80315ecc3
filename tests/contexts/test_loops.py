"""A background loop that dies unasked ends its process; one that was asked to end does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.poll import until
from tocsin.kit.loops import Loops, Stop


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
