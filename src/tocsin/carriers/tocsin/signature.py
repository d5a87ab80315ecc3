"""Checks the signature of a push by the Standard Webhooks specification (symmetric, v1). Pure."""

from __future__ import annotations

import base64
import hmac

from tocsin.carriers.model import Called

_PREFIX = "whsec_"
_WITHIN_S = 300
_SIGNATURES_MOST = 8


def key_of(secret: str) -> bytes:
    """The bytes that sign. Raises ValueError (binascii.Error is one) for what is no secret."""
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)


def is_signed(called: Called, key: bytes, now: float) -> bool:
    """Whether one of its signatures is the key's, over id, time and body; the time is at most five minutes off."""
    name, stamp = called.header("webhook-id"), called.header("webhook-timestamp")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12) or abs(int(stamp) - now) > _WITHIN_S:
        return False
    digest = hmac.digest(key, b"%b.%b.%b" % (name.encode(), stamp.encode(), called.body), "sha256")
    wanted = b"v1," + base64.b64encode(digest)
    given = called.header("webhook-signature").split()[:_SIGNATURES_MOST]
    return any(hmac.compare_digest(wanted, each.encode("utf-8", "replace")) for each in given)
