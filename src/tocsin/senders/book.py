"""Verified sending domains, in the memory of each process that takes sends. Renewed by kit.reference, read whole."""

from __future__ import annotations

from tocsin.kit.db import Session
from tocsin.senders import store


class MailDomains:
    """Source of sending domains. `shared`: the platform's, for accounts without a verified one; "": there is none."""

    clocks: tuple[str, ...] = ("mail_domain",)

    def __init__(self, shared: str = "") -> None:
        self._shared = shared
        self._of: dict[int, str] = {}

    def find(self, account_id: int) -> str | None:
        """The domain that an account's email comes from: the one that it added first; None: it may send no email."""
        return self._of.get(account_id) or self._shared or None

    async def load(self, session: Session) -> None:
        """Read all anew. Raises LOST."""
        self._of = dict(await store.read_verified(session))
