"""Batches as people read them: their state in a word, a bar of what became of them, sums by country and by reason."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from tocsin import billing
from tocsin.console.contents import read_text
from tocsin.console.lazy import StrPromise
from tocsin.console.names import PRODUCTS, name_country
from tocsin.console.shown import REASONS
from tocsin.kit.clock import UTC
from tocsin.messaging import BatchRow, BatchState, Progress
from tocsin.traffic import Product, Reason

BATCH_STATES: dict[BatchState, StrPromise] = {
    BatchState.UNDER_WAY: _("Under way"),
    BatchState.SCHEDULED: _("Scheduled"),
    BatchState.PAUSED: _("Paused"),
    BatchState.CANCELLED: _("Cancelled"),
    BatchState.DONE: _("Done"),
}
_COLOURS = {
    BatchState.UNDER_WAY: "azure", BatchState.SCHEDULED: "purple", BatchState.PAUSED: "yellow",
    BatchState.CANCELLED: "secondary", BatchState.DONE: "green",
}  # fmt: skip
_CUT = 80


class Bar(NamedTuple):
    """Widths in percent of all that was accepted, one behind the other: where each begins, and how wide it is."""

    delivered: str
    failed_at: str
    failed: str
    open_at: str
    open: str


class Shown(NamedTuple):
    """A batch in words."""

    batch_no: int
    accepted: datetime
    due: datetime | None
    product: StrPromise
    is_mail: bool
    sender: str
    title: str
    content: str
    parts: int
    good: int
    bad: int
    state: StrPromise
    word: str
    colour: str
    percent: str
    bar: Bar
    progress: Progress
    charged: str
    cost: str
    back: str  # "" where nothing was given back


def show_batch(row: BatchRow, can: frozenset[str]) -> Shown:
    """One of them, for one who `can`."""
    batch, progress = row.batch, row.progress
    kind = (batch.priority, batch.product)
    text = " ".join(read_text(batch.content, kind, can).split())
    back = batch.amount_micros - progress.fee_micros
    return Shown(
        batch.batch_no,
        datetime.fromtimestamp(batch.accepted_at, UTC),
        None if batch.due_at is None else datetime.fromtimestamp(batch.due_at, UTC),
        PRODUCTS[Product(batch.product)],
        batch.product == Product.EMAIL,
        batch.sender,
        read_text(batch.title, kind, can),
        text[:_CUT] + ("…" if len(text) > _CUT else ""),
        batch.parts,
        batch.good,
        batch.bad,
        BATCH_STATES[row.state],
        str(row.state),
        _COLOURS[row.state],
        tell_percent(progress.ended, batch.good),
        _draw(progress, batch.good),
        progress,
        billing.text_of(batch.amount_micros),
        billing.text_of(progress.fee_micros),
        billing.text_of(back) if back > 0 else "",
    )


def tell_percent(part: int, whole: int) -> str:
    """Not 100 before it is all, and not 0 where there is some; "–" of nothing."""
    if not whole:
        return "–"
    if part in {0, whole}:
        return "100 %" if part else "0 %"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"


def _draw(progress: Progress, good: int) -> Bar:
    scale = 100 / good if good else 0.0
    delivered, failed, under_way = (
        count * scale for count in (progress.delivered, progress.failed, progress.under_way)
    )
    return Bar(*(f"{x:.2f}" for x in (delivered, delivered, failed, delivered + failed, under_way)))


class Line(NamedTuple):
    """What a country, or all, got."""

    name: str
    messages: int
    delivered: int
    rate: str
    failed: int
    under_way: int
    cost: str


def list_by_country(progress: Progress) -> list[Line]:
    """Largest first; those that were refused at once count as failed."""
    lines = []
    for country_id in {each.country_id for each in progress.sums}:
        mine = [each for each in progress.sums if each.country_id == country_id and each.reason is not None]
        total = sum(each.messages for each in mine)
        delivered = sum(each.messages for each in mine if each.reason == Reason.SUCCESS)
        under_way = sum(each.messages for each in mine if each.reason == Reason.SENDING)
        failed = total - delivered - under_way
        cost = billing.text_of(sum(each.fee_micros for each in mine))
        rate = tell_percent(delivered, delivered + failed)
        lines.append(Line(name_country(country_id), total, delivered, rate, failed, under_way, cost))
    return sorted(lines, key=lambda line: (-line.messages, line.name))


class Failed(NamedTuple):
    """How many failed for a reason, of all that failed."""

    reason: StrPromise | str
    messages: int
    percent: str


def list_failed(progress: Progress) -> list[Failed]:
    """Largest first, those that were refused at once included."""
    counts: dict[StrPromise | str, int] = {}
    for each in progress.sums:
        if each.reason not in {None, Reason.SUCCESS, Reason.SENDING}:
            words = REASONS.get(each.reason, "") if each.reason else ""
            counts[words] = counts.get(words, 0) + each.messages
    total = sum(counts.values())
    return [Failed(words, n, tell_percent(n, total)) for words, n in _largest_first(counts.items())]


def _largest_first(counts: Iterable[tuple[StrPromise | str, int]]) -> list[tuple[StrPromise | str, int]]:
    return sorted(counts, key=lambda each: -each[1])
