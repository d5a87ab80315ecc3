"""How the console calls the API for an account: signed with a key of the installation's own, not one of the account's.

The key is derived from the sealing keys, so no customer can learn it, and it is on no list of keys. The sign covers all
that a call says: account, time, path, idempotency key and the body's digest, which stands in a header, so that a stranger
is turned away before his body is read. Who overhears one can repeat it, which sends nothing
twice, and can do nothing else with it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Final, NamedTuple

CONSOLE_CALLS: Final = "console calls"
"""What the keys are derived for."""
CALL_SIGN_LENGTH: Final = 64
"""Hex digits: twice those of a customer's sign, by which the two are told apart."""


BODY_DIGEST: Final = "tocsin-body-digest"
"""The header of the body's digest."""


class Call(NamedTuple):
    """A POST as it is signed; `stamp`: epoch seconds as text."""

    account: str
    stamp: str
    path: str
    idempotency_key: str
    digest: str


def digest_body(body: bytes) -> str:
    """Lowercase hex BLAKE2b."""
    return hashlib.blake2b(body).hexdigest()


def sign_call(key: bytes, call: Call) -> str:
    """Lowercase hex HMAC-SHA256."""
    text = json.dumps(call)
    return hmac.new(key, text.encode("ascii"), hashlib.sha256).hexdigest()


def is_signed(keys: Sequence[bytes], call: Call, sign: str) -> bool:
    """Whether one of the installation's keys made the sign; in the same time whatever is wrong."""
    given, good = sign.encode("utf-8", "replace"), False
    for key in keys:
        good |= hmac.compare_digest(sign_call(key, call).encode(), given)
    return good
