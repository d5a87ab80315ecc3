"""In whose account a request works, and what its user may do there. Every view of an account stands behind `member`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import psycopg
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.console import menu, outbox
from tocsin.console.installation import installation
from tocsin.console.opening import open_account
from tocsin.console.rights import RIGHTS
from tocsin.console.settings import LANGUAGES
from tocsin.console.share import say_busy, take_share
from tocsin.schema.models import Membership, User

Conn = Connection[TupleRow]
SECOND = ["totp", "webauthn"]  # what counts as a second factor, in allauth's words
CHOICE = "account"  # in the session: the id of the account that the user chose


class Seat(NamedTuple):
    """An account that the user is a member of."""

    account_id: int
    account: str
    role: str
    display_name: str = ""

    @property
    def title(self) -> str:
        """The account as people read it."""
        return self.display_name or self.account


class Member(NamedTuple):
    """A user in an account."""

    user: User
    account_id: int
    account: str
    currency: str
    role: str
    seats: tuple[Seat, ...] = ()  # all his accounts, this one too
    needs_second: bool = False  # the account wants a second factor of its members
    display_name: str = ""

    @property
    def title(self) -> str:
        """The account as people read it."""
        return self.display_name or self.account

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
            if found is None:
                return _send_to(request, "no-account")
            if lacks_second(found):
                return _send_to(request, "security")
            if what and what not in found.can:
                raise PermissionDenied
            request.member = found  # type: ignore[attr-defined]  # for the layout
            with take_share(found.account_id) as may:
                return view(request, found, *words, **named) if may else say_busy(request)

        inner.right = what  # type: ignore[attr-defined]  # for the test that walks all addresses
        return inner

    return wrap


def person(view: View) -> View:
    """A view of the user himself, whatever account he is in: visitors are sent to log in."""
    inner = login_required(view)
    inner.right = ""  # type: ignore[attr-defined]  # as above
    return inner


def _send_to(request: HttpRequest, page: str) -> HttpResponse:
    """A whole page in place of a part of one, where htmx asked for that."""
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(reverse(page))
    return redirect(page)


def lacks_second(who: Member) -> bool:
    """Whether the account wants a second factor that the user has not set up."""
    return who.needs_second and not is_mfa_enabled(who.user, SECOND)


def find_member(request: HttpRequest) -> Member | None:
    """The user in the account that he chose, else in his first one; None where he is in none."""
    user = cast(User, request.user)
    found = list(Membership.objects.filter(user=user).select_related("account").order_by("id"))
    if not found:
        return None
    chosen = request.session.get(CHOICE)
    here = next((each for each in found if each.account_id == chosen), found[0])
    seats = tuple(Seat(each.account_id, each.account.name, each.role, each.account.display_name) for each in found)
    account = here.account
    return Member(
        user, account.id, account.name, account.currency, here.role, seats, account.second_factor, account.display_name
    )


def _find(request: HttpRequest) -> Member | None:
    """As find_member. A new user's account is opened here; one who was taken out of his last account gets none."""
    found = find_member(request)
    user = cast(User, request.user)
    if found is None and user.opens_account:
        with open_change() as conn:
            open_account(conn, installation().settings, user, str(request.META["REMOTE_ADDR"]))
        found = find_member(request)
    return found


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


@contextmanager
def open_line() -> Iterator[Conn]:
    """A connection of its own in autocommit, for bulk writes: Django's puts values into the text, which arrays are not made for."""
    with psycopg.connect(installation().settings.database_url, autocommit=True, connect_timeout=3) as conn:
        yield conn


def _see(request: HttpRequest) -> Member | None:
    """The member of a page that stands behind no `member`, such as allauth's: asked once, where a template wants him."""
    if not hasattr(request, "member"):
        known = getattr(request, "user", None) is not None and request.user.is_authenticated
        request.member = find_member(request) if known else None  # type: ignore[attr-defined]
    return cast("Member | None", request.member)  # type: ignore[attr-defined]


def describe_visitor(request: HttpRequest) -> dict[str, Any]:
    """For every template: the member with his menu, where there is one, zone, languages, whether there is an outbox."""
    user = getattr(request, "user", None)
    theme = getattr(user, "theme", "") or request.COOKIES.get("tocsin_theme", "")
    return {
        "member": lambda: _see(request),
        "menu": lambda: menu.describe_menu(request.path, found.can) if (found := _see(request)) else [],
        "zone": timezone.get_current_timezone_name(),
        "languages": LANGUAGES,
        "theme": theme if theme in {"light", "dark"} else "",
        "has_outbox": outbox.is_shown(),
    }
