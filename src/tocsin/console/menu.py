"""The side menu: sections of pages, each with the address's name, its icon, its title and the right it needs ("": none)."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from tocsin.console.rights import KEYS

_MENU: list[tuple[StrPromise | str, list[tuple[str, str, StrPromise, str]]]] = [
    (
        "",
        [
            ("home", "layout-dashboard", _("Overview"), ""),
            ("quick-start", "rocket", _("Quick start"), ""),
        ],
    ),
    (
        _("Send"),
        [
            ("scheduled", "calendar-event", _("Scheduled"), ""),
        ],
    ),
    (
        _("Watch"),
        [
            ("batches", "stack-2", _("Batches"), ""),
            ("messages", "messages", _("Message log"), ""),
            ("replies", "message-reply", _("Replies"), ""),
        ],
    ),
    (
        _("Integrate"),
        [
            ("keys", "key", _("API keys"), KEYS),
        ],
    ),
    (_("Account"), []),
]


class Entry(NamedTuple):
    """A line of the menu."""

    url: str
    icon: str
    title: StrPromise
    active: bool


class Section(NamedTuple):
    """Lines under a heading, which may be none."""

    title: StrPromise | str
    entries: list[Entry]


def describe_menu(path: str, can: frozenset[str]) -> list[Section]:
    """The sections that have a line for one who `can`; the line whose page begins the path is the active one."""
    sections = []
    for title, lines in _MENU:
        entries = [
            Entry(reverse(name), icon, words, _is_at(path, reverse(name)))
            for name, icon, words, right in lines
            if not right or right in can
        ]
        if entries:
            sections.append(Section(title, entries))
    return sections


def _is_at(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url))


def describe(request: Any) -> list[Section]:
    """Of the member of a request; nothing for a visitor."""
    found = getattr(request, "member", None)
    return describe_menu(request.path, found.can) if found is not None else []
