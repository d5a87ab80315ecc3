"""One of everything that an account can have, marked so that a page which shows it to another account is found out."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from tocsin import accounts, files, templates, webhooks
from tocsin.files import State, Step
from tocsin.kit import clock
from tocsin.kit.ids import Ids

MARK = "9621907315"
"""In every text, and a number."""

UPLOADS = [
    "upload", *(f"upload-{name}" for name in ("progress", "choose", "send", "on", "back", "discard", "bad")),
]  # fmt: skip
_IDS = Ids()


class Things:
    """What was made for an account."""

    def __init__(self, dsn: str, account_id: int) -> None:
        self._dsn = dsn
        self.account_id = account_id
        self.names: dict[str, Any] = {}
        """Parameter of an address -> the id in it; "address/parameter" where one name means two things."""

    def name_of(self, address: str, parameter: str) -> str:
        """The id for a parameter. KeyError: a new kind of address, whose thing is to be made here."""
        return str(self.names.get(f"{address}/{parameter}") or self.names[parameter])

    def questions(self) -> list[str]:
        """Pages that show the account's own things."""
        return [
            f"/messages/?number={MARK[:5]}",
            "/team/",
            "/files/",
            "/files/list/",
            "/uploads/",
            "/lists/",
            "/lists/blacklist/",
            "/templates/",
            "/batches/",
            "/scheduled/",
            "/webhooks/",
            "/webhooks/attempts/",
            f"/webhooks/attempts/{self.names['attempt_id']}/",
            f"/requests/{self.names['request_id']}/",
            "/?stay",
            "/replies/",
            f"/messages/{self.names['message_id']}/",
        ]

    def fingerprint(self) -> str:
        """Of all rows of the account, in whatever table."""
        digest = hashlib.sha256()
        with psycopg.connect(self._dsn) as conn:
            tables = conn.execute(
                "SELECT c.table_name FROM information_schema.columns c JOIN pg_class p ON p.relname = c.table_name"
                " WHERE c.table_schema = current_schema() AND c.column_name = 'account_id' AND NOT p.relispartition"
                " AND p.relkind IN ('r', 'p') ORDER BY 1"
            ).fetchall()
            for (table,) in tables:
                rows = conn.execute(
                    f"SELECT t::text FROM {table} t WHERE account_id = %s ORDER BY 1", (self.account_id,)
                )
                digest.update(f"{table}: {rows.fetchall()}\n".encode())
        return digest.hexdigest()


def make_things(dsn: str, account_id: int) -> Things:
    """Make them."""
    things = Things(dsn, account_id)
    message_id = UUID(bytes=_IDS.one())
    with psycopg.connect(dsn) as conn:
        at = datetime.fromtimestamp((message_id.int >> 80) / 1000, UTC)
        conn.execute("SELECT partitions_ahead(%s, 0)", (at,))
        conn.execute(
            "INSERT INTO message (id, account_id, batch_no, product, phone, country_id, parts, price_micros, status, reason)"
            " VALUES (%s, %s, 1, 1, %s, 10007, 1, 100000, 0, 0)",
            (message_id, account_id, MARK),
        )
        conn.execute(
            "INSERT INTO uplink (id, account_id, channel_id, user_number, service_number, content, at, message_id)"
            " VALUES (%s, %s, 1, %s, %s, %s, now(), %s)",
            (UUID(bytes=_IDS.one()), account_id, MARK, MARK, MARK, message_id),
        )
        new = files.New(
            account_id,
            1,
            files.Kind.LEDGER,
            f"{MARK}.csv",
            {"format": "csv", "filter": {"number": MARK}},
            state=State.DONE,
        )
        things.names |= {"job_id": files.start(conn, new), "export-start/kind": "nothing"}
        upload = files.New(account_id, 1, files.Kind.UPLOAD, MARK, {"account": MARK}, Step.READ, State.CANCELLED)
        upload_id = files.start(conn, upload)
        things.names |= {f"{name}/job_id": upload_id for name in UPLOADS}
        things.names["batch_no"] = _add_batch(conn, account_id, message_id)
        _add_hooks(conn, things)
        _add_lists(conn, things)
        things.names |= {"message_id": message_id.hex, "key_id": accounts.add_key(conn, account_id, "sealed")}
    _add_team(things)
    _add_send(things)
    return things


def _add_team(things: Things) -> None:
    """Who is in it, who is invited, where its owner is logged in."""
    from allauth.usersessions.models import UserSession

    from tocsin.schema.models import Invitation, Membership

    own = Membership.objects.get(account_id=things.account_id)
    later = clock.now() + timedelta(days=7)
    mark = f"{MARK}-{own.id}"
    asked = Invitation.objects.create(
        account_id=own.account_id, address=f"{mark}@example.com", role="viewer", token_hash=mark, expires_at=later
    )
    session = UserSession.objects.create(user=own.user, ip="127.0.0.1", session_key=mark, user_agent=MARK)
    things.names |= {"membership_id": own.id, "invitation_id": asked.id, "session_id": session.id}
    things.names |= {"account_id": own.account_id, "token": mark}


def _add_send(things: Things) -> None:
    """A template, and a send that waits to be confirmed."""
    from tocsin.schema.models import Membership, PreparedSend

    own = Membership.objects.get(account_id=things.account_id)
    fields = {"numbers": MARK, "country": "", "sender": "", "template": "", "content": MARK, "title": "", "from": MARK}
    fields |= {"action": "VERIFY", "routing": "", "when": "now", "at": "", "zone": "UTC"}
    made = PreparedSend.objects.create(
        id=UUID(bytes=_IDS.one()), account_id=own.account_id, user=own.user, kind="sms", fields=fields
    )
    with psycopg.connect(things._dsn) as conn:
        draft = templates.Draft(
            account_id=own.account_id, kind="sms", text=f"{MARK} {{1}}", state=templates.State.DRAFT
        )
        things.names |= {"template_id": templates.add_template(conn, draft).id}
    things.names |= {"prepared_id": made.id, "slug": "nothing"}


def _add_hooks(conn: psycopg.Connection[TupleRow], things: Things) -> None:
    """A webhook, a push and a test of it, a request to the API."""
    things.names["kind"] = "sms"
    url = f"https://example.com/{MARK}"
    webhooks.set_endpoint(conn, things.account_id, "sms", url, lambda secret: f"sealed {secret}")
    made = {"attempt_id": _ATTEMPT, "test_id": _TEST, "request_id": _REQUEST}
    for name, statement in made.items():
        row = conn.execute(statement, {"account": things.account_id, "mark": MARK}).fetchone()
        assert row is not None
        things.names[name] = row[0]


def _add_lists(conn: psycopg.Connection[TupleRow], things: Things) -> None:
    """Whom it must not send to."""
    for name, table in {"opt-out-remove": "opt_out", "blacklist-remove": "blacklist"}.items():
        row = conn.execute(
            f"INSERT INTO {table} (account_id, value) VALUES (%s, %s) RETURNING id", (things.account_id, MARK)
        )
        things.names[f"{name}/row_id"] = next(row)[0]


def _add_batch(conn: psycopg.Connection[TupleRow], account_id: int, message_id: UUID) -> int:
    """Emails that wait for their time: pages of batches, of schedules and of opens have it."""
    batch_no = (message_id.int >> 80) * 10_000
    conn.execute(
        "INSERT INTO batch (batch_no, account_id, product, priority, country_id, sender, content, parts, good, bad, amount_micros,"
        " first_id, last_id, expires_at, due_at) VALUES (%s, %s, 5, 1, 10007, %s, %s, 1, 1, 0, 100000, %s, %s,"
        " now() + interval '1 day', now() + interval '1 minute') ON CONFLICT DO NOTHING",
        (batch_no, account_id, f"{MARK}@example.com", MARK, message_id, message_id),
    )
    conn.execute(
        "INSERT INTO schedule (due, priority, account_id, batch_no, channel_id, zone, amount_micros, ids)"
        " VALUES (now() + interval '1 minute', 1, %s, %s, 1, '', 100000, ARRAY[%s])",
        (account_id, batch_no, message_id),
    )
    return batch_no


_ATTEMPT = """
INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, http_status, n, ids, answer, request)
SELECT id, 1, %(mark)s, now(), 5, 500, 1, '{}', %(mark)s, %(mark)s FROM endpoint WHERE account_id = %(account)s RETURNING id
"""
_TEST = """
INSERT INTO test_event (account_id, endpoint_id, body) SELECT account_id, id, convert_to(%(mark)s, 'UTF8') FROM endpoint
WHERE account_id = %(account)s RETURNING id
"""
_REQUEST = """
INSERT INTO api_request (account_id, at, request_id, method, path, status, http, took_ms, address, key_id, receivers, batch_no,
                         left_out, message, body)
VALUES (%(account)s, now(), %(mark)s, 'POST', '/api/v1/sms/sendbatchsms', -9, 200, 3, '203.0.113.5', 0, 1, 0, 0, %(mark)s, %(mark)s)
RETURNING id
"""
