"""Requests as ready bytes, and numbers for them: made before the clock runs, so that the client costs little."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass

PATH = "/api/v1/sms/sendbatchsms"
COUNTRY = 10007
TEXT = "Your parcel is on its way and arrives today"
_FIRST, _SPAN = 1_000_000, 8_000_000  # the last seven digits stay clear of the sandbox's outcomes


@dataclass(frozen=True)
class Caller:
    """Who sends, and where to."""

    port: int
    account: str = "bench"
    api_key: str = "bench"


def make_numbers(start: int, count: int) -> list[str]:
    """`count` different Indonesian mobile numbers without country code, from the `start`-th on."""
    return [f"812{n // _SPAN % 9 + 1}{_FIRST + n % _SPAN}" for n in range(start, start + count)]


def build_send(caller: Caller, numbers: list[str], action: str = "NOTIFICATION") -> bytes:
    """A signed POST, whole, for a connection that is kept; the sign holds for 30 minutes."""
    fields = {"numbers": ",".join(numbers), "codeId": str(COUNTRY), "content": TEXT, "action": action}
    body = json.dumps(fields, separators=(",", ":")).encode()
    head = (
        f"POST {PATH}?{sign_query(caller)} HTTP/1.1\r\nHost: 127.0.0.1:{caller.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def sign_query(caller: Caller) -> str:
    """account, sign and datetime."""
    at = int(time.time())
    sign = hashlib.md5(f"{caller.account}{caller.api_key}{at}".encode(), usedforsecurity=False).hexdigest()
    return f"account={caller.account}&sign={sign}&datetime={at}"
