"""What the console knows of the installation: put into Django's settings at the start, read from here."""

from __future__ import annotations

from typing import NamedTuple, cast

from django.conf import settings as django_settings

from tocsin.kit.seal import Seal
from tocsin.kit.settings import Settings

NAME = "TOCSIN"


class Installation(NamedTuple):
    """Its settings, where customers reach its API, and what seals its secrets."""

    settings: Settings
    api_url: str
    seal: Seal


def installation() -> Installation:
    """This one."""
    return cast(Installation, getattr(django_settings, NAME))
