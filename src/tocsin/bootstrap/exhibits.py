"""One of everything that the demo's pages show besides traffic: templates, lists, keys, people, requests.

In the caller's transaction. Times are counted back from now; nothing that the account has already is changed.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import accounts, billing, templates
from tocsin.bootstrap.login import LOGIN
from tocsin.bootstrap.sends import QUERIES, Owner, Send
from tocsin.content import Status
from tocsin.kit.seal import Seal
from tocsin.templates import Draft, State
from tocsin.traffic import Product

Conn = Connection[TupleRow]

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_ALERT_MICROS: Final = 50 * billing.MICROS
# Kind, name, subject, text, state, why it was rejected.
_TEMPLATES: Final = (
    ("sms", "Parcel today", "", "Hello {1}, your parcel {2} arrives today.", State.APPROVED, ""),
    ("voice", "Code by call", "", "Your code is {1}.", State.APPROVED, ""),
    ("email", "What is new", "What is new in {1}", "<h1>Hello</h1><p>Our {1}.</p>", State.APPROVED, ""),
    (
        "sms",
        "Big sale",
        "",
        "You have won {1}! Call now.",
        State.REJECTED,
        "It promises a prize. Say what the offer is.",
    ),
    ("mms", "New in our shops", "", "Have a look, {1}: new in our shops.", State.PENDING, ""),
    ("sms", "Appointment", "", "Your appointment at ACME is on {1} at {2}.", State.DRAFT, ""),
)
_PATHS: Final = {
    Product.SMS: "/api/v1/sms/sendbatchsms", Product.MMS: "/api/v1/sms/mssSend", Product.VOICE_NOTICE: "/api/v1/vos/notice",
    Product.VOICE_OTP: "/api/v1/vos/otp", Product.EMAIL: "/api/v1/email/sendEmail",
}  # fmt: skip
_REFUSED: Final = (
    (Status.AUTHENTICATION, ""),
    (Status.NUMBER_EMPTY, '{"numbers":"","codeId":10007,"content":"Hello","action":"NOTIFICATION"}'),
    (Status.CONTENT_EMPTY, '{"numbers":"81234567801","codeId":10007,"content":"","action":"NOTIFICATION"}'),
    (Status.COUNTRY_UNKNOWN, '{"numbers":"81234567801","codeId":7,"content":"Hello","action":"NOTIFICATION"}'),
)
_PEOPLE: Final = (
    ("mei@acme.example", "Mei Lin", "finance", "zh-hans", 25),
    ("raj@acme.example", "Raj Patel", "developer", "en", 20),
    ("dana@acme.example", "", "viewer", "en", 3),
)
_INVITED: Final = (("kai@acme.example", "viewer", 1), ("lea@acme.example", "finance", 9))  # the last link is over
_NO_PASSWORD: Final = "!demo"  # noqa: S105  as Django marks one that fits nothing
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1",
)
# Hours ago, address, which browser, what failed.
_SIGN_INS: Final = (
    (150, "203.0.113.7", 0, ""),
    (75, "198.51.100.9", 1, "password"),
    (74, "198.51.100.9", 1, ""),
    (26, "203.0.113.7", 0, ""),
)


def add_templates(conn: Conn, owner: Owner, end_ms: int) -> int:
    """One in each state; the id of the one for SMS that may be sent."""
    made = []
    for turn, (kind, name, subject, text, state, reason) in enumerate(_TEMPLATES):
        begun = state if state is State.DRAFT else State.PENDING
        draft = Draft(account_id=owner.id, kind=kind, name=name, subject=subject, text=text, state=begun)
        made.append(templates.add_template(conn, draft).id)
        if state is State.APPROVED:
            templates.approve_template(conn, made[-1])
        if state is State.REJECTED:
            templates.reject_template(conn, made[-1], reason)
        conn.execute(QUERIES["date_template"], {"id": made[-1], "ms": end_ms - (12 - turn) * _DAY_MS})
    return made[0]


def add_lists(conn: Conn, owner: Owner, end_ms: int) -> None:
    """Numbers that somebody entered, the names that the account sends by, and the alert."""
    facts = {"account": owner.id, "ms": end_ms - 9 * _DAY_MS}
    conn.execute(QUERIES["barred_by_hand"], facts | {"values": ["6281200000101", "6591000102", "angry@example.com"]})
    conn.execute(QUERIES["opted_out_by_hand"], facts | {"values": ["8613800000103"]})
    conn.execute(QUERIES["grant"], {"account": owner.id, "sender": "ACME"})
    conn.execute(QUERIES["mail_domain"], {"account": owner.id, "domain": "acme.example"})
    if billing.read_alert(conn, owner.id) is None:
        billing.set_alert(conn, owner.id, _ALERT_MICROS, [LOGIN])


def add_keys(conn: Conn, owner: Owner, end_ms: int, begin_ms: int, seal: Seal) -> int:
    """A key that was in use before; the id of the one that is."""
    key_id = accounts.list_keys(conn, owner.id)[-1].id
    old = accounts.add_key(conn, owner.id, seal.seal("retired"), "Web shop, until the move")
    conn.execute(QUERIES["date_key"], {"id": old, "ms": begin_ms, "end": (begin_ms + end_ms) // 2})
    conn.execute(QUERIES["use_key"], {"id": old, "ms": (begin_ms + end_ms) // 2 - _HOUR_MS})
    return key_id


def add_requests(conn: Conn, owner: Owner, sends: list[Send], key_id: int) -> None:
    """The requests that brought the batches, and some that were refused before them."""
    sent = [each for each in sends if not each.request.startswith("console-")]
    for turn, (status, body) in enumerate(_REFUSED):
        facts = {
            "ms": sends[0].ms - (60 - 10 * turn) * 1000,
            "request": f"{turn:016x}",
            "path": _PATHS[Product.SMS],
            "body": body,
        }
        facts |= {"status": int(status), "message": status.text, "receivers": 0, "batch": 0, "took": 3}
        conn.execute(QUERIES["request"], facts | {"account": owner.id, "key": key_id if body else 0})
    for send in sent:
        facts = {"ms": send.ms, "request": send.request, "path": _PATHS[send.kind.product], "body": "", "status": 0}
        facts |= {"message": Status.SUBMITTED.text, "receivers": send.n, "batch": send.batch_no, "took": 14}
        conn.execute(QUERIES["request"], facts | {"account": owner.id, "key": key_id})
    conn.execute(QUERIES["use_key"], {"id": key_id, "ms": sent[-1].ms})


def add_people(conn: Conn, owner: Owner, now: datetime, console_url: str) -> int:
    """Colleagues, invitations, and log-ins of the demo's user; his id, 0 where there is none."""
    row = conn.execute(QUERIES["owner_user"], (owner.id,)).fetchone()
    if row is None:
        return 0
    user_id = int(row[0])
    for email, name, role, language, days in _PEOPLE:
        facts: dict[str, Any] = {"email": email, "name": name, "role": role, "language": language}
        facts |= {"account": owner.id, "password": _NO_PASSWORD, "at": now - timedelta(days=days)}
        conn.execute(QUERIES["colleague"], facts)
    for address, role, days in _INVITED:
        token = secrets.token_urlsafe(32)
        at = now - timedelta(days=days)
        facts = {"account": owner.id, "address": address, "role": role, "user": user_id, "at": at}
        conn.execute(QUERIES["invitation"], facts | {"hash": hashlib.sha256(token.encode()).hexdigest()})
        body = f"{LOGIN} invites you to the account of the demo, as {role}.\n\nAccept here:\n\n{console_url}/invitation/{token}/\n"
        subject = "Invitation to the account of the demo"
        conn.execute(QUERIES["mail"], {"to": address, "subject": subject, "body": body, "at": at})
    for hours, place, agent, failed in _SIGN_INS:
        facts = {"user": user_id, "at": now - timedelta(hours=hours), "address": place, "agent": _AGENTS[agent]}
        conn.execute(QUERIES["sign_in"], facts | {"failed": failed})
    return user_id
