"""Signatures of pushes by the Standard Webhooks specification (symmetric, v1). Pure."""

from __future__ import annotations

import base64
import hmac
import os

_PREFIX = "whsec_"
_KEY_BYTES = 32


def new_secret() -> str:
    """A secret as its owner sees it: "whsec_" and base64 of 32 random bytes."""
    return _PREFIX + base64.b64encode(os.urandom(_KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign. Raises ValueError for what is no secret."""
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)


def sign(key: bytes, webhook_id: str, at_s: int, body: bytes) -> bytes:
    """Value of the header webhook-signature: HMAC-SHA256 over id, timestamp and body, joined by dots."""
    digest = hmac.digest(key, b"%b.%d.%b" % (webhook_id.encode(), at_s, body), "sha256")
    return b"v1," + base64.b64encode(digest)
