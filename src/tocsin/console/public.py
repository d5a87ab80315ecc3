"""The public API as the console calls it for an account: a person sends without a key, by the same rules and prices.

Free of Django: background processes call it too. It knows nothing of pages; what went wrong is a value.
"""

from __future__ import annotations

import http.client
import json
import secrets
import ssl
import time
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from tocsin.accounts import BODY_DIGEST, CONSOLE_CALLS, Call, digest_body, sign_call
from tocsin.content import Status
from tocsin.kit import clock
from tocsin.kit.seal import derive_keys
from tocsin.kit.settings import Settings

SMS: Final = "/api/v1/sms/sendbatchsms"
MMS: Final = "/api/v1/sms/mssSend"
NOTICE: Final = "/api/v1/vos/notice"
CODE: Final = "/api/v1/vos/otp"
EMAIL: Final = "/api/v1/email/sendEmail"
CANCEL: Final = "/api/v1/schedules/cancel"
QUOTE: Final = "/console/quote"
"""Before the path of a send: what it would be. The API answers it for the console alone; it needs no idempotency key."""

TIMEOUT_S: Final = 25.0
_CONNECT_S = 3.0
_TURNS = 4  # a new account, or a new sealing key, is known to the API within a second
_AGAIN_S = 0.5
_NOT_TAKEN, _BROKEN = 400, 500
_MOST_BYTES = 16 * 1024 * 1024  # 50,000 numbers with their ids are 6 MB


class Fate(Enum):
    """What became of a call."""

    ANSWERED = "answered"
    AWAY = "away"  # the API was not reached: nothing is sent
    UNKNOWN = "unknown"  # no answer came: it may be sent; the same call with the same key finds out


class File(NamedTuple):
    """A file of a send, by the name that its sender gave it. A list of them in a body is sent as such."""

    name: str
    data: bytes


class Answer(NamedTuple):
    """What the API said; status and data are the API page's. Without an answer `message` says what is in the way."""

    fate: Fate
    status: int
    message: str
    data: Mapping[str, Any]

    @property
    def good(self) -> bool:
        """Accepted: at least one number goes."""
        return self.fate is Fate.ANSWERED and self.status == 0


class Line(NamedTuple):
    """Where the API is, whom its certificate is trusted for, and the keys that sign."""

    url: str
    keys: tuple[bytes, ...]
    certificate: str  # of this installation, on this machine; "": as the system trusts


class Reached(NamedTuple):
    """An HTTP answer."""

    http: int
    body: bytes


def open_line(settings: Settings, api_url: str) -> Line:
    """The line of this installation; `api_url`: where the API is, by its process' settings. Raises SettingsError."""
    own = settings.tls_certificate if settings.tls_certificate and not settings.api_url else ""
    return Line(settings.api_url or api_url, derive_keys(settings, CONSOLE_CALLS), str(own))


def call(
    line: Line, account: str, path: str, body: Mapping[str, Any], idempotency_key: str, timeout_s: float = TIMEOUT_S
) -> Answer:
    """POST `body` to `path` for the account. The same call with the same key sends once, whatever became of the first."""
    kind, data = _encode(body)
    digest = digest_body(data)
    answer = Answer(Fate.AWAY, int(Status.AUTHENTICATION), "no sealing key", {})
    for key in _take_turns(line.keys):
        at = str(int(clock.now_s()))
        sign = sign_call(key, Call(account, at, path, idempotency_key, digest))
        query = urlencode({"account": account, "sign": sign, "datetime": at})
        headers = {"Content-Type": kind, "Idempotency-Key": idempotency_key, BODY_DIGEST: digest}
        answer = _ask(line, f"{path}?{query}", data, headers, timeout_s)
        if answer.fate is not Fate.ANSWERED or answer.status != Status.AUTHENTICATION:
            break
    return answer


def _encode(body: Mapping[str, Any]) -> tuple[str, bytes]:
    """Content type and bytes: JSON, or multipart where there are files."""
    files = {name: value for name, value in body.items() if isinstance(value, list) and _holds_files(value)}
    if not files:
        return "application/json", json.dumps(body).encode()
    boundary, pieces = secrets.token_hex(16), list[bytes]()
    for name, value in body.items():
        if name in files:
            pieces.extend(_word_file(boundary, name, file) for file in value)
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            pieces.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces) + f"--{boundary}--\r\n".encode()


def _holds_files(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(each, File) for each in value)


def _word_file(boundary: str, name: str, file: File) -> bytes:
    safe = file.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{safe}"\r\n'
    return f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + file.data + b"\r\n"


def _take_turns(keys: tuple[bytes, ...]) -> Iterator[bytes]:
    """The first key, then the others, which an API that was started before a rotation knows; and again a little later."""
    for turn in range(_TURNS):
        if turn:
            time.sleep(_AGAIN_S)
        yield from keys


def _ask(line: Line, target: str, data: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
    connection = open_connection(line)
    try:
        connection.connect()
        connection.sock.settimeout(timeout_s)
    except OSError as error:
        connection.close()
        return Answer(Fate.AWAY, 0, f"{line.url}: {error or type(error).__name__}", {})
    try:
        return _read(exchange(connection, line, target, data, headers))
    except (OSError, http.client.HTTPException) as error:
        return Answer(Fate.UNKNOWN, 0, f"{line.url}: {error or type(error).__name__}", {})
    finally:
        connection.close()


def open_connection(line: Line) -> http.client.HTTPConnection:
    """A connection that is made with its first request."""
    place = urlsplit(line.url)
    host, port = place.hostname or "", place.port
    if place.scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=_CONNECT_S)
    trusting = ssl.create_default_context(cafile=line.certificate or None)
    if line.certificate:
        trusting.check_hostname = False
    return http.client.HTTPSConnection(host, port, timeout=_CONNECT_S, context=trusting)


def exchange(
    connection: http.client.HTTPConnection, line: Line, target: str, data: bytes, headers: Mapping[str, str]
) -> Reached:
    """One POST. Raises OSError, HTTPException."""
    connection.request("POST", urlsplit(line.url).path + target, data, dict(headers))
    answer = connection.getresponse()
    return Reached(answer.status, answer.read(_MOST_BYTES))


def _read(reached: Reached) -> Answer:
    if reached.http == http.HTTPStatus.GATEWAY_TIMEOUT:
        return Answer(Fate.UNKNOWN, 0, "504", {})
    try:
        found = json.loads(reached.body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("status"), int):
        fate = Fate.AWAY if _NOT_TAKEN <= reached.http < _BROKEN else Fate.UNKNOWN
        return Answer(fate, 0, f"HTTP {reached.http}", {})
    data = found.get("data")
    return Answer(
        Fate.ANSWERED, found["status"], str(found.get("message") or ""), data if isinstance(data, dict) else {}
    )
