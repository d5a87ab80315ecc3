"""Request log: what the account's programs asked of the public API, newest first, and why it was refused."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import audit
from tocsin.console.installation import installation
from tocsin.console.pages.attempts import read_key
from tocsin.console.rights import KEYS
from tocsin.console.tenancy import Member, member, open_look
from tocsin.content import Status, phrase
from tocsin.kit import clock

PAGE = 50
PATHS = (
    "/api/v1/sms/sendbatchsms",
    "/api/v1/sms/mssSend",
    "/api/v1/sms/mmsSend",
    "/api/v1/email/sendEmail",
    "/api/v1/vos/notice",
    "/api/v1/vos/otp",
    "/api/v1/sms/report",
    "/api/v1/vos/report",
    "/api/v1/email/report",
    "/api/v1/sms/balance",
    "/api/v1/sms/uplink",
    "/api/v1/countries",
    "/api/v1/timezones",
    "/api/v1/schedules",
    "/api/v1/schedules/cancel",
)
_CODE_MOST = 9
_FULL_DAYS = 3


@require_safe
@never_cache
@member(KEYS)
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """A page of the log."""
    path, code, before = (request.GET.get(name, "").strip() for name in ("path", "code", "before"))
    path, refused, status = path if path in PATHS else "", request.GET.get("errors") == "1", _read_code(code)
    key = read_key(before) or audit.NEWEST_REQUEST
    asked = audit.AskedRequests(key, refused, path or None, status, PAGE + 1)
    with open_look() as conn:
        rows = audit.read_requests(conn, who.account_id, asked)
        full = audit.read_full_days(conn, who.account_id, _FULL_DAYS)
    filters = {"path": path, "code": "" if status is None else status, "errors": "1" if refused else ""}
    more = ""
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        more = "?" + urlencode({**filters, "before": rows[-1].id})
    settings = installation().settings
    since = clock.now().date() - timedelta(days=settings.request_log_days)
    facts = {
        "full": [day for day in full if day.day >= since], "most": settings.request_log_rows_per_day,
        "strangers_most": audit.strangers_share(settings.request_log_rows_per_day),
        "rows": [(row, _say(row)) for row in rows], "more": more, "deep": key != audit.NEWEST_REQUEST, "paths": PATHS,
        "again": urlencode(filters),
        "filtered": bool(path or refused or status is not None), "days": settings.request_log_days, **filters,
    }  # fmt: skip
    return render(request, "console/requests.html", facts)


@require_safe
@never_cache
@member(KEYS)
def show_one(request: HttpRequest, who: Member, request_id: int) -> HttpResponse:
    """One request. Another account's is not found."""
    with open_look() as conn:
        found = audit.find_request(conn, who.account_id, request_id)
    if found is None:
        raise Http404
    facts = {
        "row": found, "meaning": _tell(found.status), "bad_signs": installation().settings.bad_signs_per_minute,
    }  # fmt: skip
    return render(request, "console/request.html", facts)


def _read_code(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= _CODE_MOST else None


def _say(row: audit.RequestView) -> str:
    """Why it was refused, in the visitor's language: in the reply's own words where they are in it, which say more."""
    if not row.message or (max(row.message) > "\u2e7f") is (get_language() or "").startswith("zh"):
        return row.message
    return _tell(row.status)


def _tell(status: int) -> str:
    """What a status of the API page means, in the visitor's language; "" for one of HTTP."""
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    try:
        return phrase(Status(status), language)
    except ValueError:
        return ""
