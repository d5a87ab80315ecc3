"""Exports and uploads of the demo's past: one in each state that waits for nobody but its user."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from tocsin import files
from tocsin.bootstrap.demo import ACCOUNT
from tocsin.bootstrap.sends import QUERIES, Owner, Send
from tocsin.files import Checked, Kind, New, Sent, State, Step, Trouble, rows
from tocsin.traffic import Product

Conn = Connection[TupleRow]

_TEXT: Final = "Hello {name}, your order is ready."
_HEAD: Final = ["phone", "name"]
_NAMES: Final = ("Ann", "Budi", "Citra", "Dewi", "Eko", "Fitri", "Gita", "Hadi", "Indra", "Joko", "Kiki", "Lina")
_HOUR_MS: Final = 3_600_000


def add_exports(conn: Conn, owner: Owner, user_id: int, end_ms: int) -> None:
    """One that can be taken, one that failed, one that was called off."""
    sheet = io.StringIO()
    listed = conn.execute(QUERIES["blacklist_rows"], (owner.id,)).fetchall()
    csv.writer(sheet).writerows(
        [("value", "origin", "since"), *((value, origin, f"{at:%Y-%m-%d %H:%M:%S}") for value, origin, at in listed)]
    )
    data = sheet.getvalue().encode()
    asked = {"format": "csv", "zone": "UTC", "chinese": False, "filter": {}, "words": {}}
    ends = (
        (Kind.REPLIES, State.CANCELLED, ""),
        (Kind.MESSAGES, State.FAILED, Trouble.TOO_LARGE),
        (Kind.BLACKLIST, State.DONE, ""),
    )
    for turn, (kind, state, trouble) in enumerate(ends):
        job_id = files.start(conn, New(owner.id, user_id, kind, f"tocsin-{kind}.csv", asked, state=state))
        assert job_id is not None
        done = state is State.DONE
        if done:
            files.put_bytes(conn, job_id, [data])
        facts = {
            "ms": end_ms - (5 - turn) * _HOUR_MS,
            "rows": len(listed) if done else 0,
            "size": len(data) if done else 0,
        }
        _date(conn, job_id, {**facts, "trouble": str(trouble), "percent": 100 if done else 0})


def add_uploads(conn: Conn, owner: Owner, user_id: int, send: Send) -> None:
    """One that cannot be read, one at each step of its user, one that was discarded, and the one that `send` came from."""
    numbers = [row[0] for row in conn.execute(QUERIES["numbers"], {"account": owner.id, "no": send.batch_no})]
    table = [_HEAD, *([number, name] for number, name in zip(numbers, _NAMES, strict=True))]
    table += [[numbers[0], "Ann again"], ["12", "Mia"]]
    mapped = {"headed": True, "number": 0, "country": None}
    asked = {"usual": 0, "content": _TEXT, "action": "NOTIFICATION", "sender": "", "when": "", "send_time": ""}
    found = {"rows": len(table), "width": len(_HEAD), **mapped}
    price = owner.price_of(Product.SMS, send.iso, numbers[0]) or 0
    sums: dict[str, Any] = {
        "good": len(numbers),
        "parts": len(numbers),
        "micros": price * len(numbers),
        "bad": 2,
        "refusal": None,
    }
    sums |= {"faults": {"duplicate": 1, "number": 1}}
    sums |= {"countries": [[owner.code_ids[send.iso], len(numbers), len(numbers), price * len(numbers)]]}
    sent = {**mapped, **asked, "content": send.text}
    steps: tuple[tuple[str, Step, State, str, dict[str, Any], dict[str, Any]], ...] = (
        ("customers-old.xls", Step.READ, State.FAILED, Trouble.NO_TABLE, {}, {}),
        ("june.csv", Step.CONFIRM, State.CANCELLED, "", {**mapped, **asked}, {**found, **sums}),
        ("parcels.csv", Step.SEND, State.DONE, "", sent, {**found, **sums}),
        ("orders.csv", Step.MAP, State.OPEN, "", {}, found),
        ("orders-checked.csv", Step.CONFIRM, State.OPEN, "", {**mapped, **asked}, {**found, **sums}),
    )
    for turn, (name, step, state, trouble, chosen, facts) in enumerate(steps):
        new = New(owner.id, user_id, Kind.UPLOAD, name, {"account": ACCOUNT, **chosen}, step, state)
        job_id = files.start(conn, new)
        assert job_id is not None
        if facts:
            rows.add_rows(conn, job_id, list(enumerate(table, 1)))
        if chosen:
            _check_rows(conn, job_id, table, owner.code_ids[send.iso], own_text=chosen["content"] == _TEXT)
        if step is Step.SEND:
            _send_rows(conn, job_id, send)
        done = 100 if state is State.DONE else 0
        times = {
            "ms": send.ms - (20 - turn) * 1000,
            "trouble": str(trouble),
            "rows": len(table) if facts else 0,
            "percent": done,
        }
        _date(conn, job_id, {**times, "size": 400}, facts)


def _check_rows(conn: Conn, job_id: int, table: list[list[str]], code_id: int, *, own_text: bool) -> None:
    checked = [Checked(1, "", 0, "", 0, files.HEAD)]
    for line, (number, name) in enumerate(table[1:], 2):
        text = _TEXT.replace("{name}", name) if own_text else ""
        good = len(number) > 6
        checked.append(Checked(line, number, code_id, text, 1, "") if good else Checked(line, "", 0, "", 0, "number"))
    rows.write_checked(conn, job_id, checked)
    rows.mark_doubles(conn, job_id)


def _send_rows(conn: Conn, job_id: int, send: Send) -> None:
    rows.make_pieces(conn, job_id, 5000)
    while (piece := rows.begin_piece(conn, job_id)) is not None:
        rows.end_piece(conn, job_id, Sent(piece.piece, piece.rows, send.batch_no, piece.rows, 0, "sent", ""))


def _date(conn: Conn, job_id: int, facts: dict[str, Any], found: dict[str, Any] | None = None) -> None:
    conn.execute(QUERIES["date_job"], {"id": job_id, "found": Jsonb(found or {}), **facts})
