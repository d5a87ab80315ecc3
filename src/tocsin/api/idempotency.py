"""Idempotency-Key on sends: the same key and body within 24 h answers the stored reply and sends nothing.

Only accepted sends are kept, as key, hash and batch number; the reply is built again from the rows. A twin that arrives
while the first is at work waits for it: in this process by a future, across processes by looking until it is there. Where
caps count, it waits before anything is taken out of them: the first may have taken the last room and not be stored yet.
Contract, section 1.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from tocsin.api.desk import Desk
from tocsin.api.limits import QUERIES
from tocsin.compliance import claim_send, release_send
from tocsin.kit import clock
from tocsin.kit.db import LOST
from tocsin.messaging import find_accepted, read_batch

KEY_MOST = 255
_LOOK_S = 0.025
_TOKEN_BITS = 62
_TWIN_MOST_S = 30.0


def hash_request(path: str, fields: Mapping[str, Any], query: Mapping[str, str]) -> bytes:
    """Of the path and the parsed fields, without account, sign and datetime, which change with each try."""
    merged = {**query, **fields}
    for name in ("account", "sign", "datetime"):
        merged.pop(name, None)
    try:
        text = msgspec.json.encode(merged, order="deterministic")
    except UnicodeEncodeError:  # bytes of a form that are no text: refused later, by the field that they stand in
        text = json.dumps(merged, sort_keys=True, default=bytes.hex).encode("ascii")
    return hashlib.sha256(path.encode() + b"\0" + text).digest()


@asynccontextmanager
async def alone(desk: Desk, account_id: int, key: str) -> AsyncIterator[None]:
    """Wait until no twin is at work that would be in our way, then be the one that is. Raises LOST."""
    name = (account_id, key)
    while (first := desk.in_flight_keys.get(name)) is not None:
        await first
    mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    desk.in_flight_keys[name] = mine
    try:
        if not desk.ground.guards.caps.concerns(account_id):
            yield
            return
        async with _claimed(desk, account_id, key):
            yield
    finally:
        del desk.in_flight_keys[name]
        mine.set_result(None)


@asynccontextmanager
async def _claimed(desk: Desk, account_id: int, key: str) -> AsyncIterator[None]:
    """No twin of another process is at work in here. Raises LOST."""
    token = secrets.randbits(_TOKEN_BITS)
    await _claim(desk, account_id, key, token)
    try:
        yield
    finally:
        with suppress(*LOST):  # then it is free in a minute
            async with desk.pools.sends.lend(account_id) as session:
                await release_send(session, account_id, key, token)


async def _claim(desk: Desk, account_id: int, key: str, token: int) -> None:
    deadline = clock.monotonic_s() + _TWIN_MOST_S
    while True:
        async with desk.pools.sends.lend(account_id) as session:
            is_ours = await claim_send(session, account_id, key, clock.now_s(), token)
        if is_ours or clock.monotonic_s() > deadline:
            return
        await asyncio.sleep(_LOOK_S)


async def find_kept(desk: Desk, account_id: int, key: str) -> tuple[bytes, int] | None:
    """(hash, batch number) of the accepted send with this key."""
    async with desk.pools.sends.lend(account_id) as session:
        return await find_accepted(session, account_id, key, desk.settings.idempotency_s)


async def find_twin(desk: Desk, account_id: int, key: str, *, wait: bool) -> tuple[bytes, int] | None:
    """What a request with the same key came to; None: there is none, or it was refused.

    `wait`: another process holds the key, so look until its send is there or the key is free.
    """
    deadline = clock.monotonic_s() + _TWIN_MOST_S
    while True:
        found = await find_kept(desk, account_id, key)
        if found is not None or not wait or clock.monotonic_s() > deadline:
            return found
        await asyncio.sleep(_LOOK_S)
        if not await _is_held(desk, account_id, key):
            return await find_kept(desk, account_id, key)


async def _is_held(desk: Desk, account_id: int, key: str) -> bool:
    async with desk.pools.sends.lend(account_id) as session:
        rows = await session.rows(QUERIES["key_is_held"], (key, account_id))
    return bool(rows[0][0])


async def read_kept(desk: Desk, account_id: int, batch_no: int) -> list[tuple[bytes, str, int, int]]:
    """The rows of an accepted send."""
    async with desk.pools.sends.lend(account_id) as session:
        return await read_batch(session, batch_no)
