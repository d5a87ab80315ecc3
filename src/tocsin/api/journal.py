"""The request log, and when keys were last used: noted in memory, written once a second.

It must never hold up a request: what does not fit is left out and counted, what cannot be written is dropped. Of an
account and a second 50 refused requests are kept and 10 accepted ones, of all accounts together 500 accepted ones.
"""

from __future__ import annotations

import asyncio
import logging
import re

import msgspec

from tocsin import accounts, audit
from tocsin.api.masking import KEPT, show_request
from tocsin.api.wire import Reply, Request
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import DATABASE_LOSSES, LOOP_ERRORS

log = logging.getLogger(__name__)

REFUSED_MOST, ACCEPTED_MOST, ALL_ACCEPTED_MOST = 50, 10, 500
USE_EVERY_S = 60.0
_WRITE_S = 1.0
_WAITING_MOST = 5000
_HEAD = 700  # of a reply: its status, its message, its counts
_GOOD = b'{"status":0,'
_STATUS = re.compile(rb'\{"status":(-?[0-9]{1,9}),"message":("(?:[^"\\]|\\.)*")')
_BATCH = re.compile(rb'"success":([0-9]{1,9}),"fail":([0-9]{1,9}),(?:"barchNo":"[0-9]+",)?"batchNo":"([0-9]{1,18})"')
_NO_QUERY: dict[str, str] = {}


class _Noted(msgspec.Struct):
    """A request that waits to be written."""

    request: Request  # without its body
    body: bytes  # KEPT and one byte more of it, where it was refused
    reply: bytes  # its head
    http: int
    at_s: float
    took_ms: int
    left_out: int = 0


class _Share(msgspec.Struct):
    """What an account had of this second."""

    accepted: int = 0
    refused: int = 0
    last: _Noted | None = None


class Journal:
    """One per API process."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._noted: list[_Noted] = []
        self._second = 0
        self._accepted = 0
        self._shares: dict[int, _Share] = {}
        self._uses: dict[int, float] = {}
        self._written: dict[int, float] = {}

    def note(self, request: Request, reply: Reply, now_s: float, took_s: float) -> None:
        """A request was answered."""
        if request.key_id:
            self._uses[request.key_id] = now_s
        if not request.account_id:
            return
        if int(now_s) != self._second:
            self._second, self._accepted = int(now_s), 0
            self._shares.clear()
        share = self._shares.get(request.account_id)
        if share is None:
            share = self._shares[request.account_id] = _Share()
        good = reply.body.startswith(_GOOD)
        if not self._has_room(share, good=good):
            if share.last is not None:
                share.last.left_out += 1
            return
        body = b"" if good else request.body[: KEPT + 1]
        query = _NO_QUERY if good else request.query
        bare = msgspec.structs.replace(request, body=b"", query=query)
        share.last = _Noted(bare, body, reply.body[:_HEAD], reply.http, now_s, int(took_s * 1000))
        self._noted.append(share.last)

    def _has_room(self, share: _Share, *, good: bool) -> bool:
        if len(self._noted) >= _WAITING_MOST:
            return False
        if not good:
            share.refused += 1
            return share.refused <= REFUSED_MOST
        share.accepted += 1
        if share.accepted > ACCEPTED_MOST or self._accepted >= ALL_ACCEPTED_MOST:
            return False
        self._accepted += 1
        return True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_WRITE_S)
            await self.write(clock.now_s())

    async def write(self, now_s: float) -> None:
        """Write the seconds that are over, and the uses of keys that were not written within a minute."""
        count = next((i for i, each in enumerate(self._noted) if each.at_s >= int(now_s)), len(self._noted))
        ready, self._noted = self._noted[:count], self._noted[count:]
        due = {key: at for key, at in self._uses.items() if at - self._written.get(key, 0.0) >= USE_EVERY_S}
        try:
            if ready:
                await audit.log_requests(self._session, [_read(each) for each in ready])
            if due:
                await accounts.note_uses(self._session, due)
                self._written |= due
            self._uses = {key: at for key, at in self._uses.items() if self._written.get(key, 0.0) < at}
        except LOST:
            DATABASE_LOSSES.labels("journal").inc()
        except Exception:  # the edge of the loop: requests are answered all the same
            LOOP_ERRORS.labels("journal").inc()
            log.exception("the request log cannot be written")


def _read(noted: _Noted) -> audit.RequestEntry:
    status, message = noted.http, ""
    if (found := _STATUS.match(noted.reply)) is not None:
        status, message = int(found[1]), msgspec.json.decode(found[2])
    batch = _BATCH.search(noted.reply)
    request = noted.request
    return audit.RequestEntry(
        account_id=request.account_id, at_s=noted.at_s, request_id=request.request_id, method=request.method[:16],
        path=request.path, status=status, http=noted.http, took_ms=noted.took_ms, address=request.address[:64],
        key_id=request.key_id, receivers=int(batch[1]) + int(batch[2]) if batch else 0, batch_no=int(batch[3]) if batch else 0,
        left_out=noted.left_out, message=message,
        body="" if noted.reply.startswith(_GOOD) else show_request(request.query, noted.body, request.path),
    )  # fmt: skip
