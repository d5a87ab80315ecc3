"""What becomes of batches, counted where it is written: signed changes by batch, country and reason, in the same transaction.

Only batches of many numbers have sums (schema/sql/0013_batches.sql); the statements leave out the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tocsin.kit import pgbin
from tocsin.kit.db import Statement
from tocsin.messaging.model import Claimed, End
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason


def count_ends(ends: Sequence[End], backs: Sequence[int]) -> Statement:
    """New states in the place of old ones; `backs`: micros of each that stay returned."""
    sums: dict[tuple[int, int, int, int], list[int]] = {}
    for end, back in zip(ends, backs, strict=True):
        row = sums.setdefault((end.batch_no, end.country_id, int(end.before), int(end.reason)), [0, 0, 0, 0])
        row[0] += 1
        row[1] += end.submitted_at is None and end.before is Reason.SENDING and end.reason is not Reason.SENDING
        row[2] += end.price_micros - end.refunded_before
        row[3] += end.price_micros - back
    at = max(end.at for end in ends)
    return Statement(
        QUERIES["add_batch_delta"],
        (
            pgbin.int8s([key[0] for key in sums]),
            *(pgbin.int4s([key[place] for key in sums]) for place in (1, 2, 3)),
            *(pgbin.int4s([row[place] for row in sums.values()]) for place in (0, 1)),
            *(pgbin.int8s([row[place] for row in sums.values()]) for place in (2, 3)),
            pgbin.times([at] * len(sums)),
        ),
    )


def count_handed(messages: Sequence[Claimed], at: float) -> Statement:
    """These were handed over to a carrier, or may have been, for the first time; `at`: epoch seconds."""
    sums = Counter((message.batch_no, message.country_id) for message in messages)
    return Statement(
        QUERIES["add_batch_handed"],
        (
            pgbin.int8s([key[0] for key in sums]),
            pgbin.int4s([key[1] for key in sums]),
            pgbin.int4s(list(sums.values())),
            pgbin.times([at] * len(sums)),
        ),
    )
