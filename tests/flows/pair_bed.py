"""Two sandbox channels, east and west, with a route to both, east first; an API, two workers and a pusher."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.flows.plant import Customer, Plant, Process, make_numbers, post
from tocsin import routing
from tocsin.traffic import Product


class Pair:
    """They run. `rate`: of east; `settings`: of the processes."""

    def __init__(self, plant: Plant, config: dict[str, Any], rate: int | None, **settings: str) -> None:
        self.plant = plant
        self._config = config
        self.channels: dict[str, int] = {}
        blank = routing.Channel(
            id=0, name="", kind=routing.SANDBOX, paused=False, rate=rate, window=1000, unknown_policy="leave",
            max_attempts=8, failover_after_s=1.0, config=config,
        )  # fmt: skip
        with plant.conn.transaction():
            for preference, name in enumerate(("east", "west")):
                described = msgspec.structs.replace(blank, name=name, rate=rate if name == "east" else None)
                made = routing.add_channel(plant.conn, described)
                self.channels[name] = made.id
                rule = routing.RouteRule(0, None, None, int(Product.SMS), 10007, "", made.id, preference)
                routing.add_route(plant.conn, rule)
        self.customer: Customer = plant.add_customer("acme", place="acme")
        self.api = plant.start_api(**settings)
        self.workers: list[Process] = [plant.start("worker", **settings) for _ in range(2)]
        plant.start("push")
        for worker in self.workers:
            plant.owner_of(worker)

    def configure(self, name: str, **changes: Any) -> None:
        """Settings of a channel's carrier, the others as at the start."""
        with self.plant.conn.transaction():
            routing.set_channel(self.plant.conn, name, config={**self._config, **changes})

    def post(self, count: int, first: int = 0) -> list[str]:
        answer = post(self.api.port, self.customer, make_numbers(count, first))
        assert answer.taken, answer
        return answer.ids

    def taken(self, name: str) -> int:
        """Messages that the carrier took over that channel."""
        query = "SELECT count(DISTINCT message_id) FROM sandbox_submit WHERE channel_id = %s"
        return int(self.plant.one(query, self.channels[name]))

    def is_down(self, name: str) -> bool:
        """In both workers."""
        query = "SELECT count(*) FROM link_state WHERE channel_id = %s AND down_since IS NOT NULL"
        return int(self.plant.one(query, self.channels[name])) == 2
