"""A process of the data plane makes itself known: a row that beats, and a session lock that dies with it.

The lock is the proof of life: leases of an owner are taken over only when they are over and nobody holds its lock.
A process that was merely stopped (SIGSTOP, a long pause) keeps both, so nothing that it has sent is sent again.
"""

from __future__ import annotations

import os
import socket

from tocsin.kit.db import Session
from tocsin.queue.store import QUERIES


class Registration:
    """`id` is the owner in every lease of this process."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._locked_pid = 0
        self.id = 0

    async def hold(self, session: Session) -> bool:
        """Be registered and locked on this session; call again after a loss. False: the old session still lingers."""
        conn = await session.conn()
        if not self.id:
            rows = await session.rows(QUERIES["register"], (self._kind, socket.gethostname(), os.getpid()))
            self.id = int(rows[0][0])
        if self._locked_pid != conn.info.backend_pid:
            if not await session.lock_forever(self.id):
                return False
            self._locked_pid = conn.info.backend_pid
        return True

    async def beat(self, session: Session) -> None:
        """Say "alive"."""
        await session.run(QUERIES["beat"], (self.id,))

    async def leave(self, session: Session) -> None:
        """Go in order."""
        await session.run(QUERIES["unregister"], (self.id,))
