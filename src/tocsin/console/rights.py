"""What each role of an account may do beyond reading. The one place that says so; `tenancy.member` asks it."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from tocsin.console.lazy import StrPromise

SEND: Final = "send"  # send, schedule, cancel, pause; upload
TEMPLATES: Final = "templates"  # write templates
LISTS: Final = "lists"  # blacklist, opt-outs, suppression
EXPORT: Final = "export"  # take messages out as files
CONTENTS: Final = "contents"  # read what messages and replies say
CODES: Final = "codes"  # read it where it is a code that proves who somebody is
KEYS: Final = "keys"  # API keys, request log
HOOKS: Final = "hooks"  # webhooks, replay
MONEY: Final = "money"  # ledger, statements, alerts
TEAM: Final = "team"  # invite, change roles, remove; the account's own settings

_WORK = frozenset({SEND, TEMPLATES, LISTS, EXPORT, CONTENTS, CODES, KEYS, HOOKS})
RIGHTS: Final[dict[str, frozenset[str]]] = {
    "owner": _WORK | {MONEY, TEAM},
    "developer": _WORK,
    "finance": frozenset({MONEY}),
    "viewer": frozenset({CONTENTS}),
}
ROLES: Final[dict[str, tuple[StrPromise, StrPromise]]] = {
    "owner": (_("Owner"), _("Everything, with money and the team.")),
    "developer": (_("Developer"), _("Sends, makes keys, templates and webhooks.")),
    "finance": (_("Finance"), _("Sees money and figures, no contents; sends nothing.")),
    "viewer": (_("Viewer"), _("Sees messages, contents and figures, no codes; changes nothing.")),
}
"""What a role is called and what it is for, in words."""
