"""The last ten minutes of the demo's past: a batch for each state that a page can show, always the same ones.

Without them it is chance whether the newest messages are delivered, refused or on their way.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.bootstrap.history import DAY_MS, KINDS, Written
from tocsin.bootstrap.sends import (
    QUERIES,
    Kind,
    Owner,
    Send,
    end_as,
    name_request,
    write_reactions,
    write_replies,
    write_send,
)
from tocsin.traffic import ReactionKind, Reason

SPAN_MS: Final = 600_000
_CODE, _PARCEL, _SALE, _MMS, _CALL, _OTP, _MAIL = KINDS
_FILLED: Final = "Hello Ann, your parcel 7301 arrives today."
_BY_CONSOLE: Final = "console-"  # as the API names requests of the console
_STOPS: Final = {"paused": False, "cancelled": True}


class Scene(NamedTuple):
    """A batch: how long ago, what became of it. `due_days`: a scheduled one; `stop`: paused or cancelled before it left."""

    name: str
    ago_s: int
    kind: Kind
    end: Reason
    iso: str = "ID"
    n: int = 1
    text: str = ""
    due_days: int = 0
    stop: str = ""
    console: bool = False


SCENES: Final = (
    Scene("next week", 590, _SALE, Reason.SENDING, "PH", 120, due_days=7, console=True),
    Scene("paused", 570, _SALE, Reason.SENDING, "MY", 40, stop="paused"),
    Scene("cancelled", 550, _SALE, Reason.CANCELLED, n=25, stop="cancelled", console=True),
    Scene("upload", 530, _PARCEL, Reason.SUCCESS, n=12, console=True),
    Scene("called off", 510, _PARCEL, Reason.CANCELLED, n=5, due_days=2, stop="cancelled"),
    Scene("tomorrow", 490, _PARCEL, Reason.SENDING, n=3, due_days=1),
    Scene("opened", 470, _MAIL, Reason.SUCCESS),
    Scene("bounced", 450, _MAIL, Reason.REJECTED),
    Scene("called", 430, _CALL, Reason.SUCCESS, "SG"),
    Scene("busy", 410, _CALL, Reason.BUSY, "MY"),
    Scene("spoken code", 390, _OTP, Reason.SUCCESS, "GB"),
    Scene("picture", 370, _MMS, Reason.SUCCESS, "TH"),
    Scene("undelivered", 350, _PARCEL, Reason.UNDELIVERED, "VN"),
    Scene("rejected", 330, _PARCEL, Reason.REJECTED, "IN"),
    Scene("no number", 310, _CODE, Reason.NUMBER_ERROR),
    Scene("blacklisted", 290, _SALE, Reason.BLACKLISTED, "BR"),
    Scene("answered", 270, _SALE, Reason.SUCCESS, "US"),
    Scene("template", 250, _PARCEL, Reason.SUCCESS, text=_FILLED),
    Scene("on its way", 120, _PARCEL, Reason.NO_RECEIPT, "PH"),
    Scene("code", 90, _CODE, Reason.SUCCESS),
    Scene("newest", 60, _PARCEL, Reason.SUCCESS, "CN", text=_PARCEL.texts[1]),
)
"""In the order of time; those of many messages first, so that they hide none of the others in the log."""


def write_scenes(
    conn: Connection[TupleRow], owner: Owner, seed: int, end_ms: int, template_id: int
) -> tuple[Written, dict[str, Send]]:
    """Write them back from `end_ms`; by name. In the caller's transaction."""
    sends = {each.name: _plan(each, seed, end_ms, template_id) for each in SCENES}
    counts = [write_send(conn, owner, send) for send in sends.values()]
    for scene in SCENES:
        _hold_back(conn, owner, scene, sends[scene.name])
    write_replies(conn, owner, sends["answered"], ("STOP",), every=1, within_s=60)
    write_replies(conn, owner, sends["template"], ("Thanks!",), every=1, within_s=60)
    write_reactions(conn, owner, sends["opened"], {ReactionKind.OPENED: 10_000, ReactionKind.CLICKED: 10_000}, 60)
    return Written(sum(count > 0 for count in counts), sum(counts)), sends


def _plan(scene: Scene, seed: int, end_ms: int, template_id: int) -> Send:
    key, ms = f"{seed}/{scene.name}", end_ms - scene.ago_s * 1000
    ends, limits = end_as(scene.end)
    due_ms = ms + scene.due_days * DAY_MS if scene.due_days else None
    return Send(
        key=key, ms=ms, n=scene.n, kind=scene.kind, iso=scene.iso, text=scene.text or scene.kind.texts[0], ends=ends,
        limits=limits, handed=not scene.stop and not scene.due_days, due_ms=due_ms,
        template_id=template_id if scene.text == _FILLED else None,
        request=_BY_CONSOLE * scene.console + name_request(key),
    )  # fmt: skip


def _hold_back(conn: Connection[TupleRow], owner: Owner, scene: Scene, send: Send) -> None:
    """What keeps a batch from leaving: its time, or somebody who stopped it."""
    facts = {"account": owner.id, "channel": owner.channel_id, "no": send.batch_no, "priority": int(send.kind.priority)}
    if scene.stop:
        conn.execute(QUERIES["stop"], facts | {"cancelled": _STOPS[scene.stop], "ms": send.ms + 5_000})
    if scene.stop == "paused":
        conn.execute(QUERIES["hold"], facts)
    elif scene.due_days and not scene.stop:
        conn.execute(QUERIES["schedule"], facts | {"due": send.due_ms})
