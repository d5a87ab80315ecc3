"""What the data plane knows of an account. Structs without garbage-collector tracking: there may be 100,000."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

import msgspec

from tocsin.kit.seal import SealError
from tocsin.kit.suggest import UnknownNameError

_LOG = logging.getLogger("tocsin.accounts")

Network = IPv4Network | IPv6Network
Grants = dict[str, frozenset[str]]

NO_GRANTS: Grants = {}
SENDER, SHOW_PHONE, ROUTING, FREE_TEXT = "sender", "show-phone", "routing", "free-text"
POOL = "sender-pool"  # of a sender that is granted: see pool.py
GRANT_KINDS = (SENDER, SHOW_PHONE, ROUTING, FREE_TEXT)
LANGUAGES = ("en", "zh")


class Key(msgspec.Struct, gc=False):
    """An API key and until when it holds (epoch seconds; infinity: until it is rotated).

    `text` is sealed where there is an `unseal`: a start with 100,000 accounts must not wait for as many decryptions, so
    a key is opened when it is first used. One that cannot be opened becomes a random text: no sign fits it.
    """

    text: str
    expires_at: float
    unseal: Callable[[str], str] | None = None
    id: int = 0

    @property
    def secret(self) -> str:
        """The key in the clear; never log or print it."""
        if self.unseal is not None:
            self.text, self.unseal = _open(self.text, self.unseal), None
        return self.text

    def __repr__(self) -> str:
        """Without the secret: what is printed may be logged."""
        return f"Key(expires_at={self.expires_at})"


def _open(sealed: str, unseal: Callable[[str], str]) -> str:
    try:
        return unseal(sealed)
    except SealError as error:
        _LOG.error("an API key cannot be used: %s", error)
        return secrets.token_hex(16)


class Account(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One account with its keys and grants, as of the last renewal."""

    id: int
    name: str
    plan_id: int
    charge_failed: bool  # of its plan: what failed at the carrier is charged
    locked: bool
    language: str  # en, zh
    currency: str
    allow: tuple[Network, ...]  # empty: every address
    rate_per_s: int | None  # requests per second; None: no limit
    max_parts: int
    eight_fields: bool
    swap_uplink: bool
    keys: tuple[Key, ...]
    grants: Grants  # kind -> values
    extra_events: bool = False  # of emails: unsubscribed, complained and bounced are pushed too
    drop_machine_opens: bool = False  # what a machine opened or clicked is not pushed

    def live_secrets(self, now_s: float) -> list[str]:
        """The API keys that hold now, newest last."""
        return [key.secret for key in self.keys if key.expires_at > now_s]

    def lets_in(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether requests may come from `address`."""
        return not self.allow or any(address in network for network in self.allow)

    def granted(self, kind: str, value: str) -> bool:
        """Whether the operator granted `value` (a sender, a channel's name, a country's ISO code ...)."""
        return value in self.grants.get(kind, ())


class AccountError(ValueError):
    """What cannot be done with an account, as one sentence for the operator."""


class AccountNameError(UnknownNameError, AccountError):
    """A name that does not exist; the command line says which ones are close."""


class AccountFacts(NamedTuple):
    """An account as the operator sees and sets it."""

    id: int
    name: str
    plan: str
    locked: bool
    currency: str
    language: str
    allow_ips: list[str]
    rate_per_s: int | None
    max_parts: int
    eight_fields: bool
    swap_uplink: bool
    extra_events: bool
    drop_machine_opens: bool
    created_at: datetime
    display_name: str  # as people read it; "": by its name


class PoolRow(NamedTuple):
    """A sender of a pool; `country_id` None: for every country; not `granted`: it is passed over."""

    account: str
    sender: str
    country_id: int | None
    granted: bool


class KeyFacts(NamedTuple):
    """A stored key; `expires_at` None: it holds until it is rotated. `used_at`: to the minute; None: never."""

    id: int
    sealed: str
    created_at: datetime
    expires_at: datetime | None
    name: str
    used_at: datetime | None
