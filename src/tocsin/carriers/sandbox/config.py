"""The settings of a sandbox channel. Forms and help pages are drawn from the descriptions here."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

_DAY_MS = 86_400_000
_MONTH_S = 2_678_400.0


class SandboxConfig(msgspec.Struct, frozen=True):
    """All have defaults: an empty configuration is a carrier that delivers at once."""

    receipt_delay_ms: Annotated[
        int, Meta(ge=0, le=_DAY_MS, description="Milliseconds between the answer to a submit and its receipt.")
    ] = 0
    receipt_jitter_ms: Annotated[
        int,
        Meta(ge=0, le=_DAY_MS, description="Receipts of ordinary numbers are spread over this many milliseconds more."),
    ] = 0
    submit_delay_ms: Annotated[
        int, Meta(ge=0, le=_DAY_MS, description="Milliseconds that the carrier takes to answer a submit.")
    ] = 0
    rate_parts_per_s: (
        Annotated[
            int,
            Meta(ge=1, le=1_000_000, description="Over this many parts a second a link's submits are throttled."),
        ]
        | None
    ) = None
    late_receipt_s: Annotated[
        float, Meta(ge=0, le=_MONTH_S, description="Seconds until the late receipt of a number ending in 0009909.")
    ] = 30.0
    unknown_after_s: Annotated[
        float,
        Meta(gt=0, le=3600.0, description="Seconds after which a submit without an answer counts as unknown."),
    ] = 30.0
    after_timeout_s: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=_MONTH_S,
                description="Seconds until the receipt of a number ending in 0009912; without it, a little over the "
                "time that the platform waits for receipts.",
            ),
        ]
        | None
    ) = None
    record_replies: Annotated[
        bool, Meta(description="Whether numbers ending in 0009913 and 0009914 send their reply.")
    ] = True
    down: Annotated[
        bool, Meta(description="The link is down: nothing is bound and nothing is taken. Receipts still come.")
    ] = False
    undelivered_percent: Annotated[
        int, Meta(ge=0, le=100, description="Of a hundred ordinary messages, how many are undelivered in the receipt.")
    ] = 0
    watched: Annotated[
        bool,
        Meta(description="Whether the circuit breaker watches it as it does a real carrier; else a sandbox has none."),
    ] = False
    lease_s: Annotated[
        float,
        Meta(
            ge=0.2,
            le=600.0,
            description="Seconds after which receipts that were not acknowledged, or whose worker died, come again.",
        ),
    ] = 15.0
    keep_days: Annotated[int, Meta(ge=1, le=3650, description="Days for which the carrier remembers what it took.")] = 7
