"""`tocsin message show`: everything that is stored of one message, as a time line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import click

from tocsin import accounts, billing, messaging, routing, webhooks
from tocsin.cli.base import Refusal, show, verbs
from tocsin.cli.change import Conn, note, open_change, tell_time
from tocsin.kit import clock
from tocsin.messaging import KINDS, State, Trace
from tocsin.traffic import PRODUCT_NAMES, OutcomeKind, Product, Reason
from tocsin.webhooks import Pushes

_PRODUCTS = {int(product): name for name, product in PRODUCT_NAMES.items()}
_ID = re.compile(r"[0-9a-f]{32}")
_STATES = {State.UNDER_WAY: "under way", State.DELIVERED: "delivered", State.FAILED: "failed"}
_OUTCOMES = {
    OutcomeKind.ACCEPTED: "accepted by the carrier",
    OutcomeKind.TEMPORARY: "failed for the moment",
    OutcomeKind.PERMANENT: "refused by the carrier",
    OutcomeKind.THROTTLED: "throttled by the carrier",
    OutcomeKind.UNKNOWN: "not answered: the carrier may have it",
}
_HANDED = {OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN}
_PUSHES = {
    "pushed": "acknowledged",
    "aside": "set aside",
    "waiting": "waits",
    "tried": "tried without success",
    "": "none",
}


class Event(NamedTuple):
    """Something that happened."""

    at: datetime
    event: str
    text: str
    facts: dict[str, Any]


class Reader(NamedTuple):
    """What the facts are told by. `reads`: texts are shown."""

    channels: Mapping[int, str]
    currency: str
    reads: bool

    def channel(self, channel_id: int) -> str:
        """Its name; a channel that was removed has its id alone."""
        return self.channels.get(channel_id) or (f"{channel_id} (removed)" if channel_id else "none")


@verbs()
def message() -> None:
    """Messages: what became of one."""


@message.command("show")
@click.argument("message_id", metavar="ID")
@click.option(
    "--content", "reads", is_flag=True, help="Show texts too: its own, and those of replies. This is audited."
)
def show_message(message_id: str, reads: bool) -> None:
    """Show the whole story of a message: each attempt, answer, receipt, state, refund and push, and what it waits for.

    ID is the messageId of the reply to the send. Texts may hold codes and are left out.

    \b
    Examples: tocsin message show 01a2068d54ee7450af242d0000ac96a8
              tocsin message show 01a2068d54ee7450af242d0000ac96a8 --content
    """
    wanted = message_id.strip().lower().replace("-", "")
    if not _ID.fullmatch(wanted):
        raise click.UsageError(
            f"{message_id[:80]!r} is no messageId: 32 letters and digits, as in the reply to the send"
        )
    with open_change() as conn:
        account, trace = _find(conn, wanted)
        if reads:
            note(conn, "message read", f"message {wanted}", None, {"account": account.name})
        ended = [(wanted, trace.reports[-1].at)] if trace.reports and trace.row.ended_at else []
        pushes = webhooks.trace_pushes(conn, account.id, KINDS[Product(trace.row.product)], ended)
        reader = Reader({each.id: each.name for each in routing.list_channels(conn)}, account.currency, reads)
        country = next((c.iso for c in routing.list_countries(conn) if c.code_id == trace.row.country_id), None)
    events = _list_events(trace, pushes, reader)
    push = pushes.state_of(wanted) if pushes is not None and ended else ""
    facts = {"account": account.name, "display_name": account.display_name, **_describe(trace, reader), "country": country,
             "push": _tell_push(pushes, push)}  # fmt: skip
    shown = [{"at": each.at.isoformat(), "event": each.event, **each.facts} for each in events]
    show({**facts, "events": shown}, _tell(facts, events))


def _find(conn: Conn, message_id: str) -> tuple[accounts.AccountFacts, Trace]:
    owner = messaging.owner_of_message(conn, message_id)
    account = accounts.find_account(conn, owner) if owner else None
    trace = messaging.trace_message(conn, account.id, message_id) if account else None
    if account is None or trace is None:
        raise Refusal(f"there is no message {message_id}: it never was, or its day is no longer kept")
    return account, trace


def _describe(trace: Trace, reader: Reader) -> dict[str, Any]:
    row, said = trace.row, trace.said
    return {
        "messageId": row.id, "batchNo": str(trace.batch_no), "product": _PRODUCTS[row.product], "action": trace.priority.name,
        "to": row.phone, "from": said.sender or None, "state": _STATES[row.state], "status": row.reason.end.status,
        "reason": row.reason.end.phrase, "accepted_at": _tell_epoch(row.accepted_at),
        "ended_at": None if row.ended_at is None else _tell_epoch(row.ended_at),
        "due_at": _iso(trace.due_at), "expires_at": _iso(trace.expires_at),
        "channel": reader.channel(trace.submitted[-1].channel_id if trace.submitted else trace.channel_id),
        "parts": row.parts, "price": billing.text_of(trace.price_micros), "fee": billing.text_of(row.fee_micros),
        "currency": reader.currency, "template": trace.said.template_id, "files": said.files,
        "title": said.title if reader.reads else None, "content": said.content if reader.reads else None,
        "characters": len(said.content),
        "waits": _describe_wait(trace, reader),
    }  # fmt: skip


def _tell_epoch(at: float) -> str:
    return datetime.fromtimestamp(at, clock.UTC).isoformat()


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _describe_wait(trace: Trace, reader: Reader) -> dict[str, Any] | None:
    """What an open message waits for: its lane or its time, or a carrier that has it."""
    waits = trace.waits
    if waits is not None:
        channel = reader.channel(trace.channel_id)
        return {"for": _tell_wait(waits, channel), "due": _iso(waits.due), "attempt": waits.attempt}
    if trace.row.ended_at is None and any(each.outcome in _HANDED for each in trace.submitted):
        return {"for": "the carrier's receipt", "due": None, "attempt": trace.submitted[-1].attempt}
    return None


def _tell_wait(waits: messaging.Waits, channel: str) -> str:
    if waits.paused:
        return "its batch, which is paused"
    if waits.scheduled:
        return "its time"
    if waits.claimed:
        return f"channel {channel}: a worker has it in hand"
    return f"channel {channel}" if waits.due is None else f"its next try over channel {channel}"


def _tell_push(pushes: Pushes | None, state: str) -> str:
    if pushes is None:
        return "the account has no endpoint for it"
    return f"{_PUSHES[state]}, the endpoint is paused" if pushes.paused else _PUSHES[state]


def _list_events(trace: Trace, pushes: Pushes | None, reader: Reader) -> list[Event]:
    """Oldest first; the accept comes before all, whatever a carrier's clock says."""
    at = datetime.fromtimestamp(trace.row.accepted_at, clock.UTC)
    refused = trace.row.state is State.FAILED and not trace.reports
    said = (
        f"refused: {trace.row.reason.end.phrase}"
        if refused
        else f"accepted, charged {_money(trace.price_micros, reader)}"
    )
    later = [*_submits(trace, reader), *_receipts(trace), *_reports(trace, reader), *_reactions(trace, reader)]
    if pushes is not None:
        later += [_push(each) for each in pushes.tries]
    return [Event(at, "refused" if refused else "accepted", said, {}), *sorted(later, key=lambda each: each.at)]


def _money(micros: int, reader: Reader) -> str:
    return f"{billing.text_of(micros)} {reader.currency}"


def _submits(trace: Trace, reader: Reader) -> list[Event]:
    events = []
    for each in trace.submitted:
        facts = {"channel": reader.channel(each.channel_id), "attempt": each.attempt, "part": each.part,
                 "outcome": each.outcome.name.lower(), "carrierId": each.carrier_id or None}  # fmt: skip
        said = [f"attempt {each.attempt} over {facts['channel']}: {_OUTCOMES[each.outcome]}"]
        if trace.row.parts > 1:
            said.append(
                f"part {each.part} of {trace.row.parts}" if each.part else f"all {trace.row.parts} parts as one"
            )
        if each.outcome is OutcomeKind.PERMANENT:
            said.append(each.reason.end.phrase)
        if each.carrier_id:
            said.append(f"its id {each.carrier_id}")
        events.append(Event(each.at, "submitted", ", ".join(said), facts))
    return events


def _receipts(trace: Trace) -> list[Event]:
    """Of parts; the receipt of a message of one part is told by its report."""
    return [
        Event(each.at, "receipt", f"receipt of part {each.part} of {trace.row.parts}: {each.reason.end.phrase}",
              {"part": each.part, "attempt": each.attempt, "reason": each.reason.end.phrase, "talk_s": each.talk_s})
        for each in trace.receipts
    ]  # fmt: skip


def _reports(trace: Trace, reader: Reader) -> list[Event]:
    events = []
    for each in trace.reports:
        end = each.reason.end
        facts = {"status": end.status, "reason": end.phrase, "channel": reader.channel(each.channel_id),
                 "fee": billing.text_of(each.fee_micros), "refund": billing.text_of(each.refund_micros)}  # fmt: skip
        said = "on its way, not there yet" if each.reason is Reason.SENDING else f"ends: {end.status} {end.phrase}"
        if each.refund_micros:
            said += f", refunded {_money(each.refund_micros, reader)}"
        events.append(Event(each.at, "report", said, facts))
    return events


def _reactions(trace: Trace, reader: Reader) -> list[Event]:
    events = [
        Event(each.at, each.kind.name.lower(), each.kind.name.lower() + (" by a machine" if each.machine else ""),
              {"url": each.url or None, "machine": bool(each.machine)})
        for each in trace.reacted
    ]  # fmt: skip
    for more in trace.repeated:
        name = more.kind.name.lower()
        said = f"{name}: {more.times:,} more {'time' if more.times == 1 else 'times'} until then"
        events.append(Event(more.at, name, said, {"times": more.times}))
    events += [
        Event(each.at, "reply", f"reply: {each.content}" if reader.reads else f"reply of {len(each.content)} characters",
              {"id": each.id, "content": each.content if reader.reads else None})
        for each in trace.answered
    ]  # fmt: skip
    return events


def _push(each: webhooks.Try) -> Event:
    said = f"HTTP {each.http_status}" if each.http_status else each.error or "no answer"
    facts = {"http_status": each.http_status, "took_ms": each.took_ms, "error": each.error or None}
    return Event(each.at, "push", f"pushed to the account's endpoint: {said} after {each.took_ms} ms", facts)


def _tell(facts: dict[str, Any], events: list[Event]) -> str:
    hidden = f"{facts['characters']} characters, hidden: --content shows them"
    waits = facts["waits"]
    lines = {
        "message": facts["messageId"], "account": accounts.write_title(facts["account"], facts["display_name"]),
        "batch": facts["batchNo"], "product": f"{facts['product']}, {facts['action']}",
        "to": f"{facts['to']} ({facts['country']})" if facts["country"] else facts["to"], "from": facts["from"] or "",
        "state": f"{facts['state']}, {facts['status']} {facts['reason']}", "channel": facts["channel"],
        "parts": facts["parts"], "price": f"{facts['price']} {facts['currency']}, fee now {facts['fee']}",
        "template": facts["template"] or "", "files": ", ".join(facts["files"]), "title": facts["title"] or "",
        "content": hidden if facts["content"] is None else facts["content"],
        "waits for": f"{waits['for']}{', until ' + waits['due'] if waits['due'] else ''}" if waits else "",
        "push": facts["push"],
    }  # fmt: skip
    head = [f"{name:<10}{value}" for name, value in lines.items() if value != ""]
    gaps = ["", *(_gap(before.at, each.at) for before, each in itertools.pairwise(events))]
    steps = [
        f"{tell_time(each.at)}.{each.at.microsecond // 1000:03d}  {gap:>10}  {each.text}"
        for each, gap in zip(events, gaps, strict=True)
    ]
    return "\n".join([*head, "", "time (UTC)                    after  what happened", *steps])


def _gap(before: datetime, at: datetime) -> str:
    """A carrier's clock may be behind ours: that is no gap."""
    seconds = (at - before).total_seconds()
    if seconds <= 0:
        return ""
    if seconds < 1:
        return f"+{seconds * 1000:.0f} ms"
    return f"+{seconds:.1f} s" if seconds < 3600 else f"+{seconds / 3600:.1f} h"
