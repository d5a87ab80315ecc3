"""The API as the console calls it: without a key, past the IP list, by all other rules; and nobody else can."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.fernet import Fernet

from tests.doors.api import GOOD, PRICE_MICROS, SEND, UNTOUCHED, Bed, Customer, Door, Reply
from tests.flows.plant import find_port
from tests.poll import until_sync
from tocsin.accounts import BODY_DIGEST, CONSOLE_CALLS, Call, digest_body, sign_call
from tocsin.console.public import QUOTE, Answer, Fate, Line, call, open_line
from tocsin.kit.seal import derive_keys
from tocsin.kit.settings import Settings


def make_line(bed: Bed, door: Door, *keys: str) -> Line:
    settings = Settings(home=Path("var"), sealing_keys=keys or (bed.sealing_key,))
    return open_line(settings, f"http://127.0.0.1:{door.port}")


def make_key(bed: Bed) -> bytes:
    return derive_keys(Settings(home=Path("var"), sealing_keys=(bed.sealing_key,)), CONSOLE_CALLS)[0]


def send(line: Line, customer: Customer, key: str, **fields: str) -> Answer:
    return call(line, customer.name, SEND, GOOD | fields, key)


def test_a_person_sends_without_a_key_and_past_the_ip_list(bed: Bed, door: Door) -> None:
    customer = bed.special("abroad")
    before = bed.messages(customer)
    assert door.send(customer).status == -2
    answer = send(make_line(bed, door), customer, "person")
    assert answer.good
    assert answer.data["success"] == 1
    assert bed.messages(customer) == before + 1
    log = [json.loads(line) for line in door.log.splitlines()]
    told = [line for line in log if line["text"] == f"the console calls for {customer.name}: {SEND}"]
    assert len(told) == 1
    assert told[0]["request_id"]


def test_the_rules_are_those_of_every_request(bed: Bed, door: Door) -> None:
    line = make_line(bed, door)
    assert send(line, bed.special("locked"), "a").status == -13
    assert send(line, bed.customer(balance=0), "a").status == -10
    assert send(line, bed.bystander, "a", content="").status == -4
    limited = [send(line, bed.special("once a second"), f"{turn}").status for turn in range(6)]
    assert -15 in limited


def test_the_same_key_sends_once(bed: Bed, door: Door) -> None:
    customer, line = bed.customer(), make_line(bed, door)
    first = send(line, customer, "twice")
    assert send(line, customer, "twice") == first
    assert bed.messages(customer) == 1
    assert send(line, customer, "twice", content="something else").status == -12


def put(
    door: Door, key: bytes, customer: Customer, body: Mapping[str, str], change: dict[str, str], **told: str
) -> Reply:
    """As the console would, but for what is changed behind the sign."""
    at, digest = str(int(time.time()) - int(told.pop("ago_s", "0"))), digest_body(json.dumps(GOOD).encode())
    sign = sign_call(key, Call(customer.name, at, told.pop("path", SEND), told.pop("signed", "k"), digest))
    query = {"account": customer.name, "sign": sign, "datetime": at} | change
    return door.call(
        "POST", f"{SEND}?{urlencode(query)}", json.dumps(body), {"Idempotency-Key": "k", BODY_DIGEST: digest, **told}
    )


def test_a_call_that_is_changed_behind_its_sign_is_refused(bed: Bed, door: Door) -> None:
    key, customer, other = make_key(bed), bed.bystander, bed.special("secret")
    other_digest = digest_body(json.dumps(GOOD | {"content": "another"}).encode())
    assert put(door, key, bed.customer(), GOOD, {}).status == 0
    refused = [
        put(door, key, customer, GOOD | {"content": "another"}, {}),
        put(door, key, customer, GOOD, {"account": other.name}),
        put(door, key, customer, GOOD, {"account": "nobody"}),
        put(door, key, customer, GOOD, {"sendTime": "2030-01-01 00:00:00"}),
        put(door, key, customer, GOOD, {"sign": "0" * 64}),
        put(door, key, customer, GOOD, {"sign": "\u0130" * 64}),
        put(door, key, customer, GOOD, {}, signed="another"),
        put(door, key, customer, GOOD, {}, path="/api/v1/sms/mssSend"),
        put(door, key, customer, GOOD, {}, ago_s="301"),
        put(door, key, customer, GOOD, {}, ago_s="-330"),
        put(door, b"", customer, GOOD, {}),
        put(door, key, customer, GOOD | {"content": "it" * 9000}, {}),
        put(door, key, customer, GOOD | {"content": "another"}, {}, **{BODY_DIGEST: other_digest}),
        put(door, customer.key.encode(), customer, GOOD, {}),
    ]
    assert {reply.status for reply in refused} == {-1}
    bed.assert_untouched(customer, UNTOUCHED)


def test_a_get_is_no_call_of_the_console(bed: Bed, door: Door) -> None:
    at, customer = str(int(time.time())), bed.bystander
    sign = sign_call(make_key(bed), Call(customer.name, at, "/api/v1/sms/balance", "", digest_body(b"")))
    query = urlencode({"account": customer.name, "sign": sign, "datetime": at})
    assert door.call("GET", f"/api/v1/sms/balance?{query}").status == -1


def test_a_rotation_of_sealing_keys_stops_nobody(bed: Bed, door: Door) -> None:
    """The console knows the new key before the API does, or after it."""
    fresh = Fernet.generate_key().decode()
    customer = bed.customer()
    assert send(make_line(bed, door, fresh, bed.sealing_key), customer, "new first").good
    assert send(make_line(bed, door, fresh), customer, "only new").status == -1
    assert bed.messages(customer) == 1


def test_an_account_that_was_just_made_may_send(bed: Bed, door: Door) -> None:
    assert send(make_line(bed, door), bed.newcomer("just-registered"), "first").good


def test_a_large_send_goes_by_the_helper_process(bed: Bed, door: Door) -> None:
    customer, line = bed.customer(balance=1000 * PRICE_MICROS), make_line(bed, door)
    many = ",".join(f"8123450{number:04}" for number in range(1000))

    until_sync(lambda: send(line, customer, "large", numbers=many).good, 20)  # the helper may have just begun
    assert bed.messages(customer) == 1000


def test_without_an_api_it_says_so() -> None:
    settings = Settings(home=Path("var"), sealing_keys=(Fernet.generate_key().decode(),))
    url = f"http://127.0.0.1:{find_port()}"
    answer = call(open_line(settings, url), "anybody", SEND, GOOD, "k")
    assert answer.fate is Fate.AWAY
    assert not answer.good
    assert url in answer.message


@pytest.mark.parametrize("needed", ["django", "tocsin.schema"])
def test_it_is_free_of_django(needed: str) -> None:
    import subprocess
    import sys

    code = f"import sys, tocsin.console.public; print({needed!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def quote(line: Line, customer: Customer, **fields: str) -> Mapping[str, Any]:
    answer = call(line, customer.name, QUOTE + SEND, GOOD | fields, "")
    assert answer.good
    return answer.data


def test_a_quote_says_what_a_send_would_be_and_sends_nothing(bed: Bed, door: Door) -> None:
    line, customer = make_line(bed, door), bed.bystander
    said = quote(line, customer, numbers="81234567801,81234567802,1,81234567801", content="ж" * 71)
    assert (said["status"], said["good"], said["bad"], said["parts"]) == (0, 2, 2, 2)
    assert said["amount"] == 4 * PRICE_MICROS
    assert said["prices"] == [[10007, 2, 2 * PRICE_MICROS, 2]]
    assert [phone for phone, _ in said["refused"]] == ["1", "6281234567801"]
    assert (quote(line, customer, numbers="1")["status"], quote(line, customer, numbers="")["status"]) == (-9, -8)
    assert quote(line, customer, senderId="ACME")["detail"] == "senderId is not granted to this account"
    many = quote(line, customer, numbers=",".join(f"8123450{number:04}" for number in range(1000)))
    assert (many["good"], many["amount"]) == (1000, 1000 * PRICE_MICROS)
    bed.assert_untouched(customer)


def test_nobody_else_is_told_a_quote(bed: Bed, door: Door) -> None:
    query = urlencode(bed.bystander.sign())
    assert door.call("POST", f"{QUOTE}{SEND}?{query}", json.dumps(GOOD)).http == 404
    forged = urlencode(bed.bystander.sign(sign="0" * 64))
    assert door.call("POST", f"{QUOTE}{SEND}?{forged}", json.dumps(GOOD)).status == -1


def test_bad_signs_of_a_program_do_not_shut_out_people(bed: Bed, door: Door) -> None:
    """The console calls from this machine; so may a program with an old key, more often than it may."""
    customer, line = bed.customer(), make_line(bed, door)
    limit = Settings(home=Path("var")).bad_signs_per_minute

    def spent() -> bool:
        query = urlencode({"account": customer.name, "sign": "0" * 32, "datetime": str(int(time.time()))})
        wrong = [door.call("POST", f"{SEND}?{query}").status for _ in range(limit + 20)]
        return wrong[-1] == -15 and send(line, customer, "person").good

    until_sync(spent)  # a minute may begin in between
