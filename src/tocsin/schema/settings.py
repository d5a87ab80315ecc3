"""Django settings for the migrate verb and the type checker; the console's stand on them. The data plane never loads Django."""

from __future__ import annotations

import os
from typing import Any

from psycopg.conninfo import conninfo_to_dict

SECRET_KEY = "migrations sign nothing"  # noqa: S105  no session, no form: the console has settings of its own
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "tocsin.schema.apps.SchemaConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
"""Every app that has tables."""
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]  # allauth wants to see it, here too
AUTH_USER_MODEL = "tocsin.User"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
TIME_ZONE = "UTC"


def read_database(url: str) -> dict[str, Any]:
    """DATABASES' entry of a PostgreSQL URL or connection string."""
    facts = conninfo_to_dict(url)
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    options = {name: value for name, value in facts.items() if name not in known.values()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{django: str(facts.get(libpq) or "") for django, libpq in known.items()},
        "OPTIONS": options,
    }


DATABASES = {"default": read_database(os.environ.get("DATABASE_URL", ""))}
