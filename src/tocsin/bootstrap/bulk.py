"""The helper process of an API process (see api/bulk.py): `python -m tocsin.bootstrap.bulk`, frames on its pipes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import uvloop

from tocsin import queue
from tocsin.accounts import Account, Directory
from tocsin.api.bulk import Job, serve_frames
from tocsin.api.server import ENDPOINTS, OF_CONSOLE, word_loss
from tocsin.api.wire import Reply, UnknownKind, error_reply, transport_reply
from tocsin.bootstrap.api import Plant
from tocsin.bootstrap.reference import load_memory
from tocsin.content import Status
from tocsin.kit.db import LOST
from tocsin.kit.log import set_up_logging
from tocsin.kit.loops import Loops, Stop
from tocsin.kit.settings import read_settings

log = logging.getLogger(__name__)

NICE = 10
_LOOKS = 60
_LOOK_S = 0.05


async def main() -> None:
    """Until stdin ends or SIGTERM."""
    os.nice(NICE)
    settings = read_settings(os.environ)
    set_up_logging(settings.log_level, "bulk")
    memory = await load_memory(settings, "bulk", sends=True)
    stop = Stop()
    plant = Plant(settings, memory, "bulk", stop)
    await plant.start()
    loops = Loops(stop)
    loops.start(queue.stay_registered(settings.database_url, "bulk", database_clock=plant.clock))

    async def answer(job: Job) -> Reply:
        account = await _wait_for_account(memory.directory, job.account_id)
        if account is None:
            return error_reply(Status.AUTHENTICATION)
        try:
            return await (ENDPOINTS | OF_CONSOLE)[job.request.path].answer(plant.desk, account, job.request)
        except UnknownKind:
            return transport_reply(415, "Unsupported media type")
        except LOST as error:
            return error_reply(Status.PLATFORM, "en", word_loss(error), retry_after_s=2)
        except Exception:  # the edge of the request, as in api/server.py
            log.exception("a large request", extra={"request_id": job.request.request_id})
            return transport_reply(500, "Internal error")

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, _ = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    serving = asyncio.create_task(serve_frames(reader, transport.write, answer))
    stopping = asyncio.create_task(stop.wait())
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    stop.set()
    await loops.end()
    await plant.close()
    if stop.broken:
        sys.exit(1)


async def _wait_for_account(directory: Directory, account_id: int) -> Account | None:
    """The API process let it in: where it is not known here yet, the next renewal of reference data brings it."""
    for _ in range(_LOOKS):
        if directory.by_id(account_id) is not None:
            break
        await asyncio.sleep(_LOOK_S)
    return directory.by_id(account_id)


if __name__ == "__main__":
    uvloop.run(main())
