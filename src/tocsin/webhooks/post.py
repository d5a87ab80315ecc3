"""One push over the wire: body, signature, headers, and what came back."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tocsin.kit import clock
from tocsin.kit.address import read_url
from tocsin.kit.egress import AddressRefusedError, Egress, NoAnswerError
from tocsin.kit.seal import SealError
from tocsin.webhooks import rows, rules, sign
from tocsin.webhooks.model import Endpoint, Push

_HEADERS = (
    b"Content-Type: application/json;charset=UTF-8\r\nAccept: */*\r\nUser-Agent: Tocsin\r\n"
    b"webhook-id: %b\r\nwebhook-timestamp: %d\r\nwebhook-signature: %b\r\n"
)
_TEST_HEADER = b"webhook-test: true\r\n"
_KEPT_TEXT = 2000
_KEPT_BODY = 4096
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
    """status 0: no answer. The last three: what was sent, as far as it came to that, and what was said."""

    began: float  # monotonic
    ended: float  # monotonic
    wall: float  # epoch seconds, at the beginning
    status: int
    asked_wait_s: float
    error: str
    answer: str
    headers: bytes = b""
    body: bytes = b""
    said: Mapping[bytes, bytes] | None = None


class Told(NamedTuple):
    """A request, head and start of the body, and the head of its answer."""

    request: str
    answer_head: str


NOT_TOLD = Told("", "")


async def post(egress: Egress, endpoint: Endpoint, keys: Keys, push: Push, *, test: bool = False) -> Result:
    """Push it once. Never raises for what the other side does. `test`: a header says that it is one."""
    body = push.body if endpoint.kind == "uplink" else rows.body(endpoint.kind, push.n, push.body)
    wall, began = clock.now_s(), clock.monotonic_s()
    headers = b""
    try:
        signature = sign.sign(keys.of(endpoint), push.webhook_id, int(wall), body)
        headers = _HEADERS % (push.webhook_id.encode(), int(wall), signature)
        if test:
            headers += _TEST_HEADER
        answer = await egress.post(endpoint.url, headers, body)
    except _ENDS as error:
        reason = _clean(str(error) or type(error).__name__)
        return Result(began, clock.monotonic_s(), wall, 0, 0.0, reason, "", headers, body)
    asked = rules.asked_wait_s(answer.status, answer.header("retry-after"), wall)
    error_text = "" if rules.is_taken(answer.status) else f"answered {answer.status}"
    text = "" if not answer.body else _clean(answer.body.decode("utf-8", "replace"))
    ended, status = clock.monotonic_s(), answer.status
    return Result(began, ended, wall, status, asked, error_text, text, headers, body, answer.headers)


def describe(url: str, result: Result) -> Told:
    """What was sent and said, as texts of bounded size, for those who look for the fault."""
    try:
        head = b"POST %b%bContent-Length: %d\r\n" % (read_url(url).head, result.headers, len(result.body))
    except ValueError:
        return NOT_TOLD
    body = result.body[:_KEPT_BODY].decode("utf-8", "replace")
    cut = "…" if len(result.body) > _KEPT_BODY else ""
    request = f"{head.decode('latin-1')}\r\n{body}{cut}".replace("\x00", "�")
    said = "\r\n".join(
        f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in (result.said or {}).items()
    )
    return Told(request, _clean(said))


def _clean(text: str) -> str:
    return text[:_KEPT_TEXT].replace("\x00", "�")
