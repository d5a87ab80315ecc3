"""Django settings for the migrate verb and the type checker. The data plane never loads Django."""

from __future__ import annotations

import os

from psycopg.conninfo import conninfo_to_dict

SECRET_KEY = "migrations sign nothing"  # noqa: S105  no session, no form: the console has settings of its own
INSTALLED_APPS = ["tocsin.schema.apps.SchemaConfig"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
TIME_ZONE = "UTC"


def _database(url: str) -> dict[str, object]:
    facts = conninfo_to_dict(url)
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    options = {name: value for name, value in facts.items() if name not in known.values()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{django: str(facts.get(libpq) or "") for django, libpq in known.items()},
        "OPTIONS": options,
    }


DATABASES = {"default": _database(os.environ.get("DATABASE_URL", ""))}
