"""The API's front: raw RSGI, one small adapter for every endpoint.

Raw RSGI because a framework halves the rate of single sends (docs/decisions/). The way of a request: bounded reading,
failed-sign limit, authentication, lock, IP list, frequency, endpoint. Whatever goes wrong behind it, the reply is JSON
and shows no trace; keys and signs reach no log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from granian._granian import RSGIProtocolClosed, RSGIProtocolError
from psycopg.errors import QueryCanceled

from tocsin.accounts import Account
from tocsin.api.auth import authenticate, authenticate_console, is_of_console, may_come_from
from tocsin.api.carrier import BODY_MOST as CALL_MOST
from tocsin.api.carrier import METHODS as OF_CARRIERS
from tocsin.api.carrier import PREFIX as CARRIER
from tocsin.api.carrier import answer_carrier, read_place
from tocsin.api.desk import Desk
from tocsin.api.journal import Journal
from tocsin.api.mail import send_mail
from tocsin.api.mms import send_mms
from tocsin.api.pages import PAGES
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
from tocsin.kit import clock, metrics
from tocsin.kit.db import LOST
from tocsin.kit.ids import request_id
from tocsin.kit.visitor import client_address, network_of, undress
from tocsin.messaging import Refusal

log = logging.getLogger(__name__)

BODY_MOST, BODY_MOST_WITH_FILES = 8 * 1024 * 1024, 30 * 1024 * 1024
DRAIN_MOST = 8 * BODY_MOST
BULK_BYTES = 8 * 1024
_CLIENT_LEFT = 499  # nobody reads it; the request log shows it
_FORM_MOST = 64 * 1024
_DRESSED = "::ffff:"  # an IPv4 client of a socket that listens on IPv6 too
_PURPOSES = ("sec-purpose", "purpose", "x-moz")

Answer = Callable[[Desk, Account, Request], Awaitable[Reply]]


class Endpoint(NamedTuple):
    name: str
    methods: frozenset[str]
    answer: Answer
    answered: metrics.Tally
    failed: metrics.Tally
    bulk: bool = False  # a large body goes to the helper process
    body_most: int = BODY_MOST
    looks: bool = False  # it changes nothing: it is given up when the client goes away


_BOTH, _GET, _POST = frozenset({"GET", "POST"}), frozenset({"GET"}), frozenset({"POST"})
_OF_PAGES = frozenset({"GET", "HEAD"})


def _endpoint(
    name: str,
    methods: frozenset[str],
    answer: Answer,
    *,
    bulk: bool = False,
    body_most: int = BODY_MOST,
    looks: bool = False,
) -> Endpoint:
    # The counters are looked up once: the look-up costs as much as an authentication.
    answered, failed = (metrics.Tally(metrics.REQUESTS.labels(name, status)) for status in ("ok", "other"))
    return Endpoint(name, methods, answer, answered, failed, bulk, body_most, looks)


def _reports(family: str) -> Answer:
    async def answer(desk: Desk, account: Account, request: Request) -> Reply:
        return await query_reports(desk, account, request, family)

    return answer


_SEND_MMS = _endpoint("mssSend", _POST, send_mms, bulk=True, body_most=BODY_MOST_WITH_FILES)

ENDPOINTS = {
    "/api/v1/sms/sendbatchsms": _endpoint("sendbatchsms", _BOTH, send_sms, bulk=True),
    "/api/v1/sms/mssSend": _SEND_MMS,
    "/api/v1/sms/mmsSend": _SEND_MMS,
    "/api/v1/email/sendEmail": _endpoint("sendEmail", _POST, send_mail, bulk=True, body_most=BODY_MOST_WITH_FILES),
    "/api/v1/vos/notice": _endpoint("notice", _POST, send_notice, bulk=True),
    "/api/v1/vos/otp": _endpoint("otp", _POST, send_code),
    "/api/v1/sms/report": _endpoint("report", _BOTH, _reports("sms"), looks=True),
    "/api/v1/vos/report": _endpoint("report", _BOTH, _reports("vos"), looks=True),
    "/api/v1/email/report": _endpoint("report", _BOTH, _reports("email"), looks=True),
    "/api/v1/sms/balance": _endpoint("balance", _BOTH, query_balance, looks=True),
    "/api/v1/sms/uplink": _endpoint("uplink", _GET, pull_replies, looks=True),
    "/api/v1/countries": _endpoint("countries", _GET, list_countries),
    "/api/v1/timezones": _endpoint("timezones", _GET, list_zones),
    "/api/v1/schedules": _endpoint("schedules", _GET, list_schedules, looks=True),
    "/api/v1/schedules/cancel": _endpoint("cancel", _POST, cancel_schedules),
}

OF_CONSOLE = {
    QUOTE + path: _endpoint(
        "quote", _POST, answer_quote, bulk=ENDPOINTS[path].bulk, body_most=ENDPOINTS[path].body_most
    )
    for path in SENDS
}
"""What the console alone is answered; for others it is not there."""


class Server:
    """The RSGI application."""

    def __init__(self, desk: Desk, journal: Journal) -> None:
        self._desk = desk
        self._journal = journal

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        name = request_id()
        reply = await self._reply(scope, protocol, name)
        headers = [("content-type", reply.content_type), ("x-request-id", name)]
        if reply.retry_after_s is not None:
            headers.append(("retry-after", str(reply.retry_after_s)))
        if reply.headers:
            headers.extend(reply.headers)
        if reply.allow:
            headers.append(("allow", reply.allow))
        if scope.method == "HEAD":
            protocol.response_empty(reply.http, headers)
        else:
            protocol.response_bytes(reply.http, headers, reply.body)

    async def _reply(self, scope: Any, protocol: Any, name: str) -> Reply:
        endpoint = ENDPOINTS.get(scope.path)
        if endpoint is None and scope.path in OF_CONSOLE and is_of_console(parse_query(scope.query_string)):
            endpoint = OF_CONSOLE[scope.path]
        if endpoint is None:
            return await self._page(scope, protocol)
        began_s = clock.monotonic_s()
        request = self._open(scope, name)
        reply = await self._serve(endpoint, scope, protocol, request)
        if scope.path in OF_CONSOLE:  # what a page asks while somebody types is no request of the customer's
            return reply
        now_s, took_s = clock.now_s(), clock.monotonic_s() - began_s
        if request.account_id:
            self._journal.note(request, reply, now_s, took_s)
        elif named := self._desk.directory.by_name(request.query.get("account", "")):
            self._journal.note_stranger(named.id, request, reply, now_s, took_s)
        return reply

    async def _serve(self, endpoint: Endpoint, scope: Any, protocol: Any, request: Request) -> Reply:
        if scope.method not in endpoint.methods:
            return refuse_method(endpoint.methods)
        try:
            if scope.method == "POST":
                body = await _read_body(protocol, scope.headers.get("content-length"), endpoint.body_most)
                if body is None:
                    return transport_reply(413, "Request body too large")
                request.body = body
            answer = self._answer(endpoint, request)
            reply = await (_answer_while_there(protocol, answer) if endpoint.looks else answer)
        except (RSGIProtocolClosed, RSGIProtocolError):  # the client went away in its body, or wrote broken chunks
            return transport_reply(400, "The body cannot be read")
        except UnknownKind:
            return transport_reply(415, "Unsupported media type")
        except LOST as error:
            return error_reply(Status.PLATFORM, "en", _word_loss(error), retry_after_s=2)
        except Exception:  # the edge of the request: the client gets JSON, the trace goes to the log
            log.exception("request to %s", scope.path, extra={"request_id": request.request_id})
            return transport_reply(500, "Internal error")
        (endpoint.answered if reply.http == 200 else endpoint.failed).add()
        return reply

    async def _page(self, scope: Any, protocol: Any) -> Reply:
        if scope.path.startswith(PREFIX):
            return await self._follow(scope, protocol)
        if scope.path.startswith(CARRIER):
            return await self._hear(scope, protocol)
        page = PAGES.get(scope.path)
        if page is None:
            return transport_reply(404, "Not found")
        if scope.method not in _OF_PAGES:
            return refuse_method(_OF_PAGES)
        return await page(self._desk)

    async def _follow(self, scope: Any, protocol: Any) -> Reply:
        """A link of an email."""
        headers = scope.headers
        try:
            if scope.method == "POST" and await _read_body(protocol, headers.get("content-length"), _FORM_MOST) is None:
                return transport_reply(413, "Request body too large")
            purpose = next(filter(None, (_read_header(headers, name) for name in _PURPOSES)), "")
            asked = Asked(scope.method, purpose, self._find_address(scope))
            return await answer_link(self._desk, scope.path, _read_header(headers, "user-agent") or "", asked)
        except (RSGIProtocolClosed, RSGIProtocolError):
            return transport_reply(400, "The body cannot be read")
        except Exception:  # the edge of the request: the trace goes to the log, without the link
            log.exception("a link of an email")
            return transport_reply(500, "Internal error")

    async def _hear(self, scope: Any, protocol: Any) -> Reply:
        """A carrier's call."""
        place = read_place(scope.path)
        if place is None:
            return transport_reply(404, "Not found")
        if scope.method not in OF_CARRIERS:
            return refuse_method(OF_CARRIERS)
        headers = scope.headers
        try:
            posted = scope.method == "POST"
            body = await _read_body(protocol, headers.get("content-length"), CALL_MOST) if posted else b""
            if body is None:
                return transport_reply(413, "Request body too large")
            query = parse_query(scope.query_string)
            called = Called(place.what, query, lambda name: _read_header(headers, name) or "", body)
            return await answer_carrier(self._desk, place, called, self._find_address(scope))
        except (RSGIProtocolClosed, RSGIProtocolError):
            return transport_reply(400, "The body cannot be read")
        except Exception:  # the edge of the request: the trace goes to the log, without the token
            log.exception("a call of a carrier")
            return transport_reply(500, "Internal error")

    def _find_address(self, scope: Any) -> str:
        """The client's address."""
        address: str = scope.client.rpartition(":")[0].strip("[]")
        if address.startswith(_DRESSED):
            address = undress(address)
        trusted = self._desk.settings.trusted_proxies
        if not trusted:
            return address
        # A proxy may append to the client's header or add one of its own: what the last line says counts.
        return client_address(address, _read_header(scope.headers, "x-forwarded-for"), trusted)

    def _open(self, scope: Any, name: str) -> Request:
        """The request without its body."""
        headers = scope.headers
        return Request(
            scope.method, scope.path, parse_query(scope.query_string), headers.get("content-type", ""), b"",
            self._find_address(scope), name, _read_header(headers, "idempotency-key"), headers.get("content-length") is not None,
        )  # fmt: skip

    async def _answer(self, endpoint: Endpoint, request: Request) -> Reply:
        account = await self._let_in(request)
        if isinstance(account, Reply):
            return account
        if request.by_console and request.path in ENDPOINTS:
            log.info(
                "the console calls for %s: %s", account.name, request.path, extra={"request_id": request.request_id}
            )
        if endpoint.bulk and self._desk.bulk is not None and len(request.body) + _query_size(request) > BULK_BYTES:
            return await self._desk.bulk(request, account.id)
        return await endpoint.answer(self._desk, account, request)

    async def _let_in(self, request: Request) -> Account | Reply:
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
            caller = authenticate(desk.directory, request.query, bool(request.body), now)
        if isinstance(caller, Refusal):
            limits = (desk.settings.bad_signs_per_minute, desk.settings.bad_signs_per_address)
            for name, limit in zip(_tries(request), limits, strict=True):
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


async def _answer_while_there(protocol: Any, answer: Coroutine[Any, Any, Reply]) -> Reply:
    """Give it up when the client goes away: its query ends, and its place is free for the next."""
    working = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(protocol.client_disconnect())
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if working.done():
        return working.result()
    working.cancel()
    await asyncio.wait({working})
    return Reply(b"", http=_CLIENT_LEFT)


def _word_loss(error: Exception) -> str:
    if isinstance(error, CrowdedError):
        return "too many requests of this account wait, try again"
    if isinstance(error, QueryCanceled):
        return "the query took too long, ask for less or try again"
    return "storage is not available, try again"


def _read_header(headers: Any, name: str) -> str | None:
    """All lines of a header; "" where it is no ASCII, which the server does not show; None where it is absent."""
    return ",".join(headers.get_all(name)) if name in headers else None


async def _read_body(protocol: Any, declared: str | None, most: int) -> bytes | None:
    """The body; None where it is too large. Some more of it is read then: who still sends would not see the reply."""
    if declared is not None and declared.isdigit() and int(declared) <= most:
        body: bytes = await protocol()
        return body
    pieces: list[bytes] = []
    size = 0
    async for piece in protocol:
        size += len(piece)
        if size <= most:
            pieces.append(piece)
        elif size > DRAIN_MOST:
            break
    return b"".join(pieces) if size <= most else None


def _tries(request: Request) -> tuple[str, str]:
    # The console calls from this machine: a program of it with an old key must not shut out the people.
    address = ("console " if is_of_console(request.query) else "") + network_of(request.address)
    # `!a`: what no account is named like may be no text either, and these names go to the database.
    return f"bad:{address}:{request.query.get('account', '')[:64]!a}", f"bad:{address}"


def _query_size(request: Request) -> int:
    return len(request.query.get("numbers", ""))


def _too_frequent(language: str, wait_s: int) -> Reply:
    return error_reply(Status.TOO_FREQUENT, language, retry_after_s=wait_s)
