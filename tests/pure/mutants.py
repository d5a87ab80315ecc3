"""Good bodies, broken in the ways in which networks, clients and attackers break them. By a seed: the same ones each time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote, urlencode

FORM, MULTIPART, JSON = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json"
KINDS = [
    JSON, "application/json; charset=utf-16", FORM, MULTIPART, 'multipart/form-data; boundary="', "multipart/form-data",
    "multipart/form-data; boundary=" + "b" * 300, "multipart/form-data; boundary=b; boundary*0=c", "multipart/mixed; boundary=b",
    "text/xml", "application/octet-stream", "", ";", "a" * 2000, "application/json, text/html",
]  # fmt: skip
LONG = 9_000  # bytes from which the API's helper process reads

SMS = {"numbers": "81234567801,81234567802", "content": "héllo €", "codeId": "10007", "action": "NOTIFICATION"}
MMS = SMS | {"title": "hello", "attachment": "aGVsbG8="}
MAIL = {
    "emails": '[{"to":"tom@x.com","placeholders":{"name":"T\u00f6m"}},{"to":"yan@x.com"}]', "from": "Acme",
    "theme": "h\u00e9llo {name}",
    "content": "<p>\u20ac {name}</p>", "placeholders": '{"name":"friend"}', "attachment": "aGVsbG8=",
}  # fmt: skip
REPORT = {"ids": "0" * 32, "batchNo": "17954053604360002", "start": "1795400000", "end": "1795500000", "limit": "2"}

_NUMBERS = [
    b"1e999",
    b"-0",
    b"9" * 400,
    b"1" + b"0" * 5000,
    b"0.1e-400",
    b"1e308",
    b"NaN",
    b"-Infinity",
    b"1_0",
    b"0x10",
]
_TOKENS = [
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"%", b"%00", b"%zz", b"%u0041", b"%ff%fe", b"%ED%A0%80", b"&",
    b"=", b"&&==", b"+", b";", b"\r\n", b"\r\n\r\n", b"--b", b"--b--", b"\r\n--b\r\n", b"\r\n--b--\r\n", b"{", b"}", b"[", b"]",
    b'"', b",", b":", b"null", b"true", b"\xef\xbb\xbf", b"\xfe\xff", b"Content-Type: text/html", b"Content-Disposition: form-data",
    b'Content-Disposition: form-data; name="numbers"; filename="/etc/x"', b"Content-Transfer-Encoding: base64\r\n", *_NUMBERS,
]  # fmt: skip


class Mutant(NamedTuple):
    """A body and what it is called."""

    kind: str
    body: bytes


def write(fields: dict[str, str], kind: str) -> bytes:
    """A good body."""
    if kind == FORM:
        return urlencode(fields).encode()
    if kind == MULTIPART:
        parts = [_part(f'name="{name}"', value.encode()) for name, value in fields.items() if name != "attachment"]
        files = [_part('name="attachment[]"; filename="a.txt"', b"hello")] if "attachment" in fields else []
        return b"".join(parts + files) + b"--b--\r\n"
    return json.dumps(fields).encode()


def _part(how: str, data: bytes) -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + how.encode() + b"\r\n\r\n" + data + b"\r\n"


def breed(fields: dict[str, str], count: int, seed: int) -> Iterator[Mutant]:
    """`count` mutants of good bodies of all three kinds, each broken once to three times."""
    chance = random.Random(seed)
    for _ in range(count):
        kind = chance.choice((JSON, FORM, MULTIPART))
        body = write(fields, kind)
        for _ in range(chance.randint(1, 3)):
            body = chance.choice(_WAYS)(chance, body)
        yield Mutant(kind if chance.random() < 0.8 else chance.choice(KINDS), body)


def _cut(chance: random.Random, body: bytes) -> bytes:
    return body[: chance.randint(0, len(body))]


def _put(chance: random.Random, body: bytes) -> bytes:
    at = chance.randint(0, len(body))
    return body[:at] + chance.choice(_TOKENS) + body[at:]


def _overwrite(chance: random.Random, body: bytes) -> bytes:
    at = chance.randint(0, len(body))
    token = chance.choice(_TOKENS)
    return body[:at] + token + body[at + len(token) :]


def _drop(chance: random.Random, body: bytes) -> bytes:
    at = chance.randint(0, len(body))
    return body[:at] + body[at + chance.randint(1, 12) :]


def _double(chance: random.Random, body: bytes) -> bytes:
    """The same names twice, or the end twice."""
    return body + chance.choice((b"", b"&", b",", b"\r\n")) + body


def _repeat_a_piece(chance: random.Random, body: bytes) -> bytes:
    at = chance.randint(0, len(body))
    piece = body[at : at + chance.randint(1, 40)]
    return body[:at] + piece * chance.choice((2, 50, 400)) + body[at:]


def _nest(chance: random.Random, body: bytes) -> bytes:
    depth = chance.choice((1, 50, 900, 1_100, 20_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    inner = opening * depth + b"1" + closing * chance.choice((0, depth))
    return chance.choice((b'{"numbers":' + inner + b"}", b'{"x":' + inner + b"," + body[1:], inner))


def _replace_a_value(chance: random.Random, body: bytes) -> bytes:
    value = chance.choice(
        [
            *_NUMBERS,
            b"null",
            b"[]",
            b"{}",
            b"true",
            b'[["81234567801"]]',
            b'{"to":1}',
            b'"\\ud83d"',
            b'"' + b"8" * 5000 + b'"',
        ]
    )
    for quoted in (b'"10007"', b'"NOTIFICATION"', b'"hello"', b'"1795400000"'):
        if quoted in body and chance.random() < 0.6:
            return body.replace(quoted, value, 1)
    return body.replace(b"10007", quote(value).encode(), 1)


def _pad(chance: random.Random, body: bytes) -> bytes:
    """Long enough for the helper."""
    blanks = chance.choice((b" ", b"\n", b"\x00", b"&a=b")) * LONG
    return chance.choice((blanks + body, body + blanks, body.replace(b"10007", b"10007" + blanks, 1)))


_WAYS: list[Callable[[random.Random, bytes], bytes]] = [
    _cut, _put, _put, _overwrite, _drop, _double, _repeat_a_piece, _nest, _replace_a_value, _pad,
]  # fmt: skip
