"""The side menu: sections of pages, each with the address's name, its icon, its title and the right it needs ("": none)."""

from __future__ import annotations

from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from tocsin.console.lazy import StrPromise
from tocsin.console.rights import HOOKS, KEYS, MONEY, SEND

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
            ("send-begin", "send", _("Send a message"), SEND),
            ("uploads", "table-import", _("Bulk send"), SEND),
            ("templates", "template", _("Templates"), ""),
            ("scheduled", "calendar-event", _("Scheduled"), ""),
        ],
    ),
    (
        _("Watch"),
        [
            ("batches", "stack-2", _("Batches"), ""),
            ("messages", "messages", _("Message log"), ""),
            ("replies", "message-reply", _("Replies"), ""),
            ("files", "file-export", _("Files"), ""),
        ],
    ),
    (
        _("Integrate"),
        [
            ("webhooks", "webhook", _("Webhooks"), HOOKS),
            ("keys", "key", _("API keys"), KEYS),
            ("requests", "list-search", _("Request log"), KEYS),
            ("reference", "book", _("API reference"), ""),
        ],
    ),
    (
        _("Account"),
        [
            ("ledger", "coin", _("Balance and ledger"), MONEY),
            ("usage", "chart-bar", _("Usage"), ""),
            ("prices", "tag", _("Price list"), ""),
            ("opt-outs", "user-off", _("Opt-outs and blacklist"), ""),
            ("settings", "adjustments", _("Account settings"), ""),
            ("team", "users", _("Team"), ""),
            ("security", "shield-lock", _("Security"), ""),
        ],
    ),
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
