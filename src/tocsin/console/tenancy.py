"""In whose account a request works, and what its user may do there. Every view of an account stands behind `member`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.console import menu, outbox
from tocsin.console.installation import installation
from tocsin.console.opening import open_account
from tocsin.console.rights import RIGHTS
from tocsin.console.settings import LANGUAGES
from tocsin.schema.models import Membership, User

Conn = Connection[TupleRow]


class Member(NamedTuple):
    """A user in an account."""

    user: User
    account_id: int
    account: str
    currency: str
    role: str

    @property
    def can(self) -> frozenset[str]:
        """What the role lets him do: words of console/rights.py."""
        return RIGHTS[self.role]


View = Callable[..., HttpResponse]


def member(what: str = "") -> Callable[[View], View]:
    """The view gets the request and the Member; visitors are sent to log in, roles that may not `what` are refused."""

    def wrap(view: View) -> View:
        @login_required
        @functools.wraps(view)
        def inner(request: HttpRequest, *words: Any, **named: Any) -> HttpResponse:
            found = _find(request)
            if what and what not in found.can:
                raise PermissionDenied
            request.member = found  # type: ignore[attr-defined]  # for the layout
            return view(request, found, *words, **named)

        inner.right = what  # type: ignore[attr-defined]  # for the test that walks all addresses
        return inner

    return wrap


def _find(request: HttpRequest) -> Member:
    """The user's first membership; a new user's account is opened here."""
    user = cast(User, request.user)
    found = Membership.objects.filter(user=user).select_related("account").order_by("id").first()
    if found is None:
        with open_change() as conn:
            open_account(conn, installation().settings, user, str(request.META["REMOTE_ADDR"]))
        found = Membership.objects.filter(user=user).select_related("account").order_by("id").get()
    return Member(user, found.account_id, found.account.name, found.account.currency, found.role)


@contextmanager
def open_change() -> Iterator[Conn]:
    """Django's connection as the contexts take it, in a transaction that ends with the block."""
    with transaction.atomic():
        connection.ensure_connection()
        yield cast(Conn, connection.connection)


@contextmanager
def open_look() -> Iterator[Conn]:
    """The same to read with; each statement by itself."""
    connection.ensure_connection()
    yield cast(Conn, connection.connection)


def describe_visitor(request: HttpRequest) -> dict[str, Any]:
    """For every template: the member with his menu, where there is one, zone, languages, whether there is an outbox."""
    user = getattr(request, "user", None)
    theme = getattr(user, "theme", "") or request.COOKIES.get("tocsin_theme", "")
    return {
        "member": getattr(request, "member", None),
        "menu": menu.describe(request),
        "zone": timezone.get_current_timezone_name(),
        "languages": LANGUAGES,
        "theme": theme if theme in {"light", "dark"} else "",
        "has_outbox": outbox.is_shown(),
    }
