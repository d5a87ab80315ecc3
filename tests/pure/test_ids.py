"""UUIDv7 of one process: in order, never twice, whatever the clock does."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from tocsin.kit.ids import Ids, uuid7_ms

NOW_MS = 1_795_000_000_000
_takes = st.lists(st.tuples(st.integers(1, 300), st.integers(-100_000, 100_000)), min_size=1, max_size=30)


def test_the_layout_is_that_of_rfc_9562() -> None:
    for value in Ids().take(1000, NOW_MS):
        read = uuid.UUID(bytes=value)
        assert (read.version, read.variant) == (7, uuid.RFC_4122)
        assert uuid7_ms(value) == int(value.hex()[:12], 16) == NOW_MS


@given(_takes)
def test_ids_are_in_order_also_when_the_clock_is_set_back(takes: list[tuple[int, int]]) -> None:
    ids = Ids()
    made = [value for count, step in takes for value in ids.take(count, NOW_MS + step)]
    assert made == sorted(set(made))
    assert len(made) == sum(count for count, _ in takes)


def test_many_in_one_millisecond_stay_in_order() -> None:
    ids = Ids()
    made = [value for _ in range(40) for value in ids.take(5000, NOW_MS)]
    assert made == sorted(set(made))


def test_a_full_millisecond_goes_on_in_the_next() -> None:
    ids = Ids()
    first = ids.take(1, NOW_MS)[0]
    ids._low = (1 << 74) - 3  # as after 2**73 ids in this millisecond
    made = ids.take(10, NOW_MS)
    assert made == sorted({first, *made} - {first})
    assert first < made[0]
    assert {uuid7_ms(value) for value in made} == {NOW_MS + 1}


def test_processes_with_the_same_millisecond_never_meet() -> None:
    """A restart with the clock set back, and many processes: what keeps them apart is chance, of 73 bits."""
    makers = [Ids() for _ in range(50)]
    made = [value for maker in makers for value in maker.take(1000, NOW_MS)]
    assert len(set(made)) == len(made)
    again = Ids().take(1000, NOW_MS - 5000) + Ids().take(1000, NOW_MS)
    assert not set(again) & set(made)
