"""All accounts in memory: who may send, from where, with which keys.

A request is authenticated without a statement. Renewed by kit.reference: what changed is read by
version, the rest stays. It leads to API keys in the clear, in memory alone: nothing here may log or print one.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network

from psycopg.rows import TupleRow

from tocsin.accounts import store
from tocsin.accounts.model import NO_GRANTS, Account, Grants, Key, Network
from tocsin.kit.db import Session

_LOG = logging.getLogger("tocsin.accounts")
_PAGE = 500
_NOWHERE: Network = ip_network("100::/128")  # RFC 6666: no client has this address


class Directory:
    """Source of accounts. `unseal` turns a stored key into the key; its SealError makes that one key unusable."""

    clocks: tuple[str, ...] = (
        "account", "account.deleted", "api_key", "api_key.deleted", "account_grant", "account_grant.deleted", "plan",
    )  # fmt: skip

    def __init__(self, unseal: Callable[[str], str]) -> None:
        self._unseal = unseal
        self._by_id: dict[int, Account] = {}
        self._by_name: dict[str, Account] = {}
        self._since = store.Versions(0, 0, 0)
        self.by_name: Callable[[str], Account | None] = self._by_name.get
        self.by_id: Callable[[int], Account | None] = self._by_id.get

    def __len__(self) -> int:
        return len(self._by_id)

    def all(self) -> list[Account]:
        """Every account."""
        return list(self._by_id.values())

    async def load(self, session: Session) -> None:
        """Read all anew, page by page: the loop goes on with its requests between pages. Raises LOST."""
        since = await store.read_versions(session)
        accounts: list[Account] = []
        after_id = 0
        while rows := await store.read_page(session, after_id, _PAGE):
            accounts.extend(self._account(row) for row in rows)
            after_id = rows[-1][0]
        self._replace(accounts, {account.id for account in accounts})
        self._since = since

    async def refresh(self, session: Session, moved: frozenset[str]) -> None:
        """Read the accounts that changed. Raises LOST."""
        if any(name == "plan" or name.endswith(".deleted") for name in moved):
            await self.load(session)
            return
        since = await store.read_versions(session)
        ids = await store.changed_ids(session, self._since)
        for start in range(0, len(ids), _PAGE):
            rows = await store.read_some(session, ids[start : start + _PAGE])
            self._put(self._account(row) for row in rows)
        self._since = since

    def _replace(self, accounts: Sequence[Account], ids: set[int]) -> None:
        # In place: by_name and by_id are bound methods of these two dictionaries.
        names = {account.name for account in accounts}
        for gone_id in [known for known in self._by_id if known not in ids]:
            del self._by_id[gone_id]
        for gone in [name for name in self._by_name if name not in names]:
            del self._by_name[gone]
        self._by_id.update((account.id, account) for account in accounts)
        self._by_name.update((account.name, account) for account in accounts)

    def _put(self, accounts: Iterable[Account]) -> None:
        for account in accounts:
            before = self._by_id.get(account.id)
            if before is not None and before.name != account.name and self._by_name.get(before.name) is before:
                del self._by_name[before.name]
            self._by_id[account.id] = account
            self._by_name[account.name] = account

    def _account(self, row: TupleRow) -> Account:
        return Account(
            id=row[0], name=row[1], plan_id=row[2], charge_failed=row[3], locked=row[4],
            language=sys.intern(row[5]), currency=sys.intern(row[6]), allow=_networks(row[1], row[7]),
            rate_per_s=row[8], max_parts=row[9], eight_fields=row[10], swap_uplink=row[11],
            keys=self._keys(row[12] or (), row[13] or (), row[17] or ()), grants=_grants(row[14] or ()),
            extra_events=row[15], drop_machine_opens=row[16],
        )  # fmt: skip

    def _keys(self, sealed: Sequence[str], ends: Sequence[float], ids: Sequence[int]) -> tuple[Key, ...]:
        return tuple(Key(text, end, self._unseal, key_id) for text, end, key_id in zip(sealed, ends, ids, strict=True))


def _networks(name: str, texts: Sequence[str]) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:
            # Fails closed: an entry that nobody can read must not open the account to every address.
            _LOG.error("allow-list of account %s: %r is no network", name, text)
            found.append(_NOWHERE)
    return tuple(found)


def _grants(pairs: Sequence[Sequence[str]]) -> Grants:
    if not pairs:
        return NO_GRANTS
    found: dict[str, set[str]] = {}
    for kind, value in pairs:
        found.setdefault(sys.intern(kind), set()).add(value)
    return {kind: frozenset(values) for kind, values in found.items()}
