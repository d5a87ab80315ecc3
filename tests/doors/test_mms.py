"""MMS: its fields and files, with their codes; what is stored, and once."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import pytest

from tests.doors.api import CHINA, Bed, Customer, Door, Reply
from tests.doors.test_sms_fields import PLATFORM, refused

PATH = "/api/v1/sms/mssSend"
MMS = {"content": "helloworld", "numbers": "13611111111", "codeId": "10007", "title": "hello"}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(shade: int = 0, pad: int = 0) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    text = chunk(b"tEXt", b"Comment\0" + b"x" * pad) if pad else b""
    body = chunk(b"IDAT", zlib.compress(bytes([0, shade])))
    return b"\x89PNG\r\n\x1a\n" + head + text + body + chunk(b"IEND", b"")


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def send(door: Door, customer: Customer, /, **fields: Any) -> Reply:
    body = {name: value for name, value in (MMS | fields).items() if value is not None}
    return door.post(customer, body, path=PATH)


def post_parts(door: Door, customer: Customer, files: list[tuple[str, str, bytes]]) -> Reply:
    """A multipart body: fields of MMS, and (field, file name, bytes)."""
    pieces = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in MMS.items()]
    pieces += [
        f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'.encode()
        + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n"
        for field, name, data in files
    ]  # fmt: skip
    return door.post(customer, b"".join(pieces) + b"--b--\r\n", path=PATH, kind="multipart/form-data; boundary=b")


def attached(bed: Bed, reply: Reply) -> list[tuple[str, str, bytes]]:
    """(name, mime, bytes) of the files of a send, as stored."""
    text = bed.one("SELECT attached FROM batch WHERE batch_no = %s", int(reply.data["batchNo"]))
    rows = json.loads(text) if text else []
    return [(n, m, bytes(bed.one("SELECT data FROM media WHERE hash = %s", bytes.fromhex(h)))) for n, m, h in rows]


def test_one_is_stored_charged_and_queued(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    before = bed.wallet(customer)[0]
    reply = send(door, customer, content="x" * 1024)
    assert reply.status == 0
    ((phone, message_id),) = reply.data["array"]
    assert (phone, len(message_id)) == ("6213611111111", 32)
    row = "SELECT product, parts, price_micros FROM message WHERE id = %s"
    product = bed.one(row, message_id)
    price = bed.one("SELECT price_micros FROM message WHERE id = %s", message_id)
    assert (product, bed.lane_messages(customer)) == (2, 1)
    assert before - bed.wallet(customer)[0] == price > 0, "one message, however long"
    assert bed.one("SELECT title FROM batch WHERE batch_no = %s", int(reply.data["batchNo"])) == "hello"
    assert bed.one("SELECT priority FROM batch WHERE batch_no = %s", int(reply.data["batchNo"])) == 1


def test_the_alias_is_the_same(bed: Bed, door: Door) -> None:
    assert door.post(bed.customer(), MMS, path="/api/v1/sms/mmsSend").status == 0


def test_it_is_no_get(bed: Bed, door: Door) -> None:
    reply = door.get(bed.customer(), PATH, MMS)
    assert (reply.http, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("change", "status", "phrase", "detail"),
    [
        ({"title": None}, -12, PLATFORM, "title is missing"),
        ({"title": " "}, -12, PLATFORM, "title is missing"),
        ({"title": "a\0"}, -12, PLATFORM, "title: NUL character"),
        ({"title": "x" * 129}, -12, PLATFORM, "title has more than 128 characters"),
        ({"content": None}, -4, "SMS content is empty", ""),
        ({"content": "x" * 1025}, -5, "SMS content too long", ""),
        ({"numbers": ""}, -8, "Number is empty", ""),
        ({"codeId": ""}, -18, "Country code ID cannot be empty", ""),
        ({"codeId": "1"}, -19, "Country code ID error", ""),
        ({"senderId": "NOBODY"}, -12, PLATFORM, "senderId is not granted to this account"),
        ({"routing": "nowhere"}, 3, "Channel not found", "routing"),
        ({"attachment": ["%%%"]}, -12, PLATFORM, None),
        ({"attachment": [7]}, -12, PLATFORM, "attachment must be files or base64 texts"),
        ({"attachment": [encode(b"PK\x03\x04" + bytes(40))]}, -12, PLATFORM, None),
        ({"attachment": [encode(b"\x7fELF" + bytes(40))]}, -12, PLATFORM, None),
        ({"attachment": [encode(b"%PDF-1.7 ...")]}, -12, PLATFORM, None),
        ({"attachment": [encode(b"<html><body>hi</body></html>")]}, -12, PLATFORM, None),
        ({"attachment": [encode(png())] * 21}, -12, PLATFORM, "attachment: 21 files, 20 at most"),
        ({"attachment": [encode(png(0, 60_000)), encode(png(1, 60_000))]}, -12, PLATFORM, None),
    ],
)
def test_what_is_refused(
    bed: Bed, door: Door, change: dict[str, Any], status: int, phrase: str, detail: str | None
) -> None:
    said = refused(bed, send(door, bed.bystander, **change), status, phrase)
    assert said.startswith("attachment") if detail is None else said == detail


def test_a_country_that_demands_a_template(bed: Bed, door: Door) -> None:
    reply = send(door, bed.bystander, codeId=CHINA)
    assert reply.status == -6


def test_numbers_come_before_files(bed: Bed, door: Door) -> None:
    refused(bed, send(door, bed.bystander, numbers="", attachment=["%%%"]), -8, "Number is empty")


def test_ten_thousand_numbers_and_one_more(bed: Bed, door: Door) -> None:
    many = ",".join(str(81200000000 + n) for n in range(10_001))
    refused(bed, send(door, bed.bystander, numbers=many), -7, "Too many numbers")


@pytest.mark.parametrize("listed", [True, False])
def test_files_as_base64(bed: Bed, door: Door, listed: bool) -> None:
    text = f"data:image/png;base64,{encode(png())}"
    reply = send(door, bed.customer(), attachment=[text] if listed else text)
    assert attached(bed, reply) == [("attachment-1.png", "image/png", png())]


@pytest.mark.parametrize("field", ["attachment", "attachment[]"])
def test_files_as_parts_are_told_by_their_content(bed: Bed, door: Door, field: str) -> None:
    reply = post_parts(door, bed.customer(), [(field, "a.png", png(1)), (field, "note.txt", b"hello")])
    assert reply.status == 0
    assert attached(bed, reply) == [("a.png", "image/png", png(1)), ("note.txt", "text/plain", b"hello")]


def test_an_archive_under_a_pictures_name_is_refused(bed: Bed, door: Door) -> None:
    reply = post_parts(door, bed.bystander, [("attachment", "a.png", b"PK\x03\x04" + bytes(40))])
    assert refused(bed, reply, -12, PLATFORM).startswith("attachment 1:")


def test_a_file_is_stored_once(bed: Bed, door: Door) -> None:
    picture = png(7)
    for _ in range(3):
        assert send(door, bed.customer(), attachment=[encode(picture)] * 2).status == 0
    assert bed.one("SELECT count(*) FROM media WHERE data = %s", picture) == 1


def test_a_large_one_goes_by_the_helper(bed: Bed, door: Door) -> None:
    customer = bed.customer(3000 * 1_000_000)
    many = ",".join(str(81200000000 + n) for n in range(2000))
    reply = send(door, customer, numbers=many, attachment=[encode(png(3, 90_000))])
    assert (reply.status, reply.data["success"], len(reply.data["array"])) == (0, 2000, 2000)
    assert attached(bed, reply) == [("attachment-1.png", "image/png", png(3, 90_000))]


def test_the_same_key_answers_the_same(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    key = {"Idempotency-Key": "mms-1"}
    body = MMS | {"attachment": [encode(png())], "numbers": "13611111111,1"}
    first = door.post(customer, body, path=PATH, headers=key)
    assert door.post(customer, body, path=PATH, headers=key).json == first.json
    other = body | {"attachment": [encode(png(9))]}
    assert door.post(customer, other, path=PATH, headers=key).status == -12
    assert bed.messages(customer) == 1
