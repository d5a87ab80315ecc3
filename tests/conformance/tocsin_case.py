"""An upstream platform under test: a real second installation, its processes and its own database, behind a relay that
loses and delays what goes to and fro (relay.py)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.cases import CHANNEL, LATE_S, NUMBERS, PATIENCE_S
from tests.conformance.door import Door
from tests.conformance.messages import SENDER
from tests.conformance.script import Script
from tests.conformance.sink import RecordingSink
from tests.conftest import clone_database
from tests.flows.plant import Customer, Plant
from tocsin import accounts, compliance
from tocsin.carriers import ChannelFacts, open_ear, open_link
from tocsin.kit.seal import Seal
from tocsin.traffic import Link
from tocsin.webhooks import set_endpoint

TOKEN = "token-of-the-suite"
CUSTOMERS = 80
PHONES = {word: "62" + number for word, number in NUMBERS.items()} | {
    "deliver": NUMBERS["deliver"],
    "refuse": "62123",  # no number of Indonesia is so short
    "no receipt": "6281300009904",
    # The relay's own, and ordinary ones to the upstream.
    "throttle": "6281230000005",
    "temporary": "6281230000006",
    "hang": "6281230000008",
    "doubled": "6281230000011",
    "drop": "6281230000018",
    "silent": "628120009904",  # the relay gives no answer, the upstream's carrier no receipt
}
DROP_ONCE = "6281230000028"
RULES = (
    {DROP_ONCE: "drop once"}
    | {PHONES[word]: word for word in ("throttle", "temporary", "hang", "doubled", "drop")}
    | {PHONES["silent"]: "hang"}
)


class Account(NamedTuple):
    """A customer of the upstream, and the secret that signs its reports."""

    customer: Customer
    secret: str


class Upstream:
    """The installation. Its customers are there before its processes start: no test waits for reference data."""

    def __init__(self, dsn: str, home: Path) -> None:
        self.relay = Script("relay.py")
        self.plant = Plant(dsn, home)
        self.plant.set_channel(config={"late_receipt_s": LATE_S})
        compliance.add_listed(self.plant.conn, compliance.EVERYBODY, PHONES["blacklist"])
        self.accounts = [self._add(f"down{i}") for i in range(CUSTOMERS)]
        self.api = self.plant.start_api()
        for name in ("worker", "push"):
            self.plant.start(name)

    def _add(self, name: str) -> Account:
        customer = self.plant.add_customer(name)
        for kind, value in (("sender", SENDER), ("free-text", "*")):
            accounts.add_grant(self.plant.conn, customer.id, kind, value)
        seal = Seal((self.plant.key,)).seal
        made = {
            what: set_endpoint(
                self.plant.conn, customer.id, kind, self.relay.url(f"/{name}/down/{what}?token={TOKEN}"), seal
            )
            for kind, what in (("sms", "receipt"), ("uplink", "reply"))
        }
        secret = made["receipt"].secret
        assert secret is not None
        return Account(customer, secret)

    def close(self) -> None:
        self.plant.close()
        self.relay.close()


def run_upstream(database_server: str, home: Path) -> Iterator[Upstream]:
    with clone_database(database_server) as dsn:
        upstream = Upstream(dsn, home)
        yield upstream
        upstream.close()


class TocsinCase:
    """One customer of the upstream."""

    behaviours = frozenset(NUMBERS) - {"early", "last part fails", "intermediate"}

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._account = upstream.accounts.pop()
        self._name = self._account.customer.name
        self._door = Door()

    async def open(self, sink: RecordingSink, **terms: float) -> Link:
        facts = ChannelFacts(CHANNEL, "under test", self._write_config(terms))
        if self._door.sink is None:
            door = await self._door.open(open_ear("tocsin", facts), sink)
            place: dict[str, Any] = {name: terms[name] for name in ("answer_s", "rate") if name in terms}
            upstream = f"http://127.0.0.1:{self._upstream.api.port}"
            await self._tell(place | {"upstream": upstream, "door": door, "rules": RULES})
        link = open_link("tocsin", facts, "")
        await link.open(sink)
        return link

    async def _tell(self, place: dict[str, Any]) -> None:
        await asyncio.to_thread(self._upstream.relay.call, "PUT", f"/{self._name}", place)

    def _write_config(self, terms: dict[str, float]) -> dict[str, Any]:
        return {
            "base_url": self._upstream.relay.url(f"/{self._name}/up"),
            "account": self._name,
            "api_key": self._account.customer.key,
            "timeout_s": min(terms.get("hang_s", PATIENCE_S), 300),
            "find_out_s": 0.3,
            "connections": 32,
            "callback_token": TOKEN,
            "receipt_secret": self._account.secret,
        }

    def phone(self, behaviour: str) -> str:
        return PHONES[behaviour]

    async def taken(self) -> Counter[tuple[bytes, int]]:
        rows = self._upstream.plant.conn.execute(
            b"SELECT b.content, count(*) FROM message m JOIN batch b ON b.batch_no = m.batch_no"
            b" WHERE m.account_id = %s AND m.status = 0 GROUP BY 1",
            (self._account.customer.id,),
        ).fetchall()
        words = [(content.split(), count) for content, count in rows]
        return Counter({(bytes.fromhex(name), int(part)): count for (_, name, part), count in words})

    def batches(self) -> int:
        """Requests that the upstream accepted."""
        query = "SELECT count(*) FROM batch WHERE account_id = %s"
        return int(self._upstream.plant.one(query, self._account.customer.id))

    async def owed(self) -> int:
        query = "SELECT count(*) FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id WHERE e.account_id = %s"
        return int(self._upstream.plant.one(query, self._account.customer.id))

    async def close(self) -> None:
        await self._tell({})
        await self._door.close()
