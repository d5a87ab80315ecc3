"""The Django project, made from our settings."""

from __future__ import annotations

from django.conf import settings as django_settings
from django.core.handlers.wsgi import WSGIHandler

from tocsin.console.settings import describe_project
from tocsin.kit.settings import Settings


def set_up(settings: Settings, api_url: str) -> None:
    """Make this process a Django process. Asks no database. Once only."""
    import django

    django_settings.configure(**describe_project(settings, api_url))
    django.setup(set_prefix=False)


def make_application(settings: Settings, api_url: str) -> WSGIHandler:
    """What the gateway calls."""
    set_up(settings, api_url)
    return WSGIHandler()
