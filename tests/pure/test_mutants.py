"""The readers before broken bodies: fields or a refusal, never more than came in, in work that grows as the body does."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest

from tests.pure.mutants import FORM, JSON, MMS, MULTIPART, REPORT, SMS, breed, write
from tests.pure.test_wire import attempt, request
from tocsin.api.idempotency import hash_request
from tocsin.api.wire import MAX_FIELDS, MAX_PARTS, Malformed, UnknownKind, Upload, parse_body, parse_query

COUNT = 400
SIZE = 1 << 18


def measure(value: Any) -> int:
    """Letters and bytes that a value keeps. A stack of its own: what was read may be nested as deep as Python calls."""
    size, left = 0, [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += [*each, *each.values()]
        elif isinstance(each, list | Upload):
            left += each
        elif isinstance(each, str | bytes):
            size += len(each)
    return size


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("fields", [SMS, MMS, REPORT], ids=["sms", "mms", "report"])
def test_a_broken_body_is_fields_or_a_refusal(fields: dict[str, str], seed: int) -> None:
    read = refused = 0
    for kind, body in breed(fields, COUNT, seed):
        found = attempt(parse_body, request(body, kind))
        if isinstance(found, Exception):
            refused += 1
            assert isinstance(found, UnknownKind) or len(str(found)) < 300, body
            continue
        read += 1
        assert measure(found) <= len(body), body
        if not body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
            assert len(found) <= max(MAX_FIELDS, MAX_PARTS), body
        assert len(hash_request("/x", found, {})) == 32
    assert min(read, refused) > COUNT // 10, "the mutants are all of one kind: nothing is proved"


@pytest.mark.parametrize("seed", range(2))
def test_a_broken_query_is_read(seed: int) -> None:
    for _, body in breed(SMS, COUNT, seed):
        text = body.decode("utf-8", "replace")
        found = parse_query(text)
        assert len(found) <= MAX_FIELDS
        assert measure(found) <= len(body)


@pytest.mark.parametrize("seed", range(2))
def test_escapes_are_read_as_the_standard_library_reads_them(seed: int) -> None:
    for _, body in breed(SMS, COUNT, seed):
        text = body.decode("utf-8", "surrogateescape").replace("&", "").replace("=", "")
        assert parse_query(f"a={text}").get("a") == unquote_plus(text, errors="surrogateescape")


def many(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


BOMBS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "brackets": (JSON, lambda size: b'{"a":' + many(b"[", size)),
    "empty lists": (JSON, lambda size: b'{"a":[' + many(b"[],", size) + b"1]}"),
    "empty objects": (JSON, lambda size: b'{"a":[' + many(b"{},", size) + b"1]}"),
    "one name again and again": (JSON, lambda size: b"{" + many(b'"numbers":1,', size) + b'"a":1}'),
    "escapes": (JSON, lambda size: b'{"a":"' + many(b"\\u00e9", size) + b'"}'),
    "names": (JSON, lambda size: b"{" + b",".join(b'"%x":1' % n for n in range(size // 9)) + b"}"),
    "a long number": (JSON, lambda size: b'{"codeId":' + many(b"9", size) + b"}"),
    "fields of a form": (FORM, lambda size: many(b"a=b&", size)),
    "ampersands": (FORM, lambda size: many(b"&", size)),
    "percents": (FORM, lambda size: b"numbers=" + many(b"%", size)),
    "escapes of a form": (FORM, lambda size: b"numbers=" + many(b"ab%2C", size)),
    "escapes of letters": (FORM, lambda size: b"numbers=" + many(b"%E4%BD%A0,", size)),
    "parts": (MULTIPART, lambda size: many(b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n', size) + b"--b--"),
    "files": (
        MULTIPART,
        lambda size: many(b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\nx\r\n', size) + b"--b--",
    ),
    "a header without an end": (MULTIPART, lambda size: b"--b\r\nA: " + many(b"x", size)),
    "headers": (MULTIPART, lambda size: b"--b\r\n" + many(b"A: b\r\n", size)),
    "parameters of a header": (
        MULTIPART,
        lambda size: b"--b\r\nContent-Disposition: form-data" + many(b"; a=b", size) + b"\r\n\r\nx\r\n--b--",
    ),
    "almost boundaries": (MULTIPART, lambda size: write(SMS, MULTIPART)[:-7] + many(b"\r\n--", size)),
    "line ends": (MULTIPART, lambda size: many(b"\r\n", size)),
}  # fmt: skip
"""What costs a reader most for each byte: Content-Type, and the body by its size."""


@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_is_a_multiple_of_the_body(bomb: str) -> None:
    """The most is an empty object: 64 bytes and its place in a list, for 3 bytes of JSON."""
    kind, make = BOMBS[bomb]
    asked = request(make(SIZE), kind)
    tracemalloc.start()
    try:
        attempt(parse_body, asked)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 32 * SIZE


@pytest.mark.parametrize("bomb", BOMBS)
def test_work_grows_as_the_body_does(bomb: str) -> None:
    """Counted in calls, not in seconds: four times the body is at most about four times the work, not sixteen."""
    kind, make = BOMBS[bomb]
    small, large = (count_calls(parse_body, request(make(size), kind)) for size in (16 << 10, 64 << 10))
    assert large < 6 * small + 200


def count_calls(read: Callable[..., Any], *args: Any) -> int:
    calls = 0

    def note(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        attempt(read, *args)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("bomb", ["parts", "files", "fields of a form", "ampersands"])
def test_reading_stops_at_the_bound(bomb: str) -> None:
    """Sixty-four times the body is the same work, but for the few calls that handle it as a whole."""
    kind, make = BOMBS[bomb]
    small, large = request(make(16 << 10), kind), request(make(1 << 20), kind)
    with pytest.raises(Malformed, match="has more than 100"):
        parse_body(large)
    assert count_calls(parse_body, large) <= 1.1 * count_calls(parse_body, small)
