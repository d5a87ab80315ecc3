"""One batch: its live progress, and pause, resume, cancel."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import audit, messaging
from tocsin.console.contents import read_text
from tocsin.console.progress import list_by_country, list_failed, show_batch
from tocsin.console.rights import CONTENTS, SEND
from tocsin.console.tenancy import Conn, Member, member, open_change, open_look
from tocsin.kit import clock
from tocsin.messaging import NEWEST_BATCH, BatchRow, BatchState

_BY_CONSOLE = "console-"  # how the API names requests of the console
_LIVE_S, _QUIET_S, _LONG_S = 2, 5, 20
_CALM_AFTER_S = 120  # receipts that take longer come now and then
_read_seen = re.compile(r"([0-9]{1,9})-([0-9]{13})").fullmatch

Stop = Callable[[Conn, int | None, int], int | None]


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member, batch_no: int) -> HttpResponse:
    """The page. Another account's is not found."""
    with open_look() as conn:
        row = find(conn, who, batch_no)
        reads = CONTENTS in who.can
        whole = messaging.read_content(conn, who.account_id, batch_no)
    content = read_text(whole, (row.batch.priority, row.batch.product), who.can)
    facts = _describe(request, who, row) | {"content": content, "reads": reads, "size": len(whole)}
    return render(request, "console/batch.html", facts)


@require_safe
@never_cache
@member()
def show_now(request: HttpRequest, who: Member, batch_no: int) -> HttpResponse:
    """What moves of the page, as it is now."""
    with open_look() as conn:
        row = find(conn, who, batch_no)
    return render(request, "console/_batch.html", _describe(request, who, row))


def find(conn: Conn, who: Member, batch_no: int) -> BatchRow:
    """The batch of this account. Raises Http404."""
    row = messaging.find_batch(conn, who.account_id, batch_no) if 0 < batch_no < NEWEST_BATCH else None
    if row is None:
        raise Http404
    return row


def _describe(request: HttpRequest, who: Member, row: BatchRow) -> dict[str, Any]:
    now_s = clock.now_s()
    rate, now = _measure(request.GET.get("seen", ""), row, now_s)
    waits = row.progress.waiting
    stoppable = SEND in who.can and waits > 0 and row.state is not BatchState.CANCELLED
    return {
        "batch": show_batch(row, who.can),
        "countries": list_by_country(row.progress),
        "failed": list_failed(row.progress),
        "rate": f"{rate:.1f}" if 0 < rate < 10 else f"{rate:.0f}",
        "now": now,
        "left_s": round(waits / rate) if rate and now and row.state is BatchState.UNDER_WAY else 0,
        "seen": f"{row.progress.submitted}-{int(now_s * 1000)}",
        "again_s": _pick_pause(row, now_s),
        "by_console": row.batch.request_id.startswith(_BY_CONSOLE),
        "may_pause": stoppable and row.state is not BatchState.PAUSED,
        "may_resume": SEND in who.can and row.state is BatchState.PAUSED,
        "may_cancel": stoppable,
    }


def _measure(seen: str, row: BatchRow, now_s: float) -> tuple[float, bool]:
    """Messages handed over a second: since the page was last shown (then True), else on average."""
    found = _read_seen(seen)
    took_s = now_s - int(found[2]) / 1000 if found else 0.0
    if found and took_s > 0.5 and row.progress.submitted > int(found[1]):
        return (row.progress.submitted - int(found[1])) / took_s, True
    if found and row.progress.waiting:
        return 0.0, True
    begun = max(row.batch.accepted_at, row.batch.due_at or 0.0)
    last = max((each.at for each in row.progress.sums if each.is_handed), default=0.0)
    return (row.progress.submitted / max(last - begun, 1.0) if row.progress.submitted else 0.0), False


def _pick_pause(row: BatchRow, now_s: float) -> int:
    """Seconds until the page looks again; 0: nothing more will come."""
    if not row.progress.under_way:
        return 0
    if row.state is BatchState.SCHEDULED:
        return _LONG_S
    if row.state is BatchState.PAUSED:
        return _QUIET_S
    calm = not row.progress.waiting and now_s - row.progress.last_at > _CALM_AFTER_S
    return _LONG_S if calm else _LIVE_S


@require_POST
@member(SEND)
def pause(request: HttpRequest, who: Member, batch_no: int) -> HttpResponse:
    """Keep what has not left from leaving."""
    count = _change(who, batch_no, "batch pause", messaging.pause_batch)
    if count is None:
        messages.error(request, _("The batch is stopped already."))
    else:
        messages.success(request, _("The batch is paused. What carriers have already goes on."))
    return redirect("batch", batch_no)


@require_POST
@member(SEND)
def resume(request: HttpRequest, who: Member, batch_no: int) -> HttpResponse:
    """Let it go on."""
    if _change(who, batch_no, "batch resume", messaging.resume_batch) is None:
        messages.error(request, _("The batch is not paused."))
    else:
        messages.success(request, _("The batch goes on."))
    return redirect("batch", batch_no)


@require_POST
@member(SEND)
def cancel(request: HttpRequest, who: Member, batch_no: int) -> HttpResponse:
    """End what has not left."""
    count = _change(who, batch_no, "batch cancel", messaging.cancel_batch)
    if count is None:
        messages.error(request, _("The batch is cancelled already."))
    else:
        words = ngettext(
            "%(count)s message is cancelled and refunded.", "%(count)s messages are cancelled and refunded.", count
        )
        messages.success(request, words % {"count": count})
    return redirect("batch", batch_no)


def _change(who: Member, batch_no: int, verb: str, use: Stop) -> int | None:
    """How many messages; None: it cannot be done (any more). Raises Http404."""
    with open_change() as conn:
        find(conn, who, batch_no)
        count = use(conn, who.account_id, batch_no)
        if count is not None:
            audit.record(conn, f"user {who.user.id}", verb, f"batch {batch_no}", None, {"messages": count})
    return count
