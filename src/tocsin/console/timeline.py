"""The time line of a message: everything that is stored of it, in order, in words, with times and the gaps between them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tocsin import billing
from tocsin.console import explained
from tocsin.console.lazy import StrPromise
from tocsin.console.shown import REASONS
from tocsin.kit.clock import UTC
from tocsin.messaging import Report, State, Submitted, Trace
from tocsin.traffic import Reason
from tocsin.webhooks import Pushes, Try


class Step(NamedTuple):
    """Something that happened. after: since the step before, in words; push: the attempt that it was, or 0."""

    at: datetime
    title: StrPromise | str
    icon: str
    colour: str
    notes: list[StrPromise | str]
    after: str = ""
    push: int = 0

    @property
    def ms(self) -> str:
        """The milliseconds, three digits."""
        return f"{self.at.microsecond // 1000:03d}"


class Reader(NamedTuple):
    """What the steps are told by: the kinds of channels by id, the currency, whether replies may be read."""

    kinds: Mapping[int, str]
    currency: str
    reads: bool


def tell(trace: Trace, pushes: Pushes | None, reader: Reader) -> list[Step]:
    """All steps, oldest first."""
    accepted = _tell_accept(trace, reader)
    steps = [*_tell_submits(trace, reader), *_tell_receipts(trace), *_tell_reports(trace, reader)]
    steps += _tell_reactions(trace, reader)
    if pushes is not None:
        steps += [_tell_try(each) for each in pushes.tries]
    ordered = [accepted, *sorted(steps, key=lambda step: step.at)]
    return [
        ordered[0],
        *(each._replace(after=_gap(before, each)) for before, each in itertools.pairwise(ordered)),
    ]


def _gap(before: Step, step: Step) -> str:
    """Between two steps; clocks of carriers may stand behind ours, which is not told as a gap."""
    ms = round((step.at - before.at).total_seconds() * 1000)
    if ms <= 0:
        return ""
    if ms < 1000:
        return f"+{ms} ms"
    if ms < 60_000:
        return f"+{ms / 1000:.1f} s"
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"+{hours} h {minutes} min" if hours else f"+{minutes} min {seconds} s"
    return _("+%(days)s days") % {"days": hours // 24}


def _tell_accept(trace: Trace, reader: Reader) -> Step:
    row = trace.row
    at = datetime.fromtimestamp(row.accepted_at, UTC)
    if row.state is State.FAILED and not trace.reports:
        return Step(at, _("Refused: %(why)s") % {"why": REASONS.get(row.reason, "")}, "circle-x", "red",
                    [explained.REASONS.get(row.reason, ""), _("It cost nothing.")])  # fmt: skip
    notes: list[StrPromise | str] = [_("Charged %(money)s") % {"money": _word(trace.price_micros, reader)}]
    return Step(at, _("Accepted for sending"), "circle-check", "green", notes)


def _tell_submits(trace: Trace, reader: Reader) -> list[Step]:
    steps, channel_id = list[Step](), trace.channel_id
    for each in trace.submitted:
        title, icon, colour = explained.OUTCOMES[each.outcome]
        steps.append(
            Step(each.at, title, icon, colour, _note_submit(each, trace, reader, moved=each.channel_id != channel_id))
        )
        channel_id = each.channel_id
    return steps


def _note_submit(each: Submitted, trace: Trace, reader: Reader, *, moved: bool) -> list[StrPromise | str]:
    """What it was and over which channel in a line, then what the carrier said."""
    facts, parts = list[str](), trace.row.parts
    if parts > 1 and each.part:
        facts.append(_("Part %(part)s of %(parts)s") % {"part": each.part, "parts": parts})
    elif parts > 1:
        facts.append(_("all %(parts)s parts as one") % {"parts": parts})
    if each.attempt > 1:
        facts.append(_("Attempt %(attempt)s") % {"attempt": each.attempt})
    if kind := reader.kinds.get(each.channel_id):
        facts.append(_("Channel: %(kind)s") % {"kind": explained.KINDS.get(kind, kind)})
    notes: list[StrPromise | str] = [_("Fail-over: another channel than before")] if moved else []
    if facts:
        notes.append(" · ".join(facts))
    if each.reason in REASONS:
        notes.append(REASONS[each.reason])
    if each.carrier_id:
        notes.append(_("Carrier's id: %(id)s") % {"id": each.carrier_id})
    return notes


def _tell_receipts(trace: Trace) -> list[Step]:
    """Of single parts; the one that brought the end is told by the report too."""
    steps = []
    for each in trace.receipts if trace.row.parts > 1 else []:
        good = each.reason is Reason.SUCCESS
        notes: list[StrPromise | str] = [] if good else [explained.REASONS.get(each.reason, "")]
        part = {"part": each.part, "parts": trace.row.parts}
        title = (
            _("Receipt: part %(part)s of %(parts)s is delivered")
            if good
            else _("Receipt: part %(part)s of %(parts)s failed")
        )
        if not each.part:
            title = _("Receipt: delivered") if good else _("Receipt: failed")
        steps.append(Step(each.at, title % part, "receipt", "green" if good else "red", notes))
    return steps


def _tell_reports(trace: Trace, reader: Reader) -> list[Step]:
    steps = list[Step]()
    refunded = 0
    for each in trace.reports:
        title, icon, colour = _word_report(each.reason)
        notes = list[StrPromise | str]()
        if each.reason in explained.REASONS:
            notes.append(explained.REASONS[each.reason])
        if talk_s := max((receipt.talk_s for receipt in trace.receipts), default=0):
            notes.append(_("The call lasted %(seconds)s s") % {"seconds": talk_s})
        steps.append(Step(each.at, title, icon, colour, notes))
        if each.refund_micros != refunded:
            steps.append(_tell_refund(each, refunded, reader))
            refunded = each.refund_micros
    return steps


def _word_report(reason: Reason) -> tuple[str, str, str]:
    if reason is Reason.SUCCESS:
        return _("Delivered"), "checks", "green"
    if reason is Reason.SENDING:
        return _("Receipt: on its way, not there yet"), "route", "azure"
    return _("Failed: %(why)s") % {"why": REASONS.get(reason, "")}, "circle-x", "red"


def _tell_refund(report: Report, before_micros: int, reader: Reader) -> Step:
    change = report.refund_micros - before_micros
    title = _("Refunded %(money)s") if change > 0 else _("Charged again %(money)s")
    return Step(report.at, title % {"money": _word(abs(change), reader)}, "receipt-refund", "azure", [])


def _tell_reactions(trace: Trace, reader: Reader) -> list[Step]:
    steps = []
    for each in trace.reacted:
        title, icon, colour = explained.REACTIONS[each.kind]
        url = each.url if reader.reads else ""
        notes: list[StrPromise | str] = [note for note in (url, each.place, each.device) if note]
        if each.machine:
            notes.insert(0, _("By a machine, not by a person"))
        steps.append(Step(each.at, title, icon, colour, notes))
    for more in trace.repeated:
        title, icon, colour = explained.REACTIONS[more.kind]
        note = ngettext("%(count)s more time until then", "%(count)s more times until then", more.times)
        steps.append(Step(more.at, title, icon, colour, [note % {"count": f"{more.times:,}"}]))
    for reply in trace.answered:
        steps.append(Step(reply.at, _("Reply"), "message-reply", "purple", [reply.content] if reader.reads else []))  # noqa: PERF401
    return steps


def _tell_try(each: Try) -> Step:
    notes: list[StrPromise | str] = [_("answered in %(ms)s ms") % {"ms": each.took_ms}]
    status = {"status": each.http_status}
    if each.taken:
        title = _("Report pushed to your server: HTTP %(status)s") % status
    elif each.http_status:
        title = _("Push not acknowledged: HTTP %(status)s") % status
    else:
        title = _("Push failed: no answer from your server")
        notes = [each.error] if each.error else []
    return Step(each.at, title, "webhook", "green" if each.taken else "red", notes, push=each.id)


def _word(micros: int, reader: Reader) -> str:
    return f"{billing.text_of(micros)} {reader.currency}"
