"""Django's settings for the console, made from ours: `tocsin/schema/settings.py` has what concerns the tables."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF

from tocsin.console.installation import NAME, Installation
from tocsin.kit.seal import derive_keys, open_seal
from tocsin.kit.settings import Settings
from tocsin.schema import settings as schema

HERE = Path(__file__).parent
LANGUAGES = [("en", "English"), ("zh-hans", "中文")]
_POOL = {"min_size": 1, "max_size": 10, "timeout": 3.0, "max_idle": 300.0}
_STATEMENT_MS = 10_000
FORM_MOST = 4 * 1024 * 1024
"""Bytes of a form without its files: 50,000 numbers, or an email's content."""
_WEEK_S = 7 * 86_400
CODE_HOLDS_S = 15 * 60  # of a code that is mailed

_MIDDLEWARE = [
    "tocsin.console.middleware.Visitors",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tocsin.console.middleware.Choices",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tocsin.console.middleware.Seen",
    "django_htmx.middleware.HtmxMiddleware",
]

_CSP = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
"""Nothing inline, nothing from elsewhere. A part that needs more (Unfold wants eval) sets its own by a decorator."""

_RATES = {"invite": "30/h/key", "invite_address": "5/d/key", "passkey": "60/m/ip"}
"""Beside allauth's own: invitations of an account, and to a mailbox; looks and answers of log-ins by passkey."""
MAX_COUNTS = 10_000
"""Of log-ins and the like that are kept at a time. Beyond it Django drops a third, and with them the limits that they hold."""


def describe_project(settings: Settings, api_url: str) -> dict[str, Any]:
    """All of Django's settings. Raises SettingsError where there is no sealing key."""
    return {
        **_describe_ground(settings),
        **_describe_pages(),
        **_describe_identity(),
        **_describe_mail(settings),
        NAME: Installation(settings, settings.api_url or api_url, open_seal(settings)),
    }


def _describe_ground(settings: Settings) -> dict[str, Any]:
    database = schema.read_database(settings.database_url)
    database["OPTIONS"] |= {
        "pool": _POOL,
        "connect_timeout": 3,
        "application_name": "tocsin console",
        "options": f"-c statement_timeout={_STATEMENT_MS}",
    }
    first, *others = (key.hex() for key in derive_keys(settings, "console"))
    return {
        "SECRET_KEY": first,
        "SECRET_KEY_FALLBACKS": others,
        "INSTALLED_APPS": [
            "tocsin.console.apps.ConsoleConfig",
            *schema.INSTALLED_APPS,
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "csp",
            "django_htmx",
        ],
        "MIDDLEWARE": _MIDDLEWARE,
        "ROOT_URLCONF": "tocsin.console.urls",
        "DATABASES": {"default": database},
        "DEFAULT_AUTO_FIELD": schema.DEFAULT_AUTO_FIELD,
        "CACHES": {
            "default": {
                "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                "LOCATION": "console_cache",
                "OPTIONS": {"MAX_ENTRIES": MAX_COUNTS},
            }
        },
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "LOGGING_CONFIG": None,
        **_describe_hosts(settings),
    }


def _describe_hosts(settings: Settings) -> dict[str, Any]:
    """By which names we may be called, and how far cookies go."""
    site = urlsplit(settings.console_url)
    tls = site.scheme == "https" or bool(settings.tls_certificate)
    hosts = ["localhost", "127.0.0.1", "[::1]", settings.host, site.hostname or ""]
    anyhow = not settings.console_url and settings.host in {"0.0.0.0", "::"}  # noqa: S104  compared, not bound
    return {
        "ALLOWED_HOSTS": ["*"] if anyhow else [host for host in hosts if host],
        "CSRF_TRUSTED_ORIGINS": [f"{site.scheme}://{site.netloc}"] if settings.console_url else [],
        "SESSION_COOKIE_SECURE": tls,
        "CSRF_COOKIE_SECURE": tls,
        "CSRF_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_NAME": "tocsin_session",
        "CSRF_COOKIE_NAME": "tocsin_csrf",
        "SESSION_COOKIE_AGE": _WEEK_S,
        "SECURE_REFERRER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
    }


def _describe_pages() -> dict[str, Any]:
    return {
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.template.context_processors.i18n",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                        "tocsin.console.tenancy.describe_visitor",
                        "tocsin.console.alerts.describe_banner",
                    ]
                },
            }
        ],
        "LANGUAGE_CODE": "en",
        "LANGUAGES": LANGUAGES,
        "LOCALE_PATHS": [HERE / "locale"],
        "LANGUAGE_COOKIE_NAME": "tocsin_language",
        "STATIC_URL": "/static/",
        "STATICFILES_DIRS": [*_find_kits()],
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_MAX_AGE": 3600,
        "CONTENT_SECURITY_POLICY": _CSP,
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": FORM_MOST,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 250,
        "DATA_UPLOAD_MAX_NUMBER_FILES": 20,
        "FILE_UPLOAD_HANDLERS": [
            "tocsin.console.bounds.Bounded",
            "django.core.files.uploadhandler.MemoryFileUploadHandler",
            "django.core.files.uploadhandler.TemporaryFileUploadHandler",
        ],
    }


def _find_kits() -> list[tuple[str, str]]:
    """Folders of assets that come with packages of which we import nothing: Tabler with sqladmin, Chart.js with Unfold."""
    kits = [("tabler", "sqladmin", "statics"), ("charts", "unfold", "static/unfold/js/chart")]
    found = [(name, importlib.util.find_spec(package), folder) for name, package, folder in kits]
    return [(name, str(Path(spec.origin).parent / folder)) for name, spec, folder in found if spec and spec.origin]


def _describe_identity() -> dict[str, Any]:
    return {
        "AUTH_USER_MODEL": schema.AUTH_USER_MODEL,
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"django.contrib.auth.password_validation.{name}"}
            for name in (
                "UserAttributeSimilarityValidator",
                "MinimumLengthValidator",
                "CommonPasswordValidator",
                "NumericPasswordValidator",
            )
        ],
        "LOGIN_URL": "account_login",
        "LOGIN_REDIRECT_URL": "home",
        "ACCOUNT_ADAPTER": "tocsin.console.identity.Adapter",
        "ACCOUNT_USER_MODEL_USERNAME_FIELD": schema.ACCOUNT_USER_MODEL_USERNAME_FIELD,
        "ACCOUNT_LOGIN_METHODS": schema.ACCOUNT_LOGIN_METHODS,
        "ACCOUNT_SIGNUP_FIELDS": schema.ACCOUNT_SIGNUP_FIELDS,
        "ACCOUNT_SIGNUP_FORM_CLASS": "tocsin.console.registration.Registration",
        "ACCOUNT_EMAIL_VERIFICATION": "mandatory",
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED": True,
        "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND": True,
        "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED": True,  # a link would be built from what the visitor called us
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT": CODE_HOLDS_S,
        "ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT": CODE_HOLDS_S,
        "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS": False,
        "ACCOUNT_EMAIL_SUBJECT_PREFIX": "",
        "ACCOUNT_SESSION_REMEMBER": True,
        "ACCOUNT_LOGOUT_REDIRECT_URL": "account_login",
        "ACCOUNT_RATE_LIMITS": _RATES,
        "ACCOUNT_CHANGE_EMAIL": True,
        "ACCOUNT_REAUTHENTICATION_REQUIRED": True,
        "ACCOUNT_EMAIL_NOTIFICATIONS": True,
        "MFA_ADAPTER": "tocsin.console.passkeys.Adapter",
        "MFA_FORMS": {
            "add_webauthn": "tocsin.console.passkeys.AddPasskey",
            "edit_webauthn": "tocsin.console.passkeys.NamePasskey",
        },
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_TOTP_TOLERANCE": 1,  # clocks of phones go wrong by some seconds
    }


def _describe_mail(settings: Settings) -> dict[str, Any]:
    server = urlsplit(settings.smtp_url)
    safe = server.scheme == "smtps"
    backend = "django.core.mail.backends.smtp.EmailBackend" if settings.smtp_url else "tocsin.console.outbox.Backend"
    return {
        "EMAIL_BACKEND": backend,
        "EMAIL_HOST": server.hostname or "",
        "EMAIL_PORT": server.port or (465 if safe else 587),
        "EMAIL_HOST_USER": unquote(server.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(server.password or ""),
        "EMAIL_USE_SSL": safe,
        "EMAIL_USE_TLS": not safe and bool(server.username),
        "EMAIL_TIMEOUT": 10,
        "DEFAULT_FROM_EMAIL": settings.mail_from,
    }
