"""Who is let in: sign, clock, lock, addresses, limits, in the contract's order."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from urllib.parse import urlencode

import psycopg
import pytest

from tests.doors.api import BALANCE, GOOD, SEND, Bed, Customer, Door, Reply
from tests.poll import until_sync

STALE_S = 1801


def put(door: Door, query: dict[str, str], body: str = "{}", **headers: str) -> Reply:
    return door.call("POST", f"{SEND}?{urlencode(query)}", body, headers)


def assert_error(reply: Reply, status: int, phrase: str) -> str:
    """The contract's error body: message and msg are the same text, no data. What is behind the phrase."""
    assert reply.http == 200
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"
    assert set(reply.json) == {"status", "message", "msg"}
    assert reply.status == status
    assert reply.json["message"] == reply.json["msg"]
    text: str = reply.json["msg"]
    assert text == phrase or text.startswith(phrase + ": "), text
    return text.removeprefix(phrase).removeprefix(": ")


def assert_unknown(reply: Reply) -> str:
    return assert_error(reply, -1, "Authentication error")


def test_the_sign_lets_in_in_either_case(bed: Bed, door: Door) -> None:
    """Without a body the first check behind the door answers."""
    customer = bed.customer()
    query = customer.sign()
    assert put(door, query).status == -8
    assert put(door, query | {"sign": query["sign"].upper()}).status == -8


@pytest.mark.parametrize(
    "change",
    [
        {"sign": "0" * 32},
        {"sign": "05d7a50893e22a5c4bb3216ae3396c7c"},
        {"sign": "\u0130" * 32},
        {"sign": "\x00"},
        {"account": "nobody"},
        {"account": "no\x00body"},
        {"account": "n\u0151body"},
        {"datetime": "1"},
        {"datetime": "99999999999999999999"},
    ],
)
def test_a_wrong_sign_is_refused_without_a_hint(bed: Bed, door: Door, change: dict[str, str]) -> None:
    assert assert_unknown(put(door, bed.bystander.sign() | change)) == ""


def test_bytes_that_are_no_text_are_refused(bed: Bed, door: Door) -> None:
    query = urlencode(bed.bystander.sign()).replace("account=", "account=%ff%00%ed%a0%80")
    assert assert_unknown(door.call("POST", f"{SEND}?{query}", "{}")) == ""


@pytest.mark.parametrize(
    "stamp", ["", "now", "163046880", "16304688000", "1630468800.0", "-630468800", "１６３０４６８８００"]
)
def test_a_datetime_that_is_none_is_refused(bed: Bed, door: Door, stamp: str) -> None:
    assert_unknown(put(door, bed.bystander.sign(stamp)))


@pytest.mark.parametrize(("offset_s", "good"), [(-STALE_S, False), (STALE_S + 5, False), (-1790, True), (1790, True)])
def test_the_clock_may_be_half_an_hour_off(bed: Bed, door: Door, offset_s: int, good: bool) -> None:
    customer = bed.bystander
    reply = put(door, customer.sign(int(time.time()) + offset_s))
    if good:
        assert reply.status == -8
    else:
        assert "datetime" in assert_unknown(reply)
    # Without the key a stale clock says nothing about the account.
    assert assert_unknown(put(door, customer.sign(int(time.time()) + offset_s, sign="0" * 32))) == ""


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_the_sign_in_the_body_does_not_count(bed: Bed, door: Door, kind: str) -> None:
    customer = bed.customer()
    body = urlencode(GOOD | customer.sign()) if "form" in kind else None
    reply = door.call("POST", SEND, body or f"{GOOD | customer.sign()}".replace("'", '"'), {"Content-Type": kind})
    assert "URL" in assert_unknown(reply)
    assert bed.messages(customer) == 0


@pytest.mark.parametrize("missing", ["account", "sign", "datetime"])
def test_all_three_are_needed(bed: Bed, door: Door, missing: str) -> None:
    query = bed.bystander.sign()
    del query[missing]
    assert_unknown(put(door, query))
    assert_unknown(door.call("GET", f"{BALANCE}?{urlencode(query)}"))
    assert_unknown(put(door, query | {missing: ""}))


def test_an_unknown_account_takes_as_long_as_a_wrong_key(bed: Bed, door: Door) -> None:
    """Medians of turns: with one digest more or less they would still be alike, a look into the database would show."""
    known, unknown = bed.bystander, Customer(0, "nobody-at-all", "key")
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    for _ in range(30):
        for name, customer in (("known", known), ("unknown", unknown)):
            start = time.perf_counter()
            assert_unknown(put(door, customer.sign(sign="0" * 32)))
            took[name].append(time.perf_counter() - start)
    medians = [sorted(times)[15] for times in took.values()]
    assert max(medians) < 3 * min(medians) + 0.001


def test_a_locked_account_sends_nothing(bed: Bed, door: Door) -> None:
    customer = bed.special("locked")
    assert_error(door.send(customer), -13, "User locked")
    assert_error(door.get(customer, BALANCE), -13, "User locked")
    assert bed.messages(customer) == 0


def test_a_foreign_address_sends_nothing(bed: Bed, door: Door) -> None:
    customer = bed.special("abroad")
    assert_error(door.send(customer), -2, "IP access restricted")
    assert bed.messages(customer) == 0
    assert door.send(bed.special("at home")).status == 0


def test_a_forged_proxy_header_counts_for_nothing(bed: Bed, door: Door) -> None:
    customer = bed.special("abroad")
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        reply = door.post(customer, GOOD, headers={name: "203.0.113.7"})
        assert_error(reply, -2, "IP access restricted")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("203.0.113.7", 0),
        ("203.0.113.7, 10.1.2.3", 0),  # one more trusted proxy on the way
        ("::ffff:203.0.113.7", 0),
        ("203.0.113.7:4711", 0),
        ("2001:db8::7", 0),
        ("[2001:db8::7]:4711", 0),
        ("198.51.100.1", -2),
        ("203.0.113.7, 198.51.100.1", -2),  # the client wrote the first, the proxy the last
        ("203.0.113.7, unknown", -2),
        ("\u00e9, 203.0.113.7", 0),  # what the client wrote is not read
        ("203.0.113.7, \u00e9", -2),
        ("203.0.113.7, ", -2),
        ("203.0.113.7, " + "x" * 5000, -2),
        ("", -2),
    ],
)
def test_a_trusted_proxy_names_the_client(bed: Bed, second: Door, header: str, status: int) -> None:
    assert second.post(bed.special("abroad"), GOOD, headers={"X-Forwarded-For": header}).status == status


def test_the_last_of_two_proxy_headers_counts(bed: Bed, second: Door) -> None:
    """A proxy may append a header of its own instead of a word to the client's."""
    target = f"{BALANCE}?{urlencode(bed.special('abroad').sign())}"
    head = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    forged = head + "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n"
    assert b'"status":-2' in second.raw(forged.encode())
    honest = head + "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
    assert b'"status":0' in second.raw(honest.encode())


def is_after(second: int) -> bool:
    return int(time.time()) > second


def within_one_second(check: Callable[[], bool]) -> None:
    """Limits count by the second of the clock: try again where it changed in the middle, in a second of one's own."""
    used = 0
    for _ in range(60):
        until_sync(partial(is_after, used), 5)
        before = int(time.time())
        good = check()
        used = int(time.time())
        if used == before:
            assert good
            return
    raise AssertionError("never within one second")


def test_too_many_requests_a_second(bed: Bed, door: Door) -> None:
    customer = bed.special("slow")

    def check() -> bool:
        replies = [door.get(customer, BALANCE) for _ in range(4)]
        if [reply.status for reply in replies] != [0, 0, -15, -15]:
            return False
        assert_error(replies[2], -15, "Request frequency too fast")
        assert replies[2].headers["retry-after"] == "1"
        assert "retry-after" not in replies[0].headers
        return True

    within_one_second(check)


def test_the_limit_holds_over_two_processes(bed: Bed, door: Door, second: Door) -> None:
    customer = bed.special("slow everywhere")

    def check() -> bool:
        statuses = [each.get(customer, BALANCE).status for _ in range(4) for each in (door, second)]
        return statuses.count(0) == 4

    within_one_second(check)


def within_one_minute(check: Callable[[str], None]) -> None:
    """Likewise for failed signs; each try comes from an address of its own."""
    for last in range(10, 13):
        before = int(time.time()) // 60
        try:
            check(f"198.51.100.{last}")
        except AssertionError:
            if int(time.time()) // 60 == before:
                raise
        else:
            return
    raise AssertionError("never within one minute")


def test_failed_signs_lock_out_one_account_at_one_address(bed: Bed, second: Door) -> None:
    victim, colleague = bed.customer(0), bed.customer(0)

    def ask(customer: Customer, address: str, **change: str) -> Reply:
        target = f"{BALANCE}?{urlencode(customer.sign(**change))}"
        return second.call("GET", target, headers={"X-Forwarded-For": address})

    def check(address: str) -> None:
        statuses = [ask(victim, address, sign="0" * 32).status for _ in range(101)]
        assert statuses == [-1] * 100 + [-15]
        good = ask(victim, address)
        assert_error(good, -15, "Request frequency too fast")  # the limit comes before the look at the sign
        assert 1 <= int(good.headers["retry-after"]) <= 60
        assert ask(colleague, address).status == 0  # the same office
        assert ask(victim, "198.51.100.99").status == 0  # the same account elsewhere
        # The higher limit, of the address: 150 in this process.
        names = [f"guess{number}" for number in range(60)]
        statuses = [ask(Customer(0, name, "?"), address).status for name in names]
        assert statuses == [-1] * 50 + [-15] * 10
        assert ask(colleague, address).status == -15
        assert ask(colleague, "198.51.100.99").status == 0

    within_one_minute(check)


def test_an_ipv6_address_counts_by_its_64(bed: Bed, second: Door) -> None:
    """Who has one address of a /64 has them all."""
    victim = bed.customer(0)

    def ask(address: str, **change: str) -> Reply:
        target = f"{BALANCE}?{urlencode(victim.sign(**change))}"
        return second.call("GET", target, headers={"X-Forwarded-For": address})

    def check(address: str) -> None:
        site = f"2001:db8:0:{address.rpartition('.')[2]}"
        statuses = [ask(f"{site}:{number:x}::1", sign="0" * 32).status for number in range(101)]
        assert statuses == [-1] * 100 + [-15]
        assert ask(f"{site}::9").status == -15
        assert ask("2001:db8:0:ffff::9").status == 0

    within_one_minute(check)


def test_a_flood_of_strangers_delays_no_customer(bed: Bed, door: Door) -> None:
    """A stranger's window is held by a lock in the database: he waits for it, a customer with a rate does not."""
    customer, stranger = bed.special("slow beside strangers"), Customer(0, "nobody-in-a-flood", "?")
    waiting: list[Future[Reply]] = []
    with psycopg.connect(bed.dsn) as conn, ThreadPoolExecutor(20) as pool:
        conn.execute("INSERT INTO limit_window SELECT %s, (extract(epoch FROM now())::bigint / 60 + n) * 60, 0"
                     " FROM generate_series(-1, 1) AS n", (f"bad:127.0.0.1:{stranger.name!a}",))  # fmt: skip

        def check() -> bool:
            waiting.append(pool.submit(door.get, stranger, BALANCE))
            statuses = [door.get(customer, BALANCE).status for _ in range(5)]
            return statuses == [0] * 4 + [-15] and not waiting[-1].done()

        within_one_second(check)
        conn.rollback()
        assert waiting[-1].result(30).status == -1


@pytest.mark.parametrize(
    ("name", "change", "status"),
    [
        ("locked abroad", {"sign": "0" * 32}, -1),  # authentication before lock
        ("locked abroad", {}, -13),  # lock before address
        ("abroad and slow", {}, -2),  # address before frequency
    ],
)
def test_the_first_that_fails_answers(bed: Bed, door: Door, name: str, change: dict[str, str], status: int) -> None:
    customer = bed.special(name)
    assert [put(door, customer.sign(**change)).status for _ in range(3)] == [status] * 3


def test_frequency_comes_before_the_body(bed: Bed, door: Door) -> None:
    customer = bed.special("slow and strict")
    within_one_second(lambda: [put(door, customer.sign(), "{").status for _ in range(2)] == [-12, -15])


def is_known(door: Door, customer: Customer) -> bool:
    return door.get(customer, BALANCE).status == 0


def test_a_new_account_holds_everywhere_at_once(bed: Bed, door: Door) -> None:
    """Who is let in may send a large request in the same moment: the helper process must know the account too."""
    numbers = ",".join(["81234567801"] * 1000)
    for number in range(4):
        customer = bed.newcomer(f"newcomer{number}")
        until_sync(partial(is_known, door, customer), 5)
        assert door.send(customer, numbers=numbers).data["success"] == 1


def test_texts_are_in_the_language_of_the_account(bed: Bed, door: Door) -> None:
    customer = bed.special("zh")
    assert door.send(customer).json["message"] == "提交成功"
    assert door.send(customer, numbers="").json == {"status": -8, "message": "号码为空", "msg": "号码为空"}
    bad = door.send(customer, numbers="1,81234567801").data["failData"][0]
    assert bad["message"] == "号码异常"
    # Whatever the client's browser speaks.
    english = door.post(bed.customer(), {}, headers={"Accept-Language": "zh-CN"})
    assert english.json["msg"] == "Number is empty"
