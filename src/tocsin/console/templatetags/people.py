"""People's roles and browsers in words."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from tocsin.console.browsers import read_agent
from tocsin.console.lazy import StrPromise
from tocsin.console.rights import ROLES

register = template.Library()


@register.filter
def role_name(role: str) -> StrPromise:
    """What the role is called."""
    return ROLES[role][0]


@register.filter
def browser_name(agent: str) -> str:
    """A User-Agent line in words."""
    found = read_agent(agent)
    if found.browser and found.system:
        return _("%(browser)s on %(system)s") % found._asdict()
    return found.browser or found.system or _("Unknown browser")
