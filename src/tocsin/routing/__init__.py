"""Which channels carry what, and what it costs."""

from tocsin.routing.breaker import ANYWHERE, DOWN, BreakerTerms, Counted
from tocsin.routing.change import (
    MOST_CALL_S,
    UNKNOWN_POLICIES,
    add_channel,
    add_countries,
    add_route,
    find_channel,
    find_country,
    list_channels,
    list_countries,
    list_routes,
    remove_route,
    set_channel,
    set_country,
)
from tocsin.routing.health import Health
from tocsin.routing.model import NOWHERE, SANDBOX, Channel, Country, Pick, RouteRow, RouteRule, RoutingError
from tocsin.routing.table import Table
from tocsin.routing.watch import (
    Breaker,
    Turn,
    count_finals,
    forget_finals,
    list_breakers,
    mark_down,
    read_breakers,
    reset_breakers,
)
from tocsin.routing.way import Way

__all__ = [
    "ANYWHERE",
    "DOWN",
    "MOST_CALL_S",
    "NOWHERE",
    "SANDBOX",
    "UNKNOWN_POLICIES",
    "Breaker",
    "BreakerTerms",
    "Channel",
    "Counted",
    "Country",
    "Health",
    "Pick",
    "RouteRow",
    "RouteRule",
    "RoutingError",
    "Table",
    "Turn",
    "Way",
    "add_channel",
    "add_countries",
    "add_route",
    "count_finals",
    "find_channel",
    "find_country",
    "forget_finals",
    "list_breakers",
    "list_channels",
    "list_countries",
    "list_routes",
    "mark_down",
    "read_breakers",
    "remove_route",
    "reset_breakers",
    "set_channel",
    "set_country",
]
