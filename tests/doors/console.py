"""The console in this process: Django on a database of its own, members who are logged in, other settings for a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.conftest import clone_database
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.kit.settings import Settings


@pytest.fixture(scope="session")
def project(database_server: str) -> Iterator[str]:
    """Django on a database of its own, for all modules of this process (Django is set up once); its dsn."""
    with clone_database(database_server) as dsn:
        with psycopg.connect(dsn) as conn:
            ensure_defaults(conn)
        key = Fernet.generate_key().decode()
        settings = Settings(home=Path("var"), database_url=dsn, sealing_keys=(key,), console_outbox="on")
        from tocsin.console.wsgi import set_up

        set_up(settings, "http://127.0.0.1:1")
        from django.conf import settings as django_settings
        from django.db import connection

        connection.settings_dict["OPTIONS"].pop("pool")
        django_settings.ALLOWED_HOSTS = ["testserver"]
        with pytest.MonkeyPatch.context() as patch:
            # A page looks for as long as it may and then shows what it has: on a busy machine less than is there.
            for module in ("tocsin.messaging.search", "tocsin.webhooks.trace"):
                patch.setattr(f"{module}.BUDGET_S", 60.0)
            yield dsn
        connection.close()


def log_in(role: str = "owner", **options: Any) -> tuple[Any, Any]:
    """A client that is logged in with a new account; its membership."""
    import secrets

    from django.test import Client

    from tocsin.schema.models import Account, Membership, Plan, User

    name = secrets.token_hex(4)
    user = User.objects.create_user(f"{name}@example.com", "correct horse battery")
    account = Account.objects.create(name=f"t{name}", plan=Plan.objects.get(name="default"))
    membership = Membership.objects.create(user=user, account=account, role=role)
    client = Client(**options)
    client.force_login(user)
    return client, membership


def change(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Other settings for one test."""
    from django.conf import settings as django_settings

    from tocsin.console.installation import NAME, installation

    known = installation()
    monkeypatch.setattr(django_settings, NAME, known._replace(settings=known.settings.replace(**settings)))


def read(answer: Any) -> str:
    return cast(bytes, answer.content).decode()
