"""What comes in and goes out: a request as plain data, a reply as bytes, and the readers between them. No I/O.

The server bounds the size of what is read; readers stop at the 101st field or part. They answer Malformed with a
sentence, never another exception.
Contract, section 1: JSON, form, multipart or query; a body whose first byte is "{" is JSON whatever it is called.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from python_multipart import multipart
from python_multipart.exceptions import FormParserError

from tocsin.content import Status, phrase

# It tells the log of every bad byte of a client; the reply says what is wrong.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)

JSON_TYPE = ("content-type", "application/json;charset=UTF-8")
MAX_FIELDS = 100  # of a URL, a form, a JSON object
MAX_PARTS = 100  # of a multipart body, fields and files together
_SAID_MOST = 150  # of what a parser says: it may repeat the body
_SHORT_QUERY = 128  # account, sign and datetime
_IN_MEMORY = {"MAX_MEMORY_FILE_SIZE": 1 << 30}  # the server bounds the body: no need for files on disk
_LISTS = frozenset({"numbers", "ids"})  # a real array is taken for a comma list
_WHOLE_BELOW = 2**53  # above it a float is no exact whole number
_TOO_MANY_FIELDS = f"the body has more than {MAX_FIELDS} fields"
TOO_MANY_PARAMETERS = f"the URL has more than {MAX_FIELDS} parameters"
_ESCAPES = re.compile("(?:%[0-9A-Fa-f]{2})+")
_BOM = b"\xef\xbb\xbf"
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Malformed(Exception):  # noqa: N818  (it says what the body is)
    """A body that cannot be read; the text says why."""


class UnknownKind(Exception):  # noqa: N818
    """A body of a media type that is not taken: 415."""


class CutQuery(dict[str, str]):
    """The first `MAX_FIELDS` fields of a URL or form that has more. Whoever reads it refuses it."""


class Upload(NamedTuple):
    """A file part of a multipart body. name: as the client wrote it, "" without one."""

    name: str
    data: bytes


class Request(msgspec.Struct):
    """One request, read whole."""

    method: str
    path: str
    query: Mapping[str, str]
    content_type: str
    body: bytes
    address: str
    request_id: str
    idempotency_key: str | None = None
    body_digest: str = ""  # as a call of the console says
    by_console: bool = False  # a person sends, at the console; the account's IP list is for its programs
    account_id: int = 0  # whose it is, once that is known; 0: nobody's
    key_id: int = 0  # which signed it


class Reply(msgspec.Struct):
    """One reply."""

    body: bytes
    http: int = 200
    retry_after_s: int | None = None
    content_type: str = JSON_TYPE[1]
    allow: str = ""  # with 405: the methods that are known
    headers: tuple[tuple[str, str], ...] = ()


def parse_query(text: str) -> Mapping[str, str]:
    """Names and values; the first of a name counts. More than `MAX_FIELDS`: a CutQuery, and the rest is not read.

    What is no UTF-8 becomes lone surrogates.
    """
    # A client signs once a second and sends hundreds of POSTs under the same query.
    return _parse_again(text) if len(text) <= _SHORT_QUERY else _parse_query(text)


def _parse_query(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    if not text:
        return found
    plain = "%" not in text and "+" not in text
    pieces = text.split("&", MAX_FIELDS)
    rest = pieces.pop() if len(pieces) > MAX_FIELDS else ""
    for piece in pieces:
        name, equals, value = piece.partition("=")
        if not plain:
            name, value = _unquote(name), _unquote(value)
        if equals and name not in found:
            found[name] = value
    return CutQuery(found) if rest else found


def _unquote(text: str) -> str:
    """As urllib's unquote_plus, which makes an object for each "%": 190 bytes of memory for a byte of a hostile body."""
    text = text.replace("+", " ").replace("%2C", ",")  # lists of numbers are full of them
    return _ESCAPES.sub(_read_escapes, text) if "%" in text else text


def _read_escapes(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "surrogateescape")


_parse_again = lru_cache(maxsize=4096)(_parse_query)


def parse_body(request: Request) -> dict[str, Any]:
    """The fields of a body. Raises Malformed, UnknownKind."""
    body = request.body
    if body.startswith(_BOM):
        body = body[3:]
    start = body.lstrip()[:1] if body[:1] != b"{" else b"{"
    if start == b"":
        return {}
    if start == b"{":
        return _parse_json(body)
    kind = request.content_type.partition(";")[0].strip().lower()
    if kind in {"", "application/json", "text/json"}:
        raise Malformed("the body is not a JSON object")
    if kind == "application/x-www-form-urlencoded":
        return _parse_form(body)
    if kind == "multipart/form-data":
        return _parse_multipart(request.content_type, body)
    raise UnknownKind(kind)


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        fields = _decode_object(body)
    except RecursionError:
        raise Malformed("the JSON body is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"the JSON body cannot be read: {str(error)[:_SAID_MOST]}") from None
    if len(fields) > MAX_FIELDS:
        raise Malformed(_TOO_MANY_FIELDS)
    return fields


def _parse_form(body: bytes) -> dict[str, Any]:
    fields = parse_query(body.decode("utf-8", "surrogateescape"))
    if isinstance(fields, CutQuery):
        raise Malformed(_TOO_MANY_FIELDS)
    return dict(fields)


def _parse_multipart(content_type: str, body: bytes) -> dict[str, Any]:
    _, options = multipart.parse_options_header(content_type.encode("latin-1", "replace"))
    boundary = options.get(b"boundary")
    if not boundary:
        raise Malformed("the multipart body has no boundary")
    fields: dict[str, Any] = {}
    files: dict[str, list[Upload]] = {}
    parts = itertools.count(1)

    def count_part() -> None:
        if next(parts) > MAX_PARTS:  # raised out of the middle of the parser: what follows is not read
            raise Malformed(f"the body has more than {MAX_PARTS} parts")

    def on_field(field: multipart.Field) -> None:
        count_part()
        if field.field_name is not None:
            fields.setdefault(
                field.field_name.decode("utf-8", "replace"), (field.value or b"").decode("utf-8", "surrogateescape")
            )

    def on_file(file: multipart.File) -> None:
        count_part()
        if file.field_name is not None:
            name = file.field_name.decode("utf-8", "replace").removesuffix("[]")  # as PHP's forms name lists
            file.file_object.seek(0)
            written = (file.file_name or b"").decode("utf-8", "replace")
            files.setdefault(name, []).append(Upload(written, file.file_object.read()))

    try:
        parser = multipart.FormParser("multipart/form-data", on_field, on_file, boundary=boundary, config=_IN_MEMORY)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Malformed(f"the multipart body cannot be read: {str(error)[:_SAID_MOST]}") from None
    return {**fields, **files}


def text_field(fields: Mapping[str, Any], query: Mapping[str, str], name: str) -> str | None:
    """A field as text: from the body, else from the URL; "" and null are absent; a number counts as its digits."""
    value = fields[name] if name in fields else query.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, list) and name in _LISTS:
        return ",".join(_text(name, each) for each in value)
    return _text(name, value)


def _text(name: str, value: Any) -> str:
    """A string, or a number as its digits; many languages write whole numbers with a fraction of zero."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_BELOW:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):  # Python does not print whole numbers of thousands of digits
            return str(value)
    raise Malformed(f"{name} must be a string")


def error_reply(status: Status, language: str = "en", detail: str = "", *, retry_after_s: int | None = None) -> Reply:
    """An error in the contract's form: both `message` and `msg`, no data."""
    text = phrase(status, language, detail)
    body = msgspec.json.encode({"status": int(status), "message": text, "msg": text})
    return Reply(body, retry_after_s=retry_after_s)


def data_reply(data: Any, language: str = "en") -> Reply:
    """A success with data."""
    return Reply(msgspec.json.encode({"status": 0, "message": phrase(Status.SUBMITTED, language), "data": data}))


def refuse_method(known: Collection[str]) -> Reply:
    """405, which must name the methods that are known (RFC 9110, 15.5.6)."""
    reply = transport_reply(405, "Method not allowed")
    reply.allow = ", ".join(sorted(known))
    return reply


def transport_reply(http: int, text: str) -> Reply:
    """What has no status of the page: 404, 405, 413, 415, 5xx. JSON all the same."""
    return Reply(msgspec.json.encode({"status": http, "message": text, "msg": text}), http=http)
