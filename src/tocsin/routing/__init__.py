"""Which channels carry what, and what it costs."""

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
from tocsin.routing.model import NOWHERE, SANDBOX, Channel, Country, Pick, RouteRow, RouteRule, RoutingError
from tocsin.routing.table import Table
from tocsin.routing.way import Way

__all__ = [
    "MOST_CALL_S",
    "NOWHERE",
    "SANDBOX",
    "UNKNOWN_POLICIES",
    "Channel",
    "Country",
    "Pick",
    "RouteRow",
    "RouteRule",
    "RoutingError",
    "Table",
    "Way",
    "add_channel",
    "add_countries",
    "add_route",
    "find_channel",
    "find_country",
    "list_channels",
    "list_countries",
    "list_routes",
    "remove_route",
    "set_channel",
    "set_country",
]
