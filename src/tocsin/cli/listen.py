"""`tocsin listen`: a small receiver that shows pushes as they come, for a first look and for trying things out.

It acknowledges everything it can read. It is no part of the product's own way of a message, and keeps nothing.
"""

from __future__ import annotations

import base64
import hmac
import signal
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import click
import msgspec

from tocsin import accounts
from tocsin.bootstrap.facts import DEMO, read_facts
from tocsin.cli.base import USAGE, Refusal, load_settings, verb, wants_json
from tocsin.cli.change import open_change, open_known_seal
from tocsin.cli.webhook import drop_endpoint, find_url, point_endpoint
from tocsin.kit import clock
from tocsin.kit.seal import open_seal
from tocsin.kit.settings import Settings

KINDS = ("sms", "mms", "vos", "mail", "uplink", "tracking")
_COUNTED = {"vos": "minutes", "mms": "messages", "mail": "messages"}
_MAX_BYTES = 1 << 20
_MAX_AGE_S = 300


@verb()
@click.option("--account", help="Whose news; default: the demo account.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8099, show_default=True, help="0: any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; the pusher must reach it.")
def listen(account: str | None, port: int, host: str) -> None:
    """Show an account's reports and replies as they are pushed, until Ctrl-C.

    Sets itself as the account's endpoint for reports of every product, replies and what is done with emails, checks
    every signature, and at its end puts back what was there before: another URL, or none, and then nothing waits. The
    pusher must be allowed to reach it: TOCSIN_PUSH_ALLOW=127.0.0.0/8 (the demo has that).

    \b
    Example: tocsin listen --account acme
    """
    settings = load_settings()
    name = account or str((read_facts(settings.home, DEMO) or {}).get("account") or "")
    if not name:
        raise Refusal("whose news? There is no demo account here: name one by --account", USAGE)
    try:
        receiver = Receiver((host, port), as_json=wants_json())
    except OSError as error:
        raise Refusal(f"cannot listen on {host} port {port}: {error.strerror}; try --port 0", USAGE) from error
    with receiver:
        before = _take_over(settings, name, receiver)
        try:
            _serve(receiver, name)
        finally:
            _give_back(settings, name, receiver, before)


def _take_over(settings: Settings, name: str, receiver: Receiver) -> dict[str, str | None]:
    """Set ourselves as endpoint; the URLs that were there."""
    with open_change(settings) as conn:
        seal = open_known_seal(conn, settings)
        found = accounts.find_account(conn, name)
        before = {kind: find_url(conn, found.id, kind) for kind in KINDS}
        for kind in KINDS:
            receiver.secrets[kind] = point_endpoint(conn, found, kind, receiver.url(kind), seal)
    return before


def _serve(receiver: Receiver, name: str) -> None:
    def end(*_: object) -> None:
        # From another thread: shutdown() waits for the loop that this handler interrupts.
        threading.Thread(target=receiver.shutdown).start()

    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, end)
    click.echo(f"Listening for {name} on {receiver.url('')}; Ctrl-C ends it.", err=True)
    receiver.serve_forever(poll_interval=0.2)


def _give_back(settings: Settings, name: str, receiver: Receiver, before: Mapping[str, str | None]) -> None:
    seal = open_seal(settings)
    for kind, url in before.items():
        with open_change(settings) as conn:
            conn.autocommit = True
            found = accounts.find_account(conn, name)
            if find_url(conn, found.id, kind) != receiver.url(kind):
                continue  # somebody set another one meanwhile
            if url and url != receiver.url(kind):
                with conn.transaction():
                    point_endpoint(conn, found, kind, url, seal)
                click.echo(f"{name}: {kind} goes to {url} again.", err=True)
            else:
                drop_endpoint(conn, found, kind)
                click.echo(f"{name}: {kind} goes nowhere again.", err=True)


class Receiver(ThreadingHTTPServer):
    """The server; a thread for each connection of the pusher."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], *, as_json: bool) -> None:
        super().__init__(address, _Handler)
        self.as_json = as_json
        self.secrets: dict[str, str] = {}
        self._printing = threading.Lock()

    def url(self, kind: str) -> str:
        """The URL for pushes of a kind."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/{kind}"

    def take(self, kind: str, headers: Mapping[str, str], body: bytes) -> None:
        """Show one push. Raises ValueError for what is no JSON."""
        push = msgspec.json.decode(body)
        checked = is_signed(self.secrets.get(kind, ""), headers, body, clock.now_s())
        with self._printing:
            if self.as_json:
                line = {"kind": kind, "signed": checked, "webhook_id": headers.get("webhook-id"), "body": push}
                click.echo(msgspec.json.encode(line).decode())
            else:
                click.echo("\n".join(tell(push)) + ("" if checked else "\n  WRONG SIGNATURE"))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        """Take a push; 200 acknowledges it."""
        length = int(self.headers.get("Content-Length") or 0)
        status = 413
        if length <= _MAX_BYTES:
            body = self.rfile.read(length)
            try:
                self.server.take(self.path.strip("/"), dict(self.headers.items()), body)
                status = 200
            except ValueError:
                status = 400
        else:
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: pushes are shown by the receiver."""


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """Whether a push is signed as the Standard Webhooks specification says, not over 5 minutes ago.

    Written out here as a client would write it, so that it proves the product's own signing.
    """
    low = {name.lower(): value for name, value in headers.items()}
    at, webhook_id = low.get("webhook-timestamp", ""), low.get("webhook-id", "")
    if not at.isascii() or not at.isdigit() or abs(int(at) - now_s) > _MAX_AGE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{webhook_id}.{at}.".encode() + body, "sha256")
    due = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(due, each) for each in low.get("webhook-signature", "").split())


def tell(push: Any) -> list[str]:
    """A push as lines: one for each row of reports, or the reply."""
    now = clock.now().strftime("%H:%M:%S")
    if isinstance(push, dict) and isinstance(push.get("array"), list):
        kind = str(push.get("type"))
        return [f"{now}  {kind}  {_tell_row(row, _COUNTED.get(kind, 'parts'))}" for row in push["array"]]
    if isinstance(push, dict) and "content" in push:
        return [f"{now}  reply  from {push.get('to')} to {push.get('fromNum')}: {push['content']}"]
    return [f"{now}  {msgspec.json.encode(push).decode()}"]


def _tell_row(row: Any, counted: str) -> str:
    if isinstance(row, dict) and "action_type" in row:
        what = [
            row.get(name)
            for name in ("receive_email", "action_type", "device_type", "device_name", "country_name", "city")
        ]
        return f"{'  '.join(filter(None, what))}  batch {row.get('taskName')}  id {row.get('mssId')}"
    if not isinstance(row, list) or len(row) < 6:
        return msgspec.json.encode(row).decode()
    message_id, phone, at, status, text, batch_no, *rest = row
    cost = f"  {counted} {rest[0]}  fee {rest[1]}" if len(rest) > 1 else ""
    return f"{phone}  {status} {text}  {at}{cost}  batch {batch_no}  id {message_id}"
