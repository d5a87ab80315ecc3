"""What operators do to channels, routes and countries. In the caller's transaction; nothing here commits or audits."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.billing import read_prefix
from tocsin.routing import store
from tocsin.routing.model import MOST_WEIGHT, Channel, Country, RouteRow, RouteRule, RoutingError, RoutingNameError

COUNTRY_HINT = "give a codeId like 10007 or an ISO code like ID"
UNKNOWN_POLICIES = ("leave", "resend")
MOST_CALL_S = 4 * 3600
MOST_WAIT_S = 7 * 86400.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def add_channel(conn: Connection[TupleRow], channel: Channel) -> Channel:
    """The new channel with its id (the given one is ignored). Raises RoutingError."""
    if not _NAME.fullmatch(channel.name):
        raise RoutingError(
            f"{channel.name!r} is no channel name: letters, digits, dot, dash and underscore, 64 at most"
        )
    _check_channel(channel)
    channel_id = store.insert_channel(conn, channel)
    if channel_id is None:
        raise RoutingError(f"there is a channel {channel.name} already")
    return msgspec.structs.replace(channel, id=channel_id)


def find_channel(conn: Connection[TupleRow], name: str) -> Channel:
    """The channel of that name, locked until the transaction ends. Raises RoutingError."""
    channel = store.find_channel(conn, name)
    if channel is None:
        raise RoutingNameError("channel", name)
    return channel


def set_channel(conn: Connection[TupleRow], name: str, **changes: object) -> tuple[Channel, Channel]:
    """Change fields of Channel; the channel before and after. Raises RoutingError."""
    before = find_channel(conn, name)
    after = msgspec.structs.replace(before, **changes)
    _check_channel(after)
    store.update_channel(conn, after)
    return before, after


def _check_channel(channel: Channel) -> None:
    if channel.rate is not None and channel.rate < 1:
        raise RoutingError("a rate is at least 1 part per second, or none")
    if not 1 <= channel.window <= 1_000_000:
        raise RoutingError("a window is 1 to 1,000,000 parts under way")
    if not 1 <= channel.max_attempts <= 1000:
        raise RoutingError("attempts are 1 to 1,000")
    if not 1 <= channel.longest_call_s <= MOST_CALL_S:
        raise RoutingError("a longest call is 1 second to 4 hours")
    if not 0 < channel.failover_after_s <= MOST_WAIT_S:
        raise RoutingError("a fail-over comes after more than 0 s and at most 7 days")
    if channel.queue_age_s is not None and not 0 < channel.queue_age_s <= MOST_WAIT_S:
        raise RoutingError("a queue age is more than 0 s and at most 7 days, or none")
    if channel.unknown_policy not in UNKNOWN_POLICIES:
        raise RoutingError(f"unknown policy {channel.unknown_policy}: {' or '.join(UNKNOWN_POLICIES)}")


def list_channels(conn: Connection[TupleRow]) -> list[Channel]:
    """All channels, by id."""
    return store.list_channels(conn)


def find_country(conn: Connection[TupleRow], word: str) -> Country:
    """The country of a codeId or ISO code, locked until the transaction ends. Raises RoutingError."""
    country = store.find_country(conn, word)
    if country is None:
        raise RoutingNameError("country", word, COUNTRY_HINT)
    return country


def set_country(conn: Connection[TupleRow], word: str, **changes: object) -> tuple[Country, Country]:
    """Change `enabled`, `template_required`; the country before and after. Raises RoutingError."""
    before = find_country(conn, word)
    after = msgspec.structs.replace(before, **changes)
    store.update_country(conn, after)
    return before, after


def list_countries(conn: Connection[TupleRow]) -> list[Country]:
    """All countries, by codeId."""
    return store.list_countries(conn)


def add_countries(conn: Connection[TupleRow], countries: Iterable[Country]) -> int:
    """Insert those whose codeId and ISO code are not there; how many. What an operator changed stays."""
    known = store.list_countries(conn)
    taken: set[object] = {country.code_id for country in known} | {country.iso for country in known}
    missing = [country for country in countries if not {country.code_id, country.iso} & taken]
    # An insert of nothing would move the clock of every process all the same.
    return store.insert_countries(conn, missing) if missing else 0


def add_route(conn: Connection[TupleRow], route: RouteRule, calling_code: str = "") -> RouteRow:
    """The new route (the given id is ignored); `calling_code`: of its country. Raises RoutingError."""
    if route.account_id is not None and route.plan_id is not None:
        raise RoutingError("a route is of an account or of a plan, not of both")
    if not 1 <= route.weight <= MOST_WEIGHT:
        raise RoutingError(f"a weight is 1 to {MOST_WEIGHT}")
    route = route._replace(prefix=read_prefix(route.prefix, calling_code))
    same = store.find_same_route(conn, route)
    if same is not None:
        raise RoutingError(f"route {same} says that already; remove it first to change its preference or weight")
    return store.list_routes(conn, store.insert_route(conn, route))[0]


def remove_route(conn: Connection[TupleRow], route_id: int) -> RouteRow:
    """The route that was. Raises RoutingError."""
    found = store.list_routes(conn, route_id)
    if not found:
        raise RoutingNameError("route", str(route_id), "`tocsin route list` has the ids")
    store.delete_route(conn, route_id)
    return found[0]


def list_routes(conn: Connection[TupleRow]) -> list[RouteRow]:
    """All routes: by product, most specific first."""
    return store.list_routes(conn, None)
