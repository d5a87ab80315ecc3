"""What carriers that call us have in common: the token that they show, and their body as a document. Pure."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tocsin.carriers.model import Called, UnreadableError
from tocsin.carriers.pointer import find

FIELDS_MOST = 200
ROWS_MOST = 10_000


def shows_token(called: Called, token: str) -> bool:
    """Whether it shows the channel's token; where there is none nobody does. In constant time."""
    scheme, _, bearer = called.header("authorization").partition(" ")
    shown = (
        called.query.get("token", ""),
        called.header("x-token"),
        bearer.strip() if scheme.lower() == "bearer" else "",
    )
    known = False
    for each in shown:
        known |= hmac.compare_digest(each.encode("utf-8", "replace"), token.encode())
    return known and bool(token)


def read_rows(called: Called, rule: str) -> list[Any]:
    """The rows of a request: of its JSON, else of its form or query, which are one row. Raises UnreadableError."""
    body = called.body.removeprefix(b"\xef\xbb\xbf").strip()
    if not body:
        return [{name: value for name, value in called.query.items() if name != "token"}]
    if body[:1] not in b"{[":
        return [_read_form(body)]
    try:
        found = find(msgspec.json.decode(body), rule)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableError(f"the JSON body cannot be read: {str(error)[:150]}") from None
    rows = found if isinstance(found, list) else [found]
    if not all(isinstance(row, dict | list) for row in rows) or len(rows) > ROWS_MOST:
        raise UnreadableError(f"the body has no rows at {rule!r}, or more than {ROWS_MOST}")
    return rows


def _read_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS_MOST)
    except ValueError:
        raise UnreadableError(f"the form has more than {FIELDS_MOST} fields") from None
    if not pairs:
        raise UnreadableError("the body is neither JSON nor a form")
    return dict(pairs)


def read_number(text: str) -> str:
    """A number as the platform writes it: digits with country code; what is none stays as it is."""
    digits = text.removeprefix("+").removeprefix("00")
    return digits if digits.isascii() and digits.isdigit() else text[:64]
