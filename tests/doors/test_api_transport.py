"""What has no status of the page: methods, paths, sizes, media types; and the pages beside the API."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest

from tests.doors.api import BALANCE, GOOD, REPORT, SEND, Bed, Door, Reply
from tests.poll import until_sync

MEGABYTE = 1024 * 1024


def assert_transport(reply: Reply, http: int) -> None:
    """JSON all the same, with both texts and a name for the log."""
    assert reply.http == http
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"
    assert re.fullmatch("[0-9a-f]{16}", reply.headers["x-request-id"])
    assert reply.json["message"] == reply.json["msg"] != ""
    assert "Traceback" not in reply.json["msg"]


@pytest.mark.parametrize("path", ["/api/v1/sms/sendbatch", "/api/v1/", "/api", "//", SEND + "/", "/api/v1/sms/%ff"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_404_in_json(door: Door, path: str, method: str) -> None:
    assert_transport(door.call(method, path, "" if method == "POST" else None), 404)


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("PUT", SEND, "GET, POST"),
        ("DELETE", SEND, "GET, POST"),
        ("PATCH", SEND, "GET, POST"),
        ("OPTIONS", SEND, "GET, POST"),
        ("POST", "/api/v1/sms/uplink", "GET"),
        ("POST", "/api/v1/countries", "GET"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_405_in_json_and_names_the_known_ones(door: Door, method: str, path: str, known: str) -> None:
    reply = door.call(method, path)
    assert_transport(reply, 405)
    assert reply.headers["allow"] == known


def test_only_a_405_has_an_allow_header(bed: Bed, door: Door) -> None:
    for reply in (door.call("GET", "/nowhere"), door.call("GET", "/healthz"), door.get(bed.bystander, BALANCE)):
        assert reply.headers["allow"] is None


def test_head_on_a_send_is_405_and_sends_nothing(bed: Bed, door: Door) -> None:
    customer = bed.bystander
    reply = door.call("HEAD", f"{SEND}?{urlencode(customer.sign() | GOOD)}")
    assert (reply.http, reply.body) == (405, b"")
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"
    assert reply.headers["allow"] == "GET, POST"
    bed.assert_untouched()


def test_over_eight_megabytes_is_413(bed: Bed, door: Door) -> None:
    customer = bed.bystander
    body = json.dumps(GOOD | {"content": "x" * (8 * MEGABYTE)})
    assert_transport(door.post(customer, body), 413)
    bed.assert_untouched()


def test_over_eight_megabytes_in_chunks_is_413(bed: Bed, door: Door) -> None:
    customer = bed.bystander
    head = (
        f"POST {SEND}?{urlencode(customer.sign())} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"
    answer = door.raw(head.encode() + 9 * chunk + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["msg"]
    bed.assert_untouched()


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_chunks_are_a_body_like_any_other(bed: Bed, door: Door, kind: str) -> None:
    customer = bed.customer()
    body = (urlencode if "form" in kind else json.dumps)(GOOD).encode()
    head = (
        f"POST {SEND}?{urlencode(customer.sign())} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    answer = door.raw(head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 0


def test_eight_megabytes_are_read(bed: Bed, door: Door) -> None:
    body = json.dumps(GOOD | {"content": ""})
    body = body.replace('"content": ""', '"content": "' + "x" * (8 * MEGABYTE - len(body)) + '"')
    assert len(body) == 8 * MEGABYTE
    assert door.post(bed.customer(), body).status == -5


def test_a_body_that_breaks_off_harms_nobody(bed: Bed, door: Door) -> None:
    customer = bed.bystander
    head = f"POST {SEND}?{urlencode(customer.sign())} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    for _ in range(3):
        door.hang_up(head.encode() + json.dumps(GOOD).encode())
    assert door.get(customer, BALANCE).status == 0
    bed.assert_untouched()


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("end", [b"nonsense\r\n", b""])
def test_chunks_that_break_off_send_nothing(bed: Bed, door: Door, kind: str, end: bytes) -> None:
    target = f"{SEND}?{urlencode(bed.bystander.sign())}"
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = (urlencode if "form" in kind else json.dumps)(GOOD | {"more": "numbers"}).encode()
    data = head.encode() + b"%x\r\n%b\r\n" % (len(body) - 1, body[:-1]) + end
    if end:
        assert door.raw(data).startswith(b"HTTP/1.1 400 ")
    else:
        door.hang_up(data, reset=False)
    assert door.get(bed.bystander, BALANCE).status == 0
    bed.assert_untouched()


@pytest.mark.parametrize(
    "kind", ["application/xml", "text/plain", "application/octet-stream", "application/msgpack", "nonsense"]
)
@pytest.mark.parametrize("long", [False, True])  # a long body is read by the helper process
def test_another_media_type_is_415(bed: Bed, door: Door, kind: str, long: bool) -> None:
    assert_transport(door.post(bed.bystander, "<numbers>" + "1" * 10_000 * long, kind=kind), 415)


def test_every_reply_has_a_request_id_of_its_own(bed: Bed, door: Door) -> None:
    customer = bed.bystander
    replies = [door.get(customer, BALANCE), door.post(customer, "{"), door.call("GET", "/healthz")]
    names = {reply.headers["x-request-id"] for reply in replies}
    assert len(names) == 3


def test_the_request_id_is_kept_with_the_batch(bed: Bed, door: Door) -> None:
    reply = door.send(bed.customer())
    kept = bed.one("SELECT request_id FROM batch WHERE batch_no = %s", int(reply.data["batchNo"]))
    assert kept == reply.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_lives_and_is_ready(door: Door, path: str, method: str) -> None:
    assert door.call(method, path).http == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_root_leads_to_the_reference(door: Door, method: str) -> None:
    reply = door.call(method, "/")
    assert (reply.http, reply.headers["location"]) == (302, "docs")
    page = door.call("GET", "/docs")
    assert "<title>Tocsin API</title>" in page.body.decode()
    assert page.headers["content-security-policy"] == "frame-ancestors 'none'"


def test_metrics_are_prometheus_text(bed: Bed, door: Door) -> None:
    def read(name: str) -> float:
        reply = door.call("GET", "/metrics")
        assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
        values = re.findall(rf"^{re.escape(name)} ([0-9.e+]+)$", reply.body.decode(), re.MULTILINE)
        return float(values[0]) if values else 0.0

    accepted, asked = (
        'tocsin_messages_accepted_total{product="sms"}',
        'tocsin_requests_total{endpoint="balance",status="ok"}',
    )
    before = read(accepted), read(asked)
    customer = bed.customer()
    door.send(customer, numbers="81234567801,81234567802,1")
    door.get(customer, BALANCE)
    until_sync(lambda: (read(accepted), read(asked)) == (before[0] + 2, before[1] + 1), 5)


def test_metrics_show_how_links_are(bed: Bed, door: Door) -> None:
    bed.conn.execute(
        "INSERT INTO link_state SELECT id, 999999, 3, 4, 50, 7, 12.5, 100, 1, 2, 3, 4, '', 0, 300, NULL,"
        " now() + interval '1 minute' FROM channel WHERE name = 'sandbox'"
    )
    try:
        text = until_sync(lambda: find_text(door, 'tocsin_channel_binds{channel="sandbox"} 3.0'), 5)
    finally:
        bed.conn.execute("DELETE FROM link_state WHERE process_id = 999999")
    shown = [("binds", 3), ("binds_wanted", 4), ("in_flight", 7), ("rate", 12.5), ("receipt_delay_seconds", 0.3)]
    for name, value in shown:
        assert f'tocsin_channel_{name}{{channel="sandbox"}} {float(value)}\n' in text, name
    assert 'tocsin_channel_answers_total{channel="sandbox",outcome="THROTTLED"} 3.0' in text
    assert 'tocsin_channel_waiting{channel="sandbox"}' in text


def find_text(door: Door, wanted: str) -> str:
    """Metrics as soon as they have it: they are made at most once a second."""
    text = door.call("GET", "/metrics").body.decode()
    return text if wanted in text else ""


def test_no_key_and_no_sign_is_shown(bed: Bed, door: Door) -> None:
    customer = bed.special("secret", 0)
    query = customer.sign()
    texts = [
        door.post(customer, "{").body,
        door.call("POST", f"{SEND}?{urlencode(query | {'datetime': '1'})}", "{").body,
        door.call("GET", f"{REPORT}?{urlencode(query)}").body,
        door.call("GET", "/metrics").body,
        door.log.encode(),
    ]
    for text in texts:
        assert customer.key.encode() not in text
        assert query["sign"].encode() not in text
