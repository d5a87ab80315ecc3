"""Large sends leave the event loop: a helper process reads, checks and accepts them, at low priority.

Parsing 50,000 numbers on the loop would hold up everybody's codes for a tenth of a second and more. The helper is a
whole acceptor with its own sessions; requests and replies pass over its pipes as frames (4 bytes of length,
MessagePack). It dies with this process and is started again when it dies alone; what it had under way is then answered
504, since its fate is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import msgspec

from tocsin.api.turns import CrowdedError, Turns
from tocsin.api.wire import Reply, Request, error_reply
from tocsin.content import Status
from tocsin.kit.leash import END_WITHIN_S, die_with_parent
from tocsin.kit.loops import Loops, Stop
from tocsin.kit.settings import Settings

log = logging.getLogger(__name__)

AT_ONCE, ACCOUNT_AT_ONCE = 4, 2
"""In the helper at once, of all accounts and of one."""
WAITING, ACCOUNT_WAITING = 28, 10
"""Waiting for that, of all accounts and of one."""
_LENGTH = 4
_RESTART_S = 0.5
_START_S = 5.0
_STOP_S = END_WITHIN_S / 3  # for what is under way, and once more for the helper


class Job(msgspec.Struct):
    """A request that was let in."""

    number: int
    account_id: int
    request: Request


class Done(msgspec.Struct):
    """Its reply."""

    number: int
    reply: Reply


_encode = msgspec.msgpack.Encoder().encode


def write_frame(write: Callable[[bytes], None], value: Job | Done) -> None:
    """A value with its length before it, apart: a large one is not copied once more."""
    body = _encode(value)
    write(len(body).to_bytes(_LENGTH, "big"))
    write(body)


async def read_frame(stream: asyncio.StreamReader) -> bytes:
    """The next frame's body. Raises asyncio.IncompleteReadError at the end."""
    size = int.from_bytes(await stream.readexactly(_LENGTH), "big")
    return await stream.readexactly(size)


class Bulk:
    """The API's side."""

    def __init__(self, settings: Settings, stop: Stop) -> None:
        self._settings = settings
        self._loops = Loops(stop)
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._turns = Turns(AT_ONCE, ACCOUNT_AT_ONCE, ACCOUNT_WAITING, WAITING)
        self._process: asyncio.subprocess.Process | None = None
        self._is_there = asyncio.Event()

    def start(self) -> None:
        """Begin; the helper is kept alive from now on."""
        self._loops.start(self._keep())

    async def send(self, request: Request, account_id: int) -> Reply:
        """The helper's reply. An account that sends much at once waits behind itself, and takes no place from others."""
        try:
            async with self._turns.take(account_id):
                return await self._pass_on(request, account_id)
        except CrowdedError:
            return _refuse()

    async def _pass_on(self, request: Request, account_id: int) -> Reply:
        stdin = await self._find_helper()
        if stdin is None:
            return _refuse()
        number = next(self._numbers)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        write_frame(stdin.write, Job(number, account_id, request))
        try:
            return await future
        finally:
            del self._waiting[number]

    async def _find_helper(self) -> asyncio.StreamWriter | None:
        """Where it reads; it is waited for while it starts. None: it does not start."""
        try:
            async with asyncio.timeout(_START_S):
                await self._is_there.wait()
        except TimeoutError:
            return None
        return self._process.stdin if self._process is not None else None

    async def _keep(self) -> None:
        while True:
            environment = {
                **os.environ,
                "DATABASE_URL": self._settings.database_url,
                "TOCSIN_HOME": str(self._settings.home),
            }
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tocsin.bootstrap.bulk", env=environment, limit=1 << 24,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, preexec_fn=die_with_parent(signal.SIGKILL),
            )  # fmt: skip
            self._is_there.set()
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._read(self._process)
            log.error("the helper for large sends ended; %d requests are without an answer", len(self._waiting))
            ended, self._process = self._process, None  # first: whoever comes from now on is not written to it
            self._is_there.clear()
            for future in self._waiting.values():
                if not future.done():
                    future.set_result(Reply(b"", http=504))
            await ended.wait()
            await asyncio.sleep(_RESTART_S)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        stream = process.stdout
        if stream is None:
            return
        while True:
            done = msgspec.msgpack.decode(await read_frame(stream), type=Done)
            future = self._waiting.get(done.number)
            if future is not None and not future.done():
                future.set_result(done.reply)

    async def close(self) -> None:
        """Let what is under way end, then the helper."""
        if self._waiting:
            await asyncio.wait(list(self._waiting.values()), timeout=_STOP_S)
        await self._loops.end()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_S):
                    await self._process.wait()


def _refuse() -> Reply:
    return error_reply(Status.PLATFORM, "en", "too much at once, try again", retry_after_s=2)


async def serve_frames(
    reader: asyncio.StreamReader, write: Callable[[bytes], None], answer: Callable[[Job], Awaitable[Reply]]
) -> None:
    """The helper's side: until the pipe ends."""
    running: set[asyncio.Task[None]] = set()

    async def do(job: Job) -> None:
        write_frame(write, Done(job.number, await answer(job)))

    while True:
        try:
            job = msgspec.msgpack.decode(await read_frame(reader), type=Job)
        except asyncio.IncompleteReadError:
            break
        task = asyncio.create_task(do(job))
        running.add(task)
        task.add_done_callback(running.discard)
    if running:
        await asyncio.wait(running)
