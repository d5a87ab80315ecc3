"""One push over the wire: body, signature, headers, and what came back."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import NamedTuple

from tocsin.kit import clock
from tocsin.kit.egress import AddressRefusedError, Egress, NoAnswerError
from tocsin.kit.seal import SealError
from tocsin.webhooks import rows, rules, sign
from tocsin.webhooks.model import Endpoint, Push

_HEADERS = (
    b"Content-Type: application/json;charset=UTF-8\r\nAccept: */*\r\nUser-Agent: Tocsin\r\n"
    b"webhook-id: %b\r\nwebhook-timestamp: %d\r\nwebhook-signature: %b\r\n"
)
_KEPT_TEXT = 2000
_ENDS = (AddressRefusedError, NoAnswerError, SealError, ValueError, OSError, ssl.SSLError)


class Keys:
    """Signing keys of endpoints, opened once."""

    def __init__(self, open_sealed: Callable[[str], str]) -> None:
        self._open = open_sealed
        self._known: dict[str, bytes] = {}

    def of(self, endpoint: Endpoint) -> bytes:
        """The key that signs. Raises what the seal raises."""
        key = self._known.get(endpoint.secret)
        if key is None:
            if len(self._known) > 10_000:
                self._known.clear()
            key = self._known[endpoint.secret] = sign.key_of(self._open(endpoint.secret))
        return key


class Result(NamedTuple):
    """status 0: no answer."""

    began: float  # monotonic
    ended: float  # monotonic
    wall: float  # epoch seconds, at the beginning
    status: int
    asked_wait_s: float
    error: str
    answer: str


async def post(egress: Egress, endpoint: Endpoint, keys: Keys, push: Push) -> Result:
    """Push it once. Never raises for what the other side does."""
    body = push.body if endpoint.kind == "uplink" else rows.body(endpoint.kind, push.n, push.body)
    wall, began = clock.now_s(), clock.monotonic_s()
    try:
        signature = sign.sign(keys.of(endpoint), push.webhook_id, int(wall), body)
        headers = _HEADERS % (push.webhook_id.encode(), int(wall), signature)
        answer = await egress.post(endpoint.url, headers, body)
    except _ENDS as error:
        reason = _clean(str(error) or type(error).__name__)
        return Result(began, clock.monotonic_s(), wall, 0, 0.0, reason, "")
    asked = rules.asked_wait_s(answer.status, answer.header("retry-after"), wall)
    error_text = "" if rules.is_taken(answer.status) else f"answered {answer.status}"
    text = "" if not answer.body else _clean(answer.body.decode("utf-8", "replace"))
    return Result(began, clock.monotonic_s(), wall, answer.status, asked, error_text, text)


def _clean(text: str) -> str:
    return text[:_KEPT_TEXT].replace("\x00", "�")
