"""From a submission to a request, and from an answer to its outcome, by the rules of the channel's settings. Pure.

A rule is a place (JSON pointer) and values, compared as text: no pattern of an operator can cost more than a look.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, NamedTuple

import msgspec

from tocsin.carriers.http.config import HttpConfig
from tocsin.carriers.http.forms import escape_of, escape_url, fill
from tocsin.carriers.http.words import STATUS_FATES, read_fate
from tocsin.carriers.pointer import find_text
from tocsin.carriers.words import Fate
from tocsin.kit.address import Target, read_once
from tocsin.kit.answer import Answer
from tocsin.traffic import OutcomeKind, Submission

URL_MOST = 16_384
_ID_MOST = 200
_ABSENT = object()


class Request(NamedTuple):
    """Ready to be sent."""

    target: Target
    headers: bytes  # lines
    body: bytes


class Verdict(NamedTuple):
    """What an answer comes to. carrier_id None: refused, or accepted without an id."""

    fate: Fate
    carrier_id: str | None = None


def name_submission(submission: Submission) -> str:
    """Our name for it, the same at every attempt: the messageId, and the part where there are several."""
    name = submission.message_id.hex()
    return name if submission.parts == 1 or submission.part == 0 else f"{name}-{submission.part}"


def write_request(config: HttpConfig, submission: Submission, now: float) -> Request:
    """Raises ValueError: the message does not fit into a request, such as a URL that is too long."""
    values = {
        "to": submission.phone,
        "from": submission.sender,
        "text": submission.text,
        "id": name_submission(submission),
        "part": str(submission.part or 1),
        "parts": str(submission.parts if submission.part else 1),
        "priority": submission.priority.name.lower(),
        "validity_s": str(max(0, int(submission.expires_at - now))),
        "expires_at": str(int(submission.expires_at)),
        "user": config.user,
        "secret": config.secret,
    }
    target = read_once(fill(config.url, values, escape_url), URL_MOST)
    if config.method == "GET":
        return Request(target, _write_headers(config, values), b"")
    body = fill(config.body, values, escape_of(config.content_type)).encode("utf-8", "replace")
    return Request(
        target, b"Content-Type: %b\r\n" % config.content_type.encode() + _write_headers(config, values), body
    )


def _write_headers(config: HttpConfig, values: dict[str, str]) -> bytes:
    lines = {name: fill(value, values, str) for name, value in config.headers.items()}
    known = {name.lower() for name in lines}
    lines = {
        name: value for name, value in (("Accept", "*/*"), ("User-Agent", "Tocsin")) if name.lower() not in known
    } | lines
    if config.auth == "basic":
        lines["Authorization"] = "Basic " + b64encode(f"{config.user}:{config.secret}".encode()).decode()
    elif config.auth == "bearer":
        lines["Authorization"] = f"Bearer {config.secret}"
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode()


def read_answer(config: HttpConfig, answer: Answer, own_id: str) -> Verdict:
    """What the carrier said. An answer of success that cannot be read is UNKNOWN: it may have the message."""
    document = _ABSENT
    if any(rule.startswith("/") for rule in (config.ok_at, config.id_at, config.error_at)):
        document = _read_json(answer)
    if config.error_at and document is not _ABSENT:
        word = config.errors.get(find_text(document, config.error_at))
        if word is not None:
            return Verdict(_fate(word))
    if not any(_matches(answer.status, each) for each in config.ok_status):
        return Verdict(_fate(_find_word(config, answer.status)))
    if config.ok_values:
        if config.ok_at and document is _ABSENT:
            return Verdict(Fate(OutcomeKind.UNKNOWN))
        if not _is_success(config, answer, document):
            return Verdict(_fate(config.other_error))
    return _accept(config, answer, document, own_id)


def _read_json(answer: Answer) -> Any:
    if answer.cut:
        return _ABSENT
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        return _ABSENT


def _is_success(config: HttpConfig, answer: Answer, document: Any) -> bool:
    if config.ok_at:
        return find_text(document, config.ok_at) in config.ok_values
    return answer.body.decode("utf-8", "replace").lstrip().startswith(tuple(config.ok_values))


def _accept(config: HttpConfig, answer: Answer, document: Any, own_id: str) -> Verdict:
    rule = config.id_at
    if rule.startswith("/"):
        if document is _ABSENT:
            return Verdict(Fate(OutcomeKind.UNKNOWN))
        found = find_text(document, rule)
    elif rule == "own":
        found = own_id
    elif rule == "body":
        found = answer.body.decode("utf-8", "replace").strip()
    else:
        word, _, rest = rule.partition(" ")
        found = answer.header(rest.lower()) if word == "header" else _find_after(answer, rest)
    good = 0 < len(found) <= _ID_MOST and found.isprintable()
    return Verdict(Fate(OutcomeKind.ACCEPTED), found if good else None)


def _find_after(answer: Answer, text: str) -> str:
    words = answer.body.decode("utf-8", "replace").partition(text)[2].split(None, 1)
    return words[0].strip("\"',;") if words else ""


def _matches(status: int, rule: str) -> bool:
    return rule in (str(status), f"{status // 100}xx")


def _find_word(config: HttpConfig, status: int) -> str:
    names = (str(status), f"{status // 100}xx")
    found = next(
        (table[name] for table in (config.status_errors, STATUS_FATES) for name in names if name in table), None
    )
    return found or config.other_error  # a 2xx that is no success


def _fate(word: str) -> Fate:
    fate = read_fate(word)
    assert fate is not None, "the settings were checked"
    return fate
