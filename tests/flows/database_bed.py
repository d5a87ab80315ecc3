"""For tests of a database that goes away: a way to it that a test can cut, many clients at once, a count of what is there."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from tests.conformance.proxy import Proxy, proxied
from tests.doors.api import PRICE_MICROS, Bed, Customer, Door, Reply
from tocsin import billing

WRITER = b"tocsin accept"
"""In the first packet of the sessions that accept, those of the helper for large sends too."""


@contextmanager
def proxied_aside(dsn: str) -> Iterator[tuple[Proxy, str]]:
    """A proxy in a thread of its own, and the URL that leads through it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    context = proxied(dsn, WRITER)
    try:
        proxy, way = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
        facts = {name: quote(str(value), safe="") for name, value in conninfo_to_dict(way).items()}
        yield (
            proxy,
            f"postgresql://{facts['user']}:{facts['password']}@/{facts['dbname']}?host={facts['host']}&port={facts['port']}",
        )
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


class Second:
    """For a flag of the proxy: not the next request (or answer), but the one behind it."""

    def __init__(self) -> None:
        self._asked = 0

    def __bool__(self) -> bool:
        self._asked += 1
        return self._asked == 2


REFUSED = ("storage is not available, try again", "the clock of this server is wrong, try again")


class Answer(NamedTuple):
    """A reply and when it was wanted and got, monotonic."""

    begun_s: float
    at_s: float
    size: int
    reply: Reply

    @property
    def kind(self) -> str:
        """`taken`, `refused` (certainly nothing was stored) or `unknown`; anything else is the reply itself."""
        if self.reply.http == 504 and self.reply.body == b"":
            return "unknown"
        if self.reply.http == 200 and self.reply.status == 0:
            return "taken"
        said = self.reply.json["message"] if self.reply.http == 200 else ""
        if said.endswith(REFUSED) and self.reply.status == -12:
            return "refused" if self.reply.headers["Retry-After"] else "refused without Retry-After"
        return repr(self.reply)

    @property
    def batch_no(self) -> str:
        return str(self.reply.data["batchNo"])


def list_numbers(count: int) -> str:
    return ",".join(f"812{number:08}" for number in range(count))


def send(door: Door, customer: Customer, count: int = 1, key: str | None = None) -> Answer:
    """One POST of `count` numbers."""
    begun_s = time.monotonic()
    body = {"numbers": list_numbers(count), "content": "hello", "codeId": "10007", "action": "NOTIFICATION"}
    reply = door.post(customer, body, headers={"Idempotency-Key": key} if key else None)
    return Answer(begun_s, time.monotonic(), count, reply)


class Load:
    """Clients that send one request after the other, each in a thread, until `stop`, or `each` requests."""

    def __init__(
        self, door: Door, clients: Sequence[tuple[Customer, int]], each: int = 1_000_000, key: str | None = None
    ) -> None:
        self.answers: list[Answer] = []
        self._going = True
        self._each = each
        self._key = key
        self._threads = [threading.Thread(target=self._send, args=(door, *each)) for each in clients]
        for thread in self._threads:
            thread.start()

    def _send(self, door: Door, customer: Customer, count: int) -> None:
        for _ in range(self._each):
            if not self._going:
                return
            begun_s = time.monotonic()
            try:
                self.answers.append(send(door, customer, count, self._key))
            except (OSError, http.client.HTTPException) as error:
                broken = Reply(0, http.client.HTTPMessage(), repr(error).encode())
                self.answers.append(Answer(begun_s, time.monotonic(), count, broken))

    def stop(self) -> list[Answer]:
        """Let what is under way end."""
        self._going = False
        return self.finish()

    def finish(self) -> list[Answer]:
        """Wait until every client has sent all of its requests."""
        for thread in self._threads:
            thread.join(60)
        return self.answers

    def count(self, wanted: Callable[[Answer], bool]) -> int:
        return sum(1 for answer in list(self.answers) if wanted(answer))


class Counts(NamedTuple):
    """What is stored of an account."""

    batches: int
    messages: int
    lane_messages: int
    charges: int
    charged_micros: int


def count_all(bed: Bed, customer: Customer, paid_in: int) -> Counts:
    """Of one account; `paid_in`: what its wallet held at first."""
    batches = bed.one("SELECT count(*) FROM batch WHERE account_id = %s", customer.id)
    left = sum(bed.wallet(customer))
    return Counts(batches, bed.messages(customer), bed.lane_messages(customer), bed.charges(customer), paid_in - left)


def expect(*counts: int) -> Counts:
    """What is stored after requests of so many numbers were accepted."""
    total = sum(counts)
    return Counts(len(counts), total, total, len(counts), total * PRICE_MICROS)


def list_batches(bed: Bed, customer: Customer) -> dict[str, int]:
    """Stored requests: batch number and how many messages."""
    query = b"SELECT batch_no, count(*) FROM message WHERE account_id = %s GROUP BY 1"
    return {str(number): count for number, count in bed.conn.execute(query, (customer.id,)).fetchall()}


def assert_sums(bed: Bed) -> None:
    assert billing.check(bed.conn) == []
