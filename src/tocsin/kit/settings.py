"""Every setting of the product: one line each, read from the environment once at the start.

To add one, add a field: its variable, its default, how its text is read, one sentence of help. Nothing else reads the
environment. All mistakes are reported together, unknown TOCSIN_* names too.
"""

# ruff: noqa: RUF009  the table is written as calls, each of which gives a dataclass field

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from tocsin.kit import wording
from tocsin.kit.wording import Networks


class SettingsError(Exception):
    """All mistakes of the environment, one sentence each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class Shown(NamedTuple):
    """One row of `tocsin config`."""

    name: str
    value: str
    source: str
    help: str


def _setting(name: str, default: Any, read: Callable[[str], Any], help_text: str, *, secret: bool = False) -> Any:
    return dataclasses.field(
        default=default, metadata={"name": name, "read": read, "help": help_text, "secret": secret}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator may set. Times are seconds unless the name says otherwise."""

    home: Path = _setting("TOCSIN_HOME", Path("var"), wording.path, "where the embedded database, keys and facts live")
    host: str = _setting("TOCSIN_HOST", "127.0.0.1", wording.text, "address that the API listens on")
    port: int = _setting("TOCSIN_PORT", 8080, wording.port, "port that the API listens on")
    database_url: str = _setting(
        "DATABASE_URL", "", wording.database, "a PostgreSQL from 15 on instead of the embedded one", secret=True
    )
    sealing_keys: tuple[str, ...] = _setting(
        "TOCSIN_SEALING_KEYS",
        (),
        wording.keys,
        "keys that seal API keys in the database, the first seals; else TOCSIN_HOME/sealing.key",
        secret=True,
    )
    tls_certificate: Path | None = _setting(
        "TOCSIN_TLS_CERTIFICATE", None, wording.file, "certificate chain (PEM) of the API"
    )
    tls_key: Path | None = _setting("TOCSIN_TLS_KEY", None, wording.file, "private key (PEM) of the API")
    api_processes: int = _setting(
        "TOCSIN_API_PROCESSES",
        1,
        wording.few,
        "API processes of `tocsin up`; they share the port, each commits by itself",
    )
    connections: int = _setting(
        "TOCSIN_CONNECTIONS", 4096, wording.count, "connections that an API process keeps, of everybody"
    )
    connections_per_address: int = _setting(
        "TOCSIN_CONNECTIONS_PER_ADDRESS",
        1024,
        wording.count,
        "of these, from one address (IPv6: one /64); behind a trusted proxy, requests under way of one client",
    )
    trusted_proxies: Networks = _setting(
        "TOCSIN_TRUSTED_PROXIES", (), wording.networks, "networks whose X-Forwarded-For counts"
    )
    push_allow: Networks = _setting(
        "TOCSIN_PUSH_ALLOW", (), wording.networks, "loopback or private networks that pushes may reach"
    )
    log_level: str = _setting("TOCSIN_LOG_LEVEL", "info", wording.level, "debug, info, warning or error")
    lease_s: float = _setting("TOCSIN_LEASE_S", 15.0, wording.positive, "how long a claimed item stays with its worker")
    clock_off_s: float = _setting(
        "TOCSIN_CLOCK_OFF_S",
        5.0,
        wording.positive,
        "a process whose clock is further from the database's takes, moves and ends nothing",
    )
    receipt_timeout_s: float = _setting(
        "TOCSIN_RECEIPT_TIMEOUT_S", 259_200.0, wording.positive, "a message without a receipt ends after this"
    )
    validity_s: float = _setting(
        "TOCSIN_VALIDITY_S", 172_800.0, wording.positive, "a message that could not be handed over expires after this"
    )
    retention_days: int = _setting(
        "TOCSIN_RETENTION_DAYS", 45, wording.count, "messages are kept at least this many days"
    )
    push_log_days: int = _setting(
        "TOCSIN_PUSH_LOG_DAYS", 45, wording.count, "attempts of pushes are kept this many days"
    )
    request_log_days: int = _setting(
        "TOCSIN_REQUEST_LOG_DAYS", 14, wording.count, "the log of requests to the API is kept this many days"
    )
    request_log_rows_per_day: int = _setting(
        "TOCSIN_REQUEST_LOG_ROWS_PER_DAY",
        100_000,
        wording.count,
        "rows that an account's request log takes in a day (UTC): accepted requests half of them, strangers a tenth beside them",
    )
    schedule_late: str = _setting(
        "TOCSIN_SCHEDULE_LATE",
        "send",
        wording.send_or_drop,
        "what becomes of a scheduled send that is late: send or drop",
    )
    schedule_late_s: float = _setting(
        "TOCSIN_SCHEDULE_LATE_S", 3600.0, wording.positive, "with drop: how late is too late"
    )
    push_first_retry_s: float = _setting(
        "TOCSIN_PUSH_FIRST_RETRY_S", 5.0, wording.positive, "delay before the first retry of a push"
    )
    push_give_up_s: float = _setting(
        "TOCSIN_PUSH_GIVE_UP_S", 259_200.0, wording.positive, "an endpoint without a 2xx for this long is paused"
    )
    idempotency_s: float = _setting(
        "TOCSIN_IDEMPOTENCY_S", 86_400.0, wording.positive, "how long an Idempotency-Key is kept"
    )
    max_numbers_get: int = _setting("TOCSIN_MAX_NUMBERS_GET", 1000, wording.count, "numbers in one GET of SMS")
    max_numbers_post: int = _setting("TOCSIN_MAX_NUMBERS_POST", 50_000, wording.count, "numbers in one POST of SMS")
    max_numbers_other: int = _setting(
        "TOCSIN_MAX_NUMBERS_OTHER", 10_000, wording.count, "numbers in one request of MMS, voice notice or email"
    )
    mail_domain: str = _setting(
        "TOCSIN_MAIL_DOMAIN",
        "",
        wording.domain,
        "the platform's sending domain of email, for accounts without their own",
    )
    tracking_url: str = _setting(
        "TOCSIN_TRACKING_URL", "", wording.url, "address of this API in the links of emails; without it none is tracked"
    )
    mmdb: Path | None = _setting(
        "TOCSIN_MMDB", None, wording.file, "MMDB file that says in which city an address is; without it only countries"
    )
    breaker_window: int = _setting(
        "TOCSIN_BREAKER_WINDOW", 200, wording.count, "last finals of a channel and country that its breaker looks at"
    )
    breaker_factor: float = _setting(
        "TOCSIN_BREAKER_FACTOR",
        0.5,
        wording.fraction,
        "it opens where their delivery rate is below this share of the last 24 h; 0: never",
    )
    breaker_half_open_s: float = _setting(
        "TOCSIN_BREAKER_HALF_OPEN_S", 60.0, wording.positive, "an open breaker lets a little traffic try after this"
    )
    breaker_share_percent: float = _setting(
        "TOCSIN_BREAKER_SHARE_PERCENT", 1.0, wording.percent, "of a hundred messages, how many try"
    )
    bad_signs_per_minute: int = _setting(
        "TOCSIN_BAD_SIGNS_PER_MINUTE", 100, wording.count, "failed signs a minute of one address and account"
    )
    bad_signs_per_address: int = _setting(
        "TOCSIN_BAD_SIGNS_PER_ADDRESS", 1000, wording.count, "failed signs a minute of one address"
    )
    link_events_per_address: int = _setting(
        "TOCSIN_LINK_EVENTS_PER_ADDRESS",
        6_000,
        wording.count,
        "opens and clicks of emails a minute of one address that are stored; IPv6 by its /64",
    )
    metrics_token: str = _setting(
        "TOCSIN_METRICS_TOKEN",
        "",
        wording.token,
        "what a scrape of the API's /metrics shows as its Bearer token; without one, only this machine may scrape",
        secret=True,
    )

    console_port: int = _setting(
        "TOCSIN_CONSOLE_PORT",
        8081,
        wording.port_or_none,
        "port that the console listens on, at TOCSIN_HOST; 0: no console",
    )
    console_processes: int = _setting(
        "TOCSIN_CONSOLE_PROCESSES", 1, wording.count, "processes that serve the console's pages, on one port"
    )
    console_url: str = _setting(
        "TOCSIN_CONSOLE_URL",
        "",
        wording.url,
        "address by which people reach the console, where a proxy stands before it",
    )
    api_url: str = _setting(
        "TOCSIN_API_URL", "", wording.url, "address by which customers reach the API: the console's samples name it"
    )
    smtp_url: str = _setting(
        "TOCSIN_SMTP_URL",
        "",
        wording.smtp,
        "server for the console's mails: smtp://user:password@host:587 (STARTTLS) or smtps://...; without it none go",
        secret=True,
    )
    mail_from: str = _setting(
        "TOCSIN_MAIL_FROM", "Tocsin <tocsin@localhost>", wording.text, "sender of the console's mails"
    )
    console_outbox: str = _setting(
        "TOCSIN_CONSOLE_OUTBOX",
        "off",
        wording.on_or_off,
        "without an SMTP server: show the console's mails to everybody on a page; on in the demo, never in production",
    )
    demo_public: str = _setting(
        "TOCSIN_DEMO_PUBLIC",
        "off",
        wording.on_or_off,
        "with a TOCSIN_HOST that others reach: serve the demo's published key and log-in to them, on purpose",
    )
    start_balance: int = _setting(
        "TOCSIN_START_BALANCE", 1, wording.count_or_none, "money that a new account of the console starts with"
    )
    start_plan: str = _setting("TOCSIN_START_PLAN", "default", wording.text, "plan of a new account of the console")
    start_rate: int = _setting(
        "TOCSIN_START_RATE", 20, wording.count, "requests a second of a new account of the console"
    )
    start_balances_per_day: int = _setting(
        "TOCSIN_START_BALANCES_PER_DAY",
        100,
        wording.count_or_none,
        "start balances given in 24 h; then accounts start with none",
    )
    sign_in_days: int = _setting(
        "TOCSIN_SIGN_IN_DAYS", 180, wording.count, "days that the console keeps log-ins and tries that failed"
    )

    files_days: int = _setting(
        "TOCSIN_FILES_DAYS", 7, wording.count, "exports and uploads of the console are kept this many days"
    )
    files_mb: int = _setting(
        "TOCSIN_FILES_MB",
        1024,
        wording.count,
        "exports, uploads and attachments of an account take this many MB at most",
    )

    @property
    def files_bytes(self) -> int:
        """`files_mb` in bytes."""
        return self.files_mb << 20

    def describe(self) -> list[Shown]:
        """Every setting with its effective value, secrets hidden."""
        return [_show(self, field) for field in dataclasses.fields(self)]

    def replace(self, **changes: Any) -> Settings:
        """A copy with some values changed."""
        return dataclasses.replace(self, **changes)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from an environment. An empty variable is an absent one. Raises SettingsError with all mistakes."""
    mistakes = _find_unknown(environ)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        name, text = field.metadata["name"], environ.get(field.metadata["name"], "").strip()
        if not text:
            continue
        try:
            values[field.name] = field.metadata["read"](text)
        except ValueError as error:
            mistakes.append(f"{name} {error}")
    if not mistakes and bool(values.get("tls_certificate")) != bool(values.get("tls_key")):
        mistakes.append("TOCSIN_TLS_CERTIFICATE and TOCSIN_TLS_KEY belong together: set both or none")
    if mistakes:
        raise SettingsError(mistakes)
    values["home"] = cast(Path, values.get("home", Path("var"))).absolute()
    return Settings(**values)


def _find_unknown(environ: Mapping[str, str]) -> list[str]:
    known = [field.metadata["name"] for field in dataclasses.fields(Settings)]
    mistakes = []
    for name in sorted(environ):
        if name.startswith("TOCSIN_") and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            mistakes.append(f"{name} is not a setting" + (f": did you mean {near[0]}?" if near else ""))
    return mistakes


def _show(settings: Settings, field: dataclasses.Field[Any]) -> Shown:
    value = getattr(settings, field.name)
    default = field.default.absolute() if isinstance(field.default, Path) else field.default
    source = "default" if value == default else "set"
    if field.metadata["secret"]:
        text = wording.hide(value)
    elif isinstance(value, tuple):
        text = ",".join(map(str, value))
    else:
        text = "" if value is None else str(value)
    return Shown(field.metadata["name"], text, source, field.metadata["help"])
