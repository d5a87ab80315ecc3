"""What is wrong with the settings of a channel over HTTP, a sentence each. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from tocsin.carriers.http.forms import PLACEHOLDER, escape_of, fill, list_unknown
from tocsin.carriers.http.words import read_fate
from tocsin.carriers.words import STATES
from tocsin.kit.address import MAX_URL, read_once

_STATUS = re.compile(r"[1-5](\d\d|xx)")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset({"content-length", "content-type", "host", "authorization", "transfer-encoding", "connection"})
TOKEN_LEAST = 16
_OF_HEADERS = frozenset({"user", "secret", "id"})


def find_url_mistakes(url: str) -> list[str]:
    """Of the URL, with its placeholders filled; the host is not one of them."""
    mistakes = [f"url: {{{name}}} is no placeholder" for name in list_unknown(url)]
    if PLACEHOLDER.search(url.partition("://")[2].partition("/")[0].partition("?")[0]):
        mistakes.append("url: the host may not hold a placeholder")
    try:
        read_once(PLACEHOLDER.sub("1", url), MAX_URL)
    except ValueError as error:
        mistakes.append(f"url: {error}")
    return mistakes


def find_template_mistakes(body: str, content_type: str) -> list[str]:
    """Of the body: unknown placeholders, and JSON that is none."""
    mistakes = [f"body: {{{name}}} is no placeholder" for name in list_unknown(body)]
    if escape_of(content_type) is escape_of("application/json") and not mistakes:
        try:
            json.loads(fill(body, dict.fromkeys(PLACEHOLDER.findall(body), "1"), str))
        except ValueError as error:
            mistakes.append(f"body: with its placeholders filled it is no JSON: {error}")
    return mistakes


def find_header_mistakes(headers: Mapping[str, str], user: str, secret: str) -> list[str]:
    """Of names and values; what the link writes itself is not for settings."""
    mistakes = []
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            mistakes.append(f"headers: {name!r} is no name of a header")
        elif name.lower() in _OURS:
            mistakes.append(f"headers: {name} is written by the channel itself")
        if not (value.isascii() and value.isprintable()):
            mistakes.append(f"headers: the value of {name} must be printable ASCII")
        mistakes += [
            f"headers: {{{each}}} is no placeholder of a header"
            for each in PLACEHOLDER.findall(value)
            if each not in _OF_HEADERS
        ]
    if ":" in user:
        mistakes.append("user: must not hold a colon")
    if not (f"{user}{secret}".isprintable()):
        mistakes.append("user, secret: must be printable")
    return mistakes


def find_rule_mistakes(rules: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Of words for errors."""
    return [
        f"{name}: {word!r} is neither temporary, throttled, unknown, permanent nor permanent:REASON"
        for name, words in rules.items() for word in words.values() if read_fate(word) is None
    ]  # fmt: skip


def find_state_mistakes(rules: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Of words for states."""
    return [
        f"{name}: {word!r} is none of {', '.join(STATES)}"
        for name, words in rules.items() for word in words.values() if word not in STATES
    ]  # fmt: skip


def find_status_mistakes(name: str, statuses: Iterable[str]) -> list[str]:
    """Of HTTP statuses."""
    return [f"{name}: {each!r} is no status like 200 or 4xx" for each in statuses if not _STATUS.fullmatch(each)]


def find_id_mistakes(rule: str) -> list[str]:
    """Of the rule that finds the carrier's id."""
    word, _, rest = rule.partition(" ")
    good = rule in {"body", "own"} or rule.startswith("/") or (word in {"header", "after"} and rest)
    return [] if good else [f"id_at: {rule!r} is neither a JSON pointer, `header NAME`, `after TEXT`, body nor own"]


def find_token_mistakes(token: str) -> list[str]:
    """Of the secret that callers show; "" is none: nobody may call."""
    if token and (len(token) < TOKEN_LEAST or not token.isascii() or not token.isprintable()):
        return [f"callback_token: must be at least {TOKEN_LEAST} printable ASCII characters"]
    return []
