"""Bulk send: a file of numbers is uploaded, its columns are named, it is checked, confirmed and sent, all in the background."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin import audit, billing, files
from tocsin.console.bounds import MOST_BYTES, was_too_large
from tocsin.console.installation import installation
from tocsin.console.mapping import ACTIONS, TROUBLES, guess, read_chosen, say_fault
from tocsin.console.names import list_countries
from tocsin.console.rights import SEND
from tocsin.console.space import describe_space, has_room, tell_full
from tocsin.console.tenancy import Conn, Member, member, open_change, open_look
from tocsin.content import ColumnText, name_columns, safe_cell
from tocsin.files import Job, Kind, New, State, Step, Trouble, rows

PREVIEW: Final = rows.SHOWN
_PAGE: Final = 30
_MOST_OPEN: Final = 20
_BATCHES: Final = 100
_CHUNK: Final = 512 * 1024
_STEP: Final = 1000  # rows that are read at a time
_STEPS: Final = {Step.READ: 1, Step.MAP: 2, Step.CHECK: 3, Step.CONFIRM: 3, Step.SEND: 4}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(SEND)
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The account's uploads, newest first; a POST brings a file."""
    if request.method == "POST":
        return _take(request, who)
    before = request.GET.get("before", "")
    key = int(before) if before.isdecimal() and len(before) < 19 else files.NEWEST
    with open_look() as conn:
        jobs = files.list_jobs(conn, who.account_id, [Kind.UPLOAD], key, _PAGE + 1)
        space = describe_space(conn, who.account_id)
    more = str(jobs[_PAGE - 1].id) if len(jobs) > _PAGE else ""
    facts = {
        **space,
        "lines": [(job, _STEPS[job.step], TROUBLES.get(job.trouble, "")) for job in jobs[:_PAGE]],
        "more": more,
        "deep": key != files.NEWEST,
        "most_mb": MOST_BYTES >> 20,
        "days": installation().settings.files_days,
    }
    return render(request, "console/uploads.html", facts)


def _take(request: HttpRequest, who: Member) -> HttpResponse:
    file = request.FILES.get("file")
    if was_too_large(request):
        messages.error(request, _("The file is larger than %(most)s MB. Divide it.") % {"most": MOST_BYTES >> 20})
        return redirect("uploads")
    if file is None or not file.size:
        messages.error(request, _("Choose a file that is not empty."))
        return redirect("uploads")
    name = (file.name or "upload")[-120:]
    with open_change() as conn:
        recent = files.list_jobs(conn, who.account_id, [Kind.UPLOAD], limit=_MOST_OPEN * 3)
        new = New(
            who.account_id, who.user.id, Kind.UPLOAD, name, {"account": who.account}, Step.READ, size_bytes=file.size
        )
        is_full = sum(job.live or job.state is State.OPEN for job in recent) >= _MOST_OPEN
        fits = has_room(conn, who.account_id, file.size)
        job_id = files.start(conn, new) if fits and not is_full else None
        if job_id is not None:
            files.put_bytes(conn, job_id, file.chunks(_CHUNK))
            audit.record(
                conn, f"user {who.user.id}", "upload", f"account {who.account}", None, {"job": job_id, "name": name}
            )
    if not fits:
        messages.error(request, tell_full())
        return redirect("uploads")
    if job_id is None:
        messages.error(request, _("Too many uploads are open: send or discard one of them first."))
        return redirect("uploads")
    return redirect("upload", job_id)


def _find(conn: Conn, who: Member, job_id: int) -> Job:
    job = files.find(conn, who.account_id, job_id)
    if job is None or job.kind is not Kind.UPLOAD:
        raise Http404
    return job


@require_safe
@never_cache
@member(SEND)
def show_one(request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """An upload at the step where it is."""
    with open_look() as conn:
        job = _find(conn, who, job_id)
        facts = _describe(conn, who, job)
        if job.step is Step.MAP:
            facts |= _describe_form(conn, job, guess(job), {})
    return render(request, "console/upload.html", facts)


@require_safe
@never_cache
@member(SEND)
def progress(request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """How far the clerk is; where he is done the whole page is asked for again."""
    with open_look() as conn:
        job = _find(conn, who, job_id)
        facts = _describe(conn, who, job)
    answer = render(request, "console/_upload_progress.html", facts)
    if not job.live:
        answer["HX-Refresh"] = "true"
    return answer


def _describe(conn: Conn, who: Member, job: Job) -> dict[str, Any]:
    facts: dict[str, Any] = {"job": job, "at": _STEPS[job.step], "trouble": ""}
    if job.state is State.FAILED:
        facts["trouble"] = TROUBLES.get(job.trouble, TROUBLES[Trouble.BROKEN])
    facts["refusal"] = job.found.get("refusal")
    if job.step in {Step.CONFIRM, Step.SEND}:
        facts |= _describe_sums(conn, who, job)
    if job.step is Step.SEND:
        facts |= {"sums": rows.sum_pieces(conn, job.id), "batches": rows.list_sent(conn, job.id, 0, _BATCHES)}
    return facts


def _describe_sums(conn: Conn, who: Member, job: Job) -> dict[str, Any]:
    """What the check found, and what it means for the wallet."""
    found, names = job.found, dict(list_countries())
    wallet = billing.read_wallet(conn, who.account_id)
    have = wallet.balance_micros + wallet.gift_micros
    return {
        "countries": [
            (names.get(code, str(code)), count, parts, billing.text_of(micros))
            for code, count, parts, micros in found["countries"]
        ],
        "faults": [(say_fault(word), count) for word, count in found["faults"].items()],
        "bad_rows": [(line, cells, say_fault(word)) for line, cells, word in rows.read_bad(conn, job.id, 10)],
        "total": billing.text_of(found["micros"]),
        "have": billing.text_of(have),
        "left": billing.text_of(have - found["micros"]),
        "is_poor": found["micros"] > have + wallet.credit_micros,
        "example": _fill_first(conn, job),
        "action": ACTIONS.get(job.asked["action"], ""),
    }


def _fill_first(conn: Conn, job: Job) -> str:
    """The text of the first row that has one."""
    lines = rows.read_rows(conn, job.id, 0, PREVIEW)
    head = lines.pop(0)[1] if job.asked["headed"] else []
    text = ColumnText(job.asked["content"], name_columns(head, int(job.found["width"])))
    filled = (text.fill(cells) for _line, cells in lines)
    return next((each.content for each in filled if each.content), job.asked["content"])


def _describe_form(conn: Conn, job: Job, typed: dict[str, str], troubles: dict[str, str]) -> dict[str, Any]:
    lines = rows.read_rows(conn, job.id, 0, PREVIEW)
    width = int(job.found["width"])
    head = lines[0][1] if lines else []
    titles = [f"{_letters(at)} · {head[at]}" if at < len(head) and head[at] else _letters(at) for at in range(width)]
    return {
        "typed": typed,
        "troubles": troubles,
        "columns": [(str(at), title[:60]) for at, title in enumerate(titles)],
        "letters": [_letters(at) for at in range(width)],
        "names": [head[at] if typed["headed"] and at < len(head) and head[at] else _letters(at) for at in range(width)][
            :12
        ],
        "lines": [(line, [*cells, *[""] * (width - len(cells))]) for line, cells in lines],
        "all_countries": [(str(code), name) for code, name in list_countries()],
        "actions": list(ACTIONS.items()),
    }


def _letters(at: int) -> str:
    return chr(65 + at) if at < 26 else _letters(at // 26 - 1) + chr(65 + at % 26)


@require_POST
@never_cache
@member(SEND)
def choose(request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """What the columns are and what is sent; then a clerk checks it."""
    with open_look() as conn:
        job = _find(conn, who, job_id)
        if job.step is not Step.MAP or job.state is not State.OPEN:
            return redirect("upload", job.id)
        head = next((cells for _line, cells in rows.read_rows(conn, job.id, 0, 1)), [])
        chosen = read_chosen(job, head, request.POST)
        if chosen.troubles:
            facts = {**_describe(conn, who, job), **_describe_form(conn, job, chosen.typed, chosen.troubles)}
            return render(request, "console/upload.html", facts | {"refusal": None})
    with open_change() as conn:
        files.move_on(conn, job, Step.CHECK, chosen.asked)
    return redirect("upload", job.id)


@require_POST
@member(SEND)
def send(_request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """Confirmed: a clerk sends it. A second click finds it under way."""
    with open_change() as conn:
        job = _find(conn, who, job_id)
        is_ready = job.step is Step.CONFIRM and job.state is State.OPEN and job.found["good"]
        if is_ready and files.move_on(conn, job, Step.SEND, {}):
            facts = {"job": job.id, "messages": job.found["good"], "cost": billing.text_of(job.found["micros"])}
            audit.record(conn, f"user {who.user.id}", "upload send", f"account {who.account}", None, facts)
    return redirect("upload", job.id)


@require_POST
@member(SEND)
def go_on(_request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """Once more from where it stopped."""
    with open_change() as conn:
        job = _find(conn, who, job_id)
        if job.state is State.FAILED and job.step in {Step.CHECK, Step.SEND}:
            files.move_on(conn, job, job.step, {})
            facts = {"job": job.id, "step": str(job.step)}
            audit.record(conn, f"user {who.user.id}", "upload go on", f"account {who.account}", None, facts)
    return redirect("upload", job.id)


@require_POST
@member(SEND)
def go_back(_request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """To the columns and the text again, while nothing is sent."""
    with open_change() as conn:
        job = _find(conn, who, job_id)
        if (job.step is Step.CONFIRM and job.state is State.OPEN) or (
            job.step is Step.CHECK and job.state is State.FAILED
        ):
            files.reopen(conn, job, Step.MAP)
    return redirect("upload", job.id)


@require_POST
@member(SEND)
def discard(request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """Stop it where it is under way; take it away where it is not. What was sent stays sent."""
    with open_change() as conn:
        job = _find(conn, who, job_id)
        stopped = job.live and files.cancel(conn, who.account_id, job.id)
        gone = not job.live and files.remove(conn, who.account_id, job.id)
        if stopped or gone:
            facts = {"job": job.id, "step": str(job.step)}
            audit.record(
                conn,
                f"user {who.user.id}",
                "upload stop" if stopped else "upload remove",
                f"account {who.account}",
                facts,
                None,
            )
    if not gone:
        return redirect("upload", job.id)
    messages.success(request, _("The upload is removed."))
    return redirect("uploads")


@require_safe
@never_cache
@member(SEND)
def take_bad(_request: HttpRequest, who: Member, job_id: int) -> Any:
    """The rows that are not sent, each with its row number and the reason, as CSV."""
    with open_look() as conn:
        job = _find(conn, who, job_id)
    answer = StreamingHttpResponse(_write_bad(job.id), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="tocsin-upload-{job.id}-not-sent.csv"'
    return answer


def _write_bad(job_id: int) -> Iterator[str]:
    text = io.StringIO(newline="")
    table = csv.writer(text)
    text.write("\ufeff")
    table.writerow([_("Row"), _("Reason")])
    after = 0
    while found := _read_bad(job_id, after):
        for line, cells, word in found:
            table.writerow([line, safe_cell(say_fault(word)), *map(safe_cell, cells)])
        after = found[-1][0]
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _read_bad(job_id: int, after: int) -> list[tuple[int, list[str], str]]:
    """The next ones. Each step may run in another thread (console/gateway.py), so none keeps the connection."""
    with open_look() as conn:
        return list(rows.read_bad(conn, job_id, _STEP, after))
