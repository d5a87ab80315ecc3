"""One POST of 10,000 and one of 50,000 numbers against the bare COPY of the same rows, in turns; the channel is paused.

The larger one once more in front of a blacklist of a million rows, which every number is looked up in.
"""

from __future__ import annotations

from bench import side
from bench.figure import ONE_EACH, Figure, Own, Say, median
from bench.product import Product, run_product, wait_until
from bench.table import copy_rows, make_bare_table, make_rows
from bench.wire import make_numbers

_SIZES = (10_000, 50_000)
_ROUNDS = 5
_MUST = 2.5
_LISTED = 1_000_000
_BLACKLISTED = 5
_KNOWN_S = 30.0


def measure(say: Say) -> list[Figure]:
    """A figure for each size."""
    with run_product() as product:
        make_bare_table(product.dsn)
        product.tocsin("channel", "pause", "sandbox")
        product.post([1000])  # the helper process is warm
        figures = [_measure_size(product, size, say) for size in _SIZES]
        _fill_blacklist(product)
        return [*figures, _measure_size(product, _SIZES[-1], say, " with a million blacklist rows")]


def _fill_blacklist(product: Product) -> None:
    """A million numbers that nobody sends to, and one by which we see that the API knows them."""
    (listed,) = make_numbers(product.take_numbers(1), 1)
    with product.connect() as conn:
        conn.execute(
            b"INSERT INTO blacklist (value) SELECT '62899' || n FROM generate_series(10000001, %s) AS n",
            (10_000_000 + _LISTED,),
        )
        conn.execute(b"INSERT INTO blacklist (value) VALUES (%s)", (f"62{listed}",))
        conn.execute(b"ANALYZE blacklist")
    wait_until(lambda: product.send_one(listed) == _BLACKLISTED, _KNOWN_S, "the API does not know the blacklist")


def _measure_size(product: Product, size: int, say: Say, beside: str = "") -> Figure:
    posts, copies = [], []
    meter = product.meter()
    with product.connect() as conn:
        for _ in range(_ROUNDS):
            product.settle()
            posts.append(product.post([size]).took_s[0])
            if side.is_alone():
                continue
            rows = make_rows(make_numbers(0, size))
            product.settle()
            copies.append(copy_rows(conn, rows))
    name = f"large/{size}{'/listed' if beside else ''}"
    shown: dict[str, object] = {"POST ms": [round(each * 1000) for each in posts]}
    own = Own(median(posts) * 1000, "ms", more_is_better=False)
    if side.is_alone():
        say(f"{name}: {own.value:.0f} ms")
        what = f"one POST of {size:,} numbers{beside}"
        return Figure(name, what, "for comparison", f"{own.value:.0f} ms", True, f"{ONE_EACH}; 1 client", shown, own)
    ratio = median(posts) / median(copies)
    say(f"large, {size}{beside}: POST {median(posts) * 1000:.0f} ms, COPY {median(copies) * 1000:.0f} ms")
    return Figure(
        name, f"one POST of {size:,} numbers{beside} against the bare COPY of the same rows", f"<= {_MUST}",
        f"{ratio:.2f}", ratio <= _MUST, f"{ONE_EACH}; 1 client",
        {**shown, "COPY ms": [round(each * 1000) for each in copies],
         "bare COPY rows/s": round(size / median(copies)), "CPU us/message": _per_post(meter.per_message_us(size * _ROUNDS))}, own,
    )  # fmt: skip


def _per_post(cpu: dict[str, float]) -> dict[str, float]:
    """PostgreSQL's share holds the bare COPYs too."""
    return {("postgres, with the bare COPYs" if kind == "postgres" else kind): each for kind, each in cpu.items()}
