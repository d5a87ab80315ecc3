"""From submissions to a send request of the API page, and from its reply to outcomes, by tables. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from tocsin.carriers.tocsin.config import TocsinConfig
from tocsin.content import Status
from tocsin.kit.answer import Answer
from tocsin.traffic import Outcome, OutcomeKind, Reason, Submission

SEND = "/api/v1/sms/sendbatchsms"
_ID_MOST = 200
_TEMPORARY, _PERMANENT, _THROTTLED = OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT, OutcomeKind.THROTTLED


class Meaning(NamedTuple):
    """What a status comes to. `loud`: the operator must hear of it."""

    kind: OutcomeKind
    reason: Reason = Reason.SENDING
    loud: bool = False


_OUR_FAULT: Final = Meaning(_TEMPORARY, loud=True)
"""The channel is set up wrong, or has no money there: that says nothing against the message, another route may take it."""

MEANINGS: dict[int, Meaning] = {
    Status.BLACKLISTED: Meaning(_PERMANENT, Reason.BLACKLISTED),
    Status.COUNTRY_ERROR: Meaning(_PERMANENT, Reason.COUNTRY_ERROR),
    Status.NO_CHANNEL: _OUR_FAULT,
    Status.SEND_FAILED: Meaning(_PERMANENT, Reason.SEND_FAILED),
    Status.AUTHENTICATION: _OUR_FAULT,
    Status.IP_RESTRICTED: _OUR_FAULT,
    Status.SENSITIVE_CONTENT: Meaning(_PERMANENT, Reason.REJECTED),
    Status.CONTENT_EMPTY: Meaning(_PERMANENT, Reason.REJECTED),
    Status.CONTENT_TOO_LONG: Meaning(_PERMANENT, Reason.REJECTED),
    Status.NOT_TEMPLATE: Meaning(_PERMANENT, Reason.REJECTED),
    Status.TOO_MANY_NUMBERS: _OUR_FAULT,
    Status.NUMBER_EMPTY: Meaning(_PERMANENT, Reason.NUMBER_ERROR),
    Status.NUMBER_ABNORMAL: Meaning(_PERMANENT, Reason.NUMBER_ERROR),
    Status.BALANCE_INSUFFICIENT: _OUR_FAULT,
    Status.SCHEDULE_FORMAT: _OUR_FAULT,
    Status.PLATFORM: _OUR_FAULT,
    Status.USER_LOCKED: _OUR_FAULT,
    Status.QUERY_ID: _OUR_FAULT,
    Status.TOO_FREQUENT: Meaning(_THROTTLED),
    Status.TIME_RANGE: _OUR_FAULT,
    Status.TEMPLATE_EMPTY: _OUR_FAULT,
    Status.COUNTRY_EMPTY: _OUR_FAULT,
    Status.COUNTRY_UNKNOWN: _OUR_FAULT,
}
"""Of a request that was refused."""

OF_NUMBERS = MEANINGS | {
    Status.TOO_FREQUENT: Meaning(_PERMANENT, Reason.OVER_CAP),
    Status.BALANCE_INSUFFICIENT: Meaning(_PERMANENT, Reason.SPEND_STOP),
}
"""Of a row of failData."""

BEFORE_THE_KEY = frozenset({
    Status.AUTHENTICATION, Status.IP_RESTRICTED, Status.USER_LOCKED, Status.TOO_FREQUENT, Status.PLATFORM,
})  # fmt: skip
"""Statuses that are answered before an Idempotency-Key is looked at, or without storage: they do not tell whether an
earlier try was taken."""


class Said(NamedTuple):
    """What a reply comes to. outcomes None: it does not tell whether the messages were taken."""

    outcomes: list[Outcome] | None
    status: int
    complaint: str = ""


def group(submissions: Iterable[Submission], most: int) -> list[list[Submission]]:
    """Those that one request can carry: one text, sender, action and country, each number once."""
    groups: list[list[Submission]] = []
    opened: dict[tuple[str, str, int, int], tuple[list[Submission], set[str]]] = {}
    for each in submissions:
        key = (each.text, each.sender, int(each.priority), each.country_id)
        members, phones = opened.get(key, ([], set()))
        if not members or len(members) >= most or each.phone in phones:
            members, phones = opened[key] = [], set()
            groups.append(members)
        members.append(each)
        phones.add(each.phone)
    return groups


def write_body(config: TocsinConfig, submissions: Sequence[Submission]) -> bytes:
    """The JSON of a request; the same for the same submissions, which Idempotency-Key demands."""
    first = submissions[0]
    country = str(first.country_id)
    fields = {
        "numbers": ",".join(each.phone for each in submissions),
        "content": first.text,
        "codeId": config.code_ids.get(country, country),
        "action": first.priority.name,
    }
    if config.pass_sender and first.sender:
        fields["senderId"] = first.sender
    if config.routing:
        fields["routing"] = config.routing
    return msgspec.json.encode(fields)


def name_request(submissions: Sequence[Submission]) -> str:
    """An Idempotency-Key: of these tries of these messages, and no others."""
    digest = hashlib.sha256()
    for each in submissions:
        digest.update(b"%b.%d.%d " % (each.message_id, each.part, each.attempt))
    return digest.hexdigest()


def write_url(config: TocsinConfig, now: float, path: str = SEND) -> str:
    """Where to send, or another path, signed as the page says."""
    stamp = str(int(now))
    sign = hashlib.md5(f"{config.account}{config.api_key}{stamp}".encode(), usedforsecurity=False).hexdigest()
    query = urlencode({"account": config.account, "sign": sign, "datetime": stamp})
    return f"{config.base_url.rstrip('/')}{path}?{query}"


def read_answer(submissions: Sequence[Submission], answer: Answer, now: float) -> Said:
    """What the upstream said, of all submissions of the request."""
    document = read_json(answer)
    status = document.get("status") if document is not None else None
    if answer.status != 200 or document is None or not isinstance(status, int):
        return _read_transport(submissions, answer, now)
    data = document.get("data")
    if isinstance(data, dict):
        return _read_rows(submissions, data, status, now)
    meaning = MEANINGS.get(status, _OUR_FAULT)
    if status == 0:
        return Said(None, status, "the upstream took a request and did not say which messages")
    if status == Status.PLATFORM and answer.header("retry-after"):
        meaning = Meaning(_THROTTLED)  # its storage is away, or too much came at once
    text = f"the upstream answered {status}: {str(document.get('message', ''))[:200]}" if meaning.loud else ""
    return Said([_outcome(each, meaning, now) for each in submissions], status, text)


def read_json(answer: Answer) -> dict[str, Any] | None:
    """The object of an answer; None: there is none."""
    try:
        found = None if answer.cut else msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _read_transport(submissions: Sequence[Submission], answer: Answer, now: float) -> Said:
    """An answer that is not the API's: a proxy's, or of an address that is not the API."""
    text = f"the upstream answered HTTP {answer.status}"
    if answer.status in {429, 503}:
        return Said([_outcome(each, Meaning(_THROTTLED), now) for each in submissions], Status.TOO_FREQUENT, text)
    if 300 <= answer.status < 500:
        return Said([_outcome(each, _OUR_FAULT, now) for each in submissions], Status.PLATFORM, text)
    return Said(None, Status.PLATFORM, text)


def _read_rows(submissions: Sequence[Submission], data: Mapping[str, Any], status: int, now: float) -> Said:
    taken, failed = _by_phone(data.get("successData")), _by_phone(data.get("failData"))
    outcomes, complaint = [], ""
    for each in submissions:
        row = taken.get(each.phone)
        carrier_id = row.get("messageId") if row is not None else None
        if isinstance(carrier_id, str) and 0 < len(carrier_id) <= _ID_MOST and carrier_id.isprintable():
            outcomes.append(Outcome(each.message_id, each.attempt, each.part, OutcomeKind.ACCEPTED, now, carrier_id))
            continue
        failure = failed.get(each.phone, {}).get("status")
        if not isinstance(failure, int):
            complaint = "the upstream's reply does not name every number that was sent"
            outcomes.append(_outcome(each, Meaning(OutcomeKind.UNKNOWN), now))
            continue
        meaning = OF_NUMBERS.get(failure, Meaning(_PERMANENT, Reason.REJECTED))
        complaint = complaint or (f"the upstream refuses numbers with {failure}" if meaning.loud else "")
        outcomes.append(_outcome(each, meaning, now))
    return Said(outcomes, status, complaint)


def _by_phone(rows: Any) -> dict[str, dict[str, Any]]:
    found = rows if isinstance(rows, list) else []
    return {str(row.get("phone", "")): row for row in found if isinstance(row, dict)}


def _outcome(submission: Submission, meaning: Meaning, now: float) -> Outcome:
    return Outcome(submission.message_id, submission.attempt, submission.part, meaning.kind, now, None, meaning.reason)
