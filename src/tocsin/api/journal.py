"""The request log, and when keys were last used: noted in memory, written once a second.

It must never hold up a request: what does not fit is left out and counted, what cannot be written is dropped. Of an
account and a second 50 refused requests are kept and 10 accepted ones, of all accounts together 500 accepted ones; of an
account and a day what its ceiling lets in (`ceiling.py`). What is not authenticated is no request of the account that it
names: a row a minute and network (`strangers.py`), without body, and nothing once it is refused with -15.
"""

from __future__ import annotations

import asyncio
import logging
import re

import msgspec

from tocsin import accounts, audit
from tocsin.api.ceiling import Ceiling
from tocsin.api.masking import KEPT, show_request
from tocsin.api.strangers import Strangers
from tocsin.api.wire import Reply, Request
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import DATABASE_LOSSES, LOOP_ERRORS
from tocsin.kit.visitor import network_of

log = logging.getLogger(__name__)

REFUSED_MOST, ACCEPTED_MOST, ALL_ACCEPTED_MOST = 50, 10, 500
USE_EVERY_S = 60.0
_WRITE_S = 1.0
_WAITING_MOST = 5000
_HEAD = 700  # of a reply: its status, its message, its counts
_GOOD = b'{"status":0,'
_TOO_FREQUENT = b'{"status":-15,'
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
    signed: bool = True


class _Share(msgspec.Struct):
    """What an account had of this second."""

    accepted: int = 0
    refused: int = 0
    last: _Noted | None = None


class Journal:
    """One per API process."""

    def __init__(self, session: Session, rows_per_day: int) -> None:
        self._session = session
        self._ceiling = Ceiling(rows_per_day)
        self._strangers = Strangers()
        self._noted: list[_Noted] = []
        self._second = 0
        self._accepted = 0
        self._shares: dict[int, _Share] = {}
        self._uses: dict[int, float] = {}
        self._written: dict[int, float] = {}

    def note(self, request: Request, reply: Reply, now_s: float, took_s: float) -> None:
        """A request of an account was answered."""
        if request.key_id:
            self._uses[request.key_id] = now_s
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
        if not self._ceiling.take(request.account_id, good=good):
            return
        body = b"" if good else request.body[: KEPT + 1]
        query = _NO_QUERY if good else request.query
        bare = msgspec.structs.replace(request, body=b"", query=query)
        share.last = _Noted(bare, body, reply.body[:_HEAD], reply.http, now_s, int(took_s * 1000))
        self._noted.append(share.last)

    def note_stranger(self, account_id: int, request: Request, reply: Reply, now_s: float, took_s: float) -> None:
        """A request that names the account was answered before anybody was authenticated."""
        if reply.body.startswith(_TOO_FREQUENT):
            return
        network = network_of(request.address)
        if self._strangers.count(account_id, network, now_s):
            return
        if self._strangers.is_full or len(self._noted) >= _WAITING_MOST:
            return
        if not self._ceiling.take_for_stranger(account_id):
            return
        self._strangers.add(account_id, network, request.request_id, now_s)
        bare = msgspec.structs.replace(request, body=b"", query=_NO_QUERY, account_id=account_id)
        noted = _Noted(bare, b"", reply.body[:_HEAD], reply.http, now_s, int(took_s * 1000), signed=False)
        self._noted.append(noted)

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

    async def write(self, now_s: float, *, last: bool = False) -> None:
        """Write the seconds that are over, and the uses of keys that were not written within a minute. `last`: all of it."""
        count = next((i for i, each in enumerate(self._noted) if each.at_s >= int(now_s)), len(self._noted))
        count = len(self._noted) if last else count
        ready, self._noted = self._noted[:count], self._noted[count:]
        try:
            await self._write_requests(ready, now_s, last=last)
            await self._write_uses()
        except LOST:
            DATABASE_LOSSES.labels("journal").inc()
        except Exception:  # the edge of the loop: requests are answered all the same
            LOOP_ERRORS.labels("journal").inc()
            log.exception("the request log cannot be written")

    async def _write_requests(self, ready: list[_Noted], now_s: float, *, last: bool) -> None:
        if ready:
            self._strangers.learn(await audit.log_requests(self._session, [_read(each) for each in ready]))
        if grown := self._strangers.take_counts(now_s, all_of_them=last):
            await audit.recount_requests(self._session, grown)
        if counts := self._ceiling.take_counts():
            self._ceiling.learn(await audit.count_requests(self._session, counts))

    async def _write_uses(self) -> None:
        due = {key: at for key, at in self._uses.items() if at - self._written.get(key, 0.0) >= USE_EVERY_S}
        if due:
            await accounts.note_uses(self._session, due)
            self._written |= due
        self._uses = {key: at for key, at in self._uses.items() if self._written.get(key, 0.0) < at}


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
        body=(
            show_request(request.query, noted.body, request.path)
            if noted.signed and not noted.reply.startswith(_GOOD)
            else ""
        ),
        signed=noted.signed,
    )  # fmt: skip
