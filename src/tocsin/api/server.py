"""The application behind the API's front (`front.py`): one small adapter for every endpoint.

No framework: one halves the rate of single sends (docs/decisions/). The way of a request: failed-sign limit,
authentication, lock, IP list, frequency, all by its head; then the body, bounded by the endpoint; then the endpoint.
Whatever goes wrong behind it, the reply is JSON and shows no trace; keys and signs reach no log.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from asyncio import to_thread
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple
from urllib.parse import unquote

from psycopg.errors import QueryCanceled

from tocsin.accounts import BODY_DIGEST, Account, digest_body
from tocsin.api.auth import authenticate, authenticate_console, is_of_console, may_come_from
from tocsin.api.carrier import BODY_MOST as CALL_MOST
from tocsin.api.carrier import METHODS as OF_CARRIERS
from tocsin.api.carrier import PREFIX as CARRIER
from tocsin.api.carrier import answer_carrier, read_place
from tocsin.api.desk import Desk
from tocsin.api.journal import Journal
from tocsin.api.mail import send_mail
from tocsin.api.mms import send_mms
from tocsin.api.pages import METRICS, PAGES, refuse_reader
from tocsin.api.quote import PREFIX as QUOTE
from tocsin.api.quote import SENDS, answer_quote
from tocsin.api.reports import list_countries, pull_replies, query_balance, query_reports
from tocsin.api.schedules import cancel_schedules, list_schedules, list_zones
from tocsin.api.sms import send_sms
from tocsin.api.track import PREFIX, answer_link
from tocsin.api.turns import CrowdedError
from tocsin.api.voice import send_code, send_notice
from tocsin.api.wire import Reply, Request, UnknownKind, error_reply, parse_query, refuse_method, transport_reply
from tocsin.carriers import Called
from tocsin.content import Asked, Status
from tocsin.front import Answer, BodyError, Call
from tocsin.http1 import Incoming
from tocsin.kit import clock, metrics
from tocsin.kit.db import LOST
from tocsin.kit.ids import request_id
from tocsin.kit.visitor import network_of
from tocsin.messaging import Refusal

log = logging.getLogger(__name__)

BODY_MOST, BODY_MOST_WITH_FILES, BODY_MOST_WITHOUT_SEND = 8 * 1024 * 1024, 30 * 1024 * 1024, 64 * 1024
URL_MOST, URL_MOST_WITH_NUMBERS = 8 * 1024, 64 * 1024
BULK_BYTES = 8 * 1024
_AGAIN_S = 2
_NO_SNIFFING = ("x-content-type-options", "nosniff")
_CLIENT_LEFT = 499  # nobody reads it; the request log shows it
_PURPOSES = ("sec-purpose", "purpose", "x-moz")

Answering = Callable[[Desk, Account, Request], Awaitable[Reply]]


class Endpoint(NamedTuple):
    name: str
    methods: frozenset[str]
    answer: Answering
    answered: metrics.Tally
    failed: metrics.Tally
    body_most: int = BODY_MOST_WITHOUT_SEND
    url_most: int = URL_MOST
    looks: bool = False  # it changes nothing: it is given up when the client goes away


_BOTH, _GET, _POST = frozenset({"GET", "POST"}), frozenset({"GET"}), frozenset({"POST"})
_OF_PAGES = frozenset({"GET", "HEAD"})


def _endpoint(name: str, methods: frozenset[str], answer: Answering, **more: Any) -> Endpoint:
    # The counters are looked up once: the look-up costs as much as an authentication.
    answered, failed = (metrics.Tally(metrics.REQUESTS.labels(name, status)) for status in ("ok", "other"))
    return Endpoint(name, methods, answer, answered, failed, **more)


def _reports(family: str) -> Answering:
    async def answer(desk: Desk, account: Account, request: Request) -> Reply:
        return await query_reports(desk, account, request, family)

    return answer


def _reports_of(family: str) -> Endpoint:
    return _endpoint("report", _BOTH, _reports(family), url_most=URL_MOST_WITH_NUMBERS, looks=True)


_SEND_MMS = _endpoint("mssSend", _POST, send_mms, body_most=BODY_MOST_WITH_FILES)

ENDPOINTS = {
    "/api/v1/sms/sendbatchsms": _endpoint(
        "sendbatchsms", _BOTH, send_sms, body_most=BODY_MOST, url_most=URL_MOST_WITH_NUMBERS
    ),
    "/api/v1/sms/mssSend": _SEND_MMS,
    "/api/v1/sms/mmsSend": _SEND_MMS,
    "/api/v1/email/sendEmail": _endpoint("sendEmail", _POST, send_mail, body_most=BODY_MOST_WITH_FILES),
    "/api/v1/vos/notice": _endpoint("notice", _POST, send_notice, body_most=BODY_MOST),
    "/api/v1/vos/otp": _endpoint("otp", _POST, send_code, body_most=BODY_MOST),
    "/api/v1/sms/report": _reports_of("sms"),
    "/api/v1/vos/report": _reports_of("vos"),
    "/api/v1/email/report": _reports_of("email"),
    "/api/v1/sms/balance": _endpoint("balance", _BOTH, query_balance, looks=True),
    "/api/v1/sms/uplink": _endpoint("uplink", _GET, pull_replies, looks=True),
    "/api/v1/countries": _endpoint("countries", _GET, list_countries),
    "/api/v1/timezones": _endpoint("timezones", _GET, list_zones),
    "/api/v1/schedules": _endpoint("schedules", _GET, list_schedules, looks=True),
    "/api/v1/schedules/cancel": _endpoint("cancel", _POST, cancel_schedules),
}

OF_CONSOLE = {
    QUOTE + path: _endpoint("quote", _POST, answer_quote, body_most=ENDPOINTS[path].body_most) for path in SENDS
}
"""What the console alone is answered; for others it is not there."""


class Server:
    """What the front serves."""

    def __init__(self, desk: Desk, journal: Journal) -> None:
        self._desk = desk
        self._journal = journal

    def find_max_body(self, request: Incoming) -> int:
        """By its path; nothing of a body is looked at but where a method has one."""
        if request.method != "POST":
            return BODY_MOST_WITHOUT_SEND
        path = request.path
        if (endpoint := ENDPOINTS.get(path) or OF_CONSOLE.get(path)) is not None:
            return endpoint.body_most
        return CALL_MOST if path.startswith(CARRIER) else BODY_MOST_WITHOUT_SEND

    def explain(self, status: int, reason: str) -> Answer:
        """What is no request that can be served, in the contract's form."""
        return _word(transport_reply(status, reason), request_id())

    async def __call__(self, call: Call) -> Answer:
        name = request_id()
        return _word(await self._reply(call, name), name)

    async def _reply(self, call: Call, name: str) -> Reply:
        incoming = call.request
        path = unquote(incoming.path) if "%" in incoming.path else incoming.path
        endpoint = ENDPOINTS.get(path)
        if endpoint is None and path in OF_CONSOLE and is_of_console(parse_query(incoming.query)):
            endpoint = OF_CONSOLE[path]
        if len(incoming.path) + len(incoming.query) >= (endpoint.url_most if endpoint else URL_MOST):
            return transport_reply(414, "The URL is too long")
        if endpoint is None:
            return await self._page(call, path)
        began_s = clock.monotonic_s()
        request = _open(call, path, name)
        reply = await self._serve(endpoint, call, request)
        if path in OF_CONSOLE:  # what a page asks while somebody types is no request of the customer's
            return reply
        now_s, took_s = clock.now_s(), clock.monotonic_s() - began_s
        if request.account_id:
            self._journal.note(request, reply, now_s, took_s)
        elif named := self._desk.directory.by_name(request.query.get("account", "")):
            self._journal.note_stranger(named.id, request, reply, now_s, took_s)
        return reply

    async def _serve(self, endpoint: Endpoint, call: Call, request: Request) -> Reply:
        if request.method not in endpoint.methods:
            return refuse_method(endpoint.methods)
        try:
            if endpoint.looks:
                reply = await _answer_while_there(call, self._answer(endpoint, call, request))
            else:
                reply = await self._answer(endpoint, call, request)
        except BodyError as error:
            return _refuse_body(error)
        except UnknownKind:
            return transport_reply(415, "Unsupported media type")
        except LOST as error:
            return error_reply(Status.PLATFORM, "en", word_loss(error), retry_after_s=2)
        except Exception:  # the edge of the request: the client gets JSON, the trace goes to the log
            log.exception("request to %s", request.path, extra={"request_id": request.request_id})
            return transport_reply(500, "Internal error")
        (endpoint.answered if reply.http == 200 else endpoint.failed).add()
        return reply

    async def _page(self, call: Call, path: str) -> Reply:
        if path.startswith(PREFIX):
            return await self._follow(call, path)
        if path.startswith(CARRIER):
            return await self._hear(call, path)
        page = PAGES.get(path)
        if page is None:
            return transport_reply(404, "Not found")
        if call.request.method not in _OF_PAGES:
            return refuse_method(_OF_PAGES)
        refusal = None
        if path == METRICS:
            token = self._desk.settings.metrics_token
            refusal = refuse_reader(token, call.address, lambda name: _read_header(call, name) or "")
        return refusal or await page(self._desk)

    async def _follow(self, call: Call, path: str) -> Reply:
        """A link of an email."""
        method = call.request.method
        try:
            if method == "POST":
                await call.body()
            purpose = next(filter(None, (_read_header(call, name) for name in _PURPOSES)), "")
            asked = Asked(method, purpose, call.address)
            return await answer_link(self._desk, path, _read_header(call, "user-agent") or "", asked)
        except BodyError as error:
            return _refuse_body(error)
        except Exception:  # the edge of the request: the trace goes to the log, without the link
            log.exception("a link of an email")
            return transport_reply(500, "Internal error")

    async def _hear(self, call: Call, path: str) -> Reply:
        """A carrier's call."""
        place = read_place(path)
        if place is None:
            return transport_reply(404, "Not found")
        if call.request.method not in OF_CARRIERS:
            return refuse_method(OF_CARRIERS)
        try:
            body = await call.body() if call.request.method == "POST" else b""
            query = parse_query(call.request.query)
            called = Called(place.what, query, lambda name: _read_header(call, name) or "", body)
            return await answer_carrier(self._desk, place, called, call.address)
        except BodyError as error:
            return _refuse_body(error)
        except Exception:  # the edge of the request: the trace goes to the log, without the token
            log.exception("a call of a carrier")
            return transport_reply(500, "Internal error")

    async def _answer(self, endpoint: Endpoint, call: Call, request: Request) -> Reply:
        account = await self._let_in(request, body_has=call.request.has_body)
        if isinstance(account, Reply):
            return account
        if request.method == "POST":
            request.body = await call.body()
        if request.by_console and not await _is_body_signed(request):
            return error_reply(Status.AUTHENTICATION)
        if request.by_console and request.path in ENDPOINTS:
            log.info(
                "the console calls for %s: %s", account.name, request.path, extra={"request_id": request.request_id}
            )
        if self._desk.bulk is not None and len(request.body) + _query_size(request) > BULK_BYTES:
            return await self._desk.bulk(request, account.id)
        return await endpoint.answer(self._desk, account, request)

    async def _let_in(self, request: Request, *, body_has: bool) -> Account | Reply:
        """Failed-sign limits, authentication, lock, IP list, frequency: in this order."""
        desk, now = self._desk, clock.now_s()
        if not desk.is_clock_right():
            return error_reply(Status.PLATFORM, "en", "the clock of this server is wrong, try again", retry_after_s=2)
        if desk.bad_signs.any_spent and any(desk.bad_signs.is_spent(name, now) for name in _tries(request)):
            return _too_frequent("en", desk.bad_signs.wait_s(now))
        if is_of_console(request.query):
            caller = authenticate_console(desk.directory, desk.console_keys, request, now)
            request.by_console = not isinstance(caller, Refusal)
            request.request_id = f"console-{request.request_id}" if request.by_console else request.request_id
        else:
            caller = authenticate(desk.directory, request.query, body_has, now)
        if isinstance(caller, Refusal):
            limits = (desk.settings.bad_signs_per_minute, desk.settings.bad_signs_per_address)
            tries = _tries(request) if caller.status is Status.AUTHENTICATION else ()  # else the sign was right
            for name, limit in zip(tries, limits, strict=False):
                if not await desk.bad_signs.take(name, limit, now):
                    return _too_frequent("en", desk.bad_signs.wait_s(now))
            return error_reply(caller.status, "en", caller.detail)
        found, request.key_id = caller
        request.account_id = found.id
        if found.locked:
            return error_reply(Status.USER_LOCKED, found.language)
        if not request.by_console and not may_come_from(found, request.address):
            return error_reply(Status.IP_RESTRICTED, found.language)
        if found.rate_per_s is not None and not await desk.rates.take(f"rate:{found.id}", found.rate_per_s, now):
            return _too_frequent(found.language, 1)
        return found


async def _is_body_signed(request: Request) -> bool:
    """Whether the body of a console's call is the one whose digest it signed."""
    digest = (
        digest_body(request.body) if len(request.body) <= BULK_BYTES else await to_thread(digest_body, request.body)
    )
    return hmac.compare_digest(digest.encode(), request.body_digest.encode())


def _open(call: Call, path: str, name: str) -> Request:
    """The request without its body."""
    incoming = call.request
    return Request(
        incoming.method, path, parse_query(incoming.query), _read_header(call, "content-type") or "", b"", call.address, name,
        _read_header(call, "idempotency-key"), _read_header(call, BODY_DIGEST) or "",
    )  # fmt: skip


def _word(reply: Reply, name: str) -> Answer:
    headers = [("content-type", reply.content_type), ("x-request-id", name), _NO_SNIFFING]
    if reply.retry_after_s is not None:
        headers.append(("retry-after", str(reply.retry_after_s)))
    if reply.headers:
        headers.extend(reply.headers)
    if reply.allow:
        headers.append(("allow", reply.allow))
    return Answer(reply.http, headers, reply.body)


def _refuse_body(error: BodyError) -> Reply:
    reply = transport_reply(error.status, str(error))
    reply.retry_after_s = _AGAIN_S if error.status == 503 else None
    return reply


async def _answer_while_there(call: Call, answer: Coroutine[Any, Any, Reply]) -> Reply:
    """Given up when the client goes away: its query ends, and its place is free for the next."""
    call.gives_up = True
    try:
        return await answer
    except asyncio.CancelledError:
        if not call.is_gone:
            raise
        return Reply(b"", http=_CLIENT_LEFT)
    finally:
        call.gives_up = False


def word_loss(error: Exception) -> str:
    """What a client is told of a statement that had no answer."""
    if isinstance(error, CrowdedError):
        return "too many requests of this account wait, try again"
    if isinstance(error, QueryCanceled):
        return "the query took too long, ask for less or try again"
    return "storage is not available, try again"


def _read_header(call: Call, name: str) -> str | None:
    """All lines of a header, joined by commas; "" where it is no ASCII; None where it is absent."""
    value = call.request.headers.get(name)
    return value if value is None or value.isascii() else ""


def _tries(request: Request) -> tuple[str, str]:
    # The console calls from this machine: a program of it with an old key must not shut out the people.
    address = ("console " if is_of_console(request.query) else "") + network_of(request.address)
    # `!a`: what no account is named like may be no text either, and these names go to the database.
    return f"bad:{address}:{request.query.get('account', '')[:64]!a}", f"bad:{address}"


def _query_size(request: Request) -> int:
    return len(request.query.get("numbers", ""))


def _too_frequent(language: str, wait_s: int) -> Reply:
    return error_reply(Status.TOO_FREQUENT, language, retry_after_s=wait_s)
