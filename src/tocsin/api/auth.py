"""Who is calling: the sign of the API page, checked in constant time.

sign = MD5 of account + API key + datetime (the page's own scheme; contract, section 1). An unknown account, a wrong key
and a stale clock all cost the same and answer -1. The console's calls are signed otherwise (accounts/calls.py): a person
may send without a key. Authority is checked here and nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from tocsin.accounts import CALL_SIGN_LENGTH, Account, Call, Directory, Key, is_signed
from tocsin.api.wire import TOO_MANY_PARAMETERS, CutQuery, Request
from tocsin.content import Status
from tocsin.kit.visitor import read_visitor
from tocsin.messaging import Refusal

CLOCK_WITHIN_S = 1800
CONSOLE_CLOCK_WITHIN_S = 300  # the clocks of one installation
_SIGNED = frozenset({"account", "sign", "datetime"})
_NAME_MOST, _STAMP_LENGTH = 64, 10
_NOBODY = "no such account"


def compute_sign(account: str, api_key: str, datetime_text: str) -> str:
    """Lowercase hex MD5 of the three, as the page says. Kept for a while: a client signs once a second, not once a request.

    Texts that are too long to be an account or a time are not kept: strangers choose them.
    """
    bounded = len(account) <= _NAME_MOST and len(datetime_text) <= _STAMP_LENGTH
    return (_compute_again if bounded else _compute_sign)(account, api_key, datetime_text)


def _compute_sign(account: str, api_key: str, datetime_text: str) -> str:
    return hashlib.md5(f"{account}{api_key}{datetime_text}".encode(), usedforsecurity=False).hexdigest()


_compute_again = lru_cache(maxsize=4096)(_compute_sign)


class Caller(NamedTuple):
    """Who signed, and with which of his keys."""

    account: Account
    key_id: int


def authenticate(directory: Directory, query: Mapping[str, str], body_has: bool, now_s: float) -> Caller | Refusal:
    """The account that signed the URL's account, sign and datetime; else -1. -12 where the URL was not read to its end."""
    name, sign, stamp = query.get("account", ""), query.get("sign", ""), query.get("datetime", "")
    account = directory.by_name(name) if name else None
    key = _find_key(account, name, sign.lower(), stamp, now_s)
    if not name or not sign or not stamp:
        where = (
            "account, sign and datetime belong into the URL" if body_has else "account, sign and datetime are needed"
        )
        return Refusal(Status.AUTHENTICATION, where)
    if account is None or key is None:
        return Refusal(Status.AUTHENTICATION)
    if len(stamp) != _STAMP_LENGTH or not stamp.isascii() or not stamp.isdigit():
        return Refusal(Status.AUTHENTICATION, "datetime must be epoch seconds of 10 digits")
    if abs(int(stamp) - now_s) > CLOCK_WITHIN_S:
        return Refusal(Status.AUTHENTICATION, "datetime is more than 30 minutes off")
    if isinstance(query, CutQuery):
        return Refusal(Status.PLATFORM, TOO_MANY_PARAMETERS)
    return Caller(account, key.id)


def _find_key(account: Account | None, name: str, sign: str, stamp: str, now_s: float) -> Key | None:
    """The key that signed. One MD5 and one compare at least, whoever calls."""
    live: list[Key | None] = [key for key in account.keys if key.expires_at > now_s] if account else []
    given = sign.encode("utf-8", "replace")
    found = None
    for key in live or [None]:
        try:
            wanted = compute_sign(name, key.secret if key else _NOBODY, stamp).encode()
        except UnicodeEncodeError:
            wanted = b"-"
        if hmac.compare_digest(wanted, given):
            found = key
    return found


def is_of_console(query: Mapping[str, str]) -> bool:
    """Whether a request says that it is a call of the console."""
    return len(query.get("sign", "")) == CALL_SIGN_LENGTH


def authenticate_console(
    directory: Directory, keys: Sequence[bytes], request: Request, now_s: float
) -> Caller | Refusal:
    """For whom the console calls, by no key of his (0); else -1. All that it says is signed: it has no other parameters.

    Of the body, its digest alone: whether the body has it is looked at when it has come.
    """
    query = request.query
    name, stamp = query.get("account", ""), query.get("datetime", "")
    call = Call(name, stamp, request.path, request.idempotency_key or "", request.body_digest)
    account = directory.by_name(name)
    signed = is_signed(keys, call, query.get("sign", ""))
    if account is None or not signed or request.method != "POST" or query.keys() != _SIGNED:
        return Refusal(Status.AUTHENTICATION)
    if not (stamp.isascii() and stamp.isdigit()) or abs(int(stamp) - now_s) > CONSOLE_CLOCK_WITHIN_S:
        return Refusal(Status.AUTHENTICATION, "the clocks of console and API are more than 5 minutes apart")
    return Caller(account, 0)


def may_come_from(account: Account, address: str) -> bool:
    """The account's IP allow-list; an empty one allows all."""
    if not account.allow:
        return True
    ip = read_visitor(address)
    return ip is not None and account.lets_in(ip)
