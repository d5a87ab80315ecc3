"""Files: exports that are written in the background, to take and to remove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import audit, files
from tocsin.console.exports import (
    FORMATS,
    KINDS,
    MOST_ROWS,
    RIGHTS,
    TROUBLES,
    FilterError,
    describe_filter,
    kinds_of,
    read_asked,
)
from tocsin.console.installation import installation
from tocsin.console.lazy import StrPromise
from tocsin.console.space import describe_space, has_room, tell_full
from tocsin.console.tenancy import Member, member, open_change, open_look
from tocsin.files import EXPORTS, Job, Kind, New, State, Trouble

PAGE = 30
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Line(NamedTuple):
    """A job of the list, in words."""

    job: Job
    kind: StrPromise
    filter: str
    trouble: StrPromise | str
    cut: bool


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The account's exports that the member may take, newest first, and a form for the next."""
    kinds = kinds_of(who.can)
    with open_look() as conn:
        space = describe_space(conn, who.account_id)
    facts = {
        **space,
        **_list(request, who),
        "kinds": [(kind, KINDS[kind]) for kind in kinds],
        "formats": list(FORMATS.items()),
        "most": f"{MOST_ROWS:,}",
        "days": installation().settings.files_days,
    }
    return render(request, "console/files.html", facts)


@require_safe
@never_cache
@member()
def show_list(request: HttpRequest, who: Member) -> HttpResponse:
    """The list alone: the page asks for it again while something is under way."""
    return render(request, "console/_files.html", _list(request, who))


def _list(request: HttpRequest, who: Member) -> dict[str, Any]:
    before = request.GET.get("before", "")
    key = int(before) if before.isdecimal() and len(before) < 19 else files.NEWEST
    with open_look() as conn:
        jobs = files.list_jobs(conn, who.account_id, kinds_of(who.can), key, PAGE + 1)
    more, jobs = len(jobs) > PAGE, jobs[:PAGE]
    return {
        "lines": [_describe(job) for job in jobs],
        "live": any(job.live for job in jobs),
        "more": str(jobs[-1].id) if more else "",
        "before": before if key != files.NEWEST else "",
    }


def _describe(job: Job) -> Line:
    trouble = TROUBLES.get(job.trouble, TROUBLES[Trouble.BROKEN]) if job.state is State.FAILED else ""
    return Line(job, KINDS[job.kind], describe_filter(job), trouble, bool(job.found.get("cut")))


@require_POST
@member()
def start(request: HttpRequest, who: Member, kind: str) -> HttpResponse:
    """Begin an export; what is asked for comes as a form. A filter that cannot be is said, and nothing begins."""
    if kind == "any":  # the form of the page itself, which chooses
        kind = request.POST.get("what", "")
    if kind not in EXPORTS:
        raise Http404
    wanted = Kind(kind)
    if RIGHTS[wanted] not in who.can:
        raise PermissionDenied
    try:
        asked = read_asked(wanted, request.POST.dict())  # the last of each name
    except FilterError as error:
        messages.error(request, str(error))
        return redirect("files")
    name = f"tocsin-{wanted}-{date_format(timezone.localtime(), 'Ymd-His')}.{asked['format']}"
    with open_change() as conn:
        is_full = not has_room(conn, who.account_id, 1)
        job_id = None if is_full else files.start(conn, New(who.account_id, who.user.id, wanted, name, asked))
        if job_id is not None:
            facts = {"job": job_id, "kind": str(wanted), "filter": asked["filter"]}
            audit.record(conn, f"user {who.user.id}", "export start", f"account {who.account}", None, facts)
    if is_full:
        messages.error(request, tell_full())
    elif job_id is None:
        text = _("%(most)s files are being made already: wait for one of them.")
        messages.error(request, text % {"most": files.MOST_LIVE})
    else:
        messages.success(request, _("The export has begun. You may leave this page: the file waits here."))
    return redirect("files")


def _find(who: Member, job_id: int) -> Job:
    """The export, of this account and of a kind that the member may take; else it is not found."""
    with open_look() as conn:
        job = files.find(conn, who.account_id, job_id)
    if job is None or job.kind not in kinds_of(who.can):
        raise Http404
    return job


@require_safe
@never_cache
@member()
def download(_request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """The bytes, as they are read from the database."""
    job = _find(who, job_id)
    if not job.ready:
        raise Http404
    with open_change() as conn:
        facts = {"job": job.id, "kind": str(job.kind)}
        audit.record(conn, f"user {who.user.id}", "export take", f"account {who.account}", None, facts)
    answer = StreamingHttpResponse(_read(job.id), content_type=_TYPES[job.asked["format"]])
    answer["Content-Length"] = str(job.size_bytes)
    answer["Content-Disposition"] = f'attachment; filename="{job.name}"'
    return cast(HttpResponse, answer)


def _read(job_id: int) -> Iterator[bytes]:
    """Each chunk may be read in another thread (console/gateway.py), so none keeps the connection."""
    turn = -1
    while (found := _read_chunk(job_id, turn + 1)) is not None:
        turn = found[0]
        yield found[1]


def _read_chunk(job_id: int, turn: int) -> tuple[int, bytes] | None:
    with open_look() as conn:
        return files.read_chunk(conn, job_id, turn)


@require_POST
@member()
def cancel(_request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """End one that is under way."""
    job = _find(who, job_id)
    with open_change() as conn:
        if files.cancel(conn, who.account_id, job.id):
            facts = {"job": job.id}
            audit.record(conn, f"user {who.user.id}", "export cancel", f"account {who.account}", facts, None)
    return redirect("files")


@require_POST
@member()
def remove(request: HttpRequest, who: Member, job_id: int) -> HttpResponse:
    """Take one away, with its file."""
    job = _find(who, job_id)
    with open_change() as conn:
        gone = files.remove(conn, who.account_id, job.id)
        if gone:
            facts = {"job": job.id, "name": job.name}
            audit.record(conn, f"user {who.user.id}", "export remove", f"account {who.account}", facts, None)
    if gone:
        messages.success(request, _("The file is removed."))
    return redirect("files")
