"""Queries of an account's own rows: reports, replies, balance; and the countries."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests.doors.api import BALANCE, CHINA, GOOD, INDONESIA, NAURU, REPORT, SEND, Bed, Customer, Door, Reply
from tests.poll import until_sync
from tocsin.kit.ids import Ids
from tocsin.traffic import OutcomeKind, Reason

UPLINK = "/api/v1/sms/uplink"
COUNTRIES = "/api/v1/countries"
CHINA_TIME = timezone(timedelta(hours=8))
MINUTE_AGO = int(time.time()) - 60
IDS = Ids()


def ids_of(reply: Reply) -> list[str]:
    rows = sorted(reply.data["successData"] + reply.data["failData"], key=lambda row: row["messageId"])
    return [row["messageId"] for row in rows]


def ask(door: Door, customer: Customer, **query: Any) -> Any:
    reply = door.get(customer, REPORT, {name: str(value) for name, value in query.items()})
    assert (reply.status, reply.json["message"]) == (0, "Submit success")
    return reply.data


def assert_refused(reply: Reply, status: int, phrase: str) -> None:
    assert reply.http == 200
    assert set(reply.json) == {"status", "message", "msg"}
    assert reply.status == status
    assert reply.json["msg"].startswith(phrase)


def time_text(at_s: float) -> str:
    return datetime.fromtimestamp(int(at_s), CHINA_TIME).isoformat()


def hand_over(bed: Bed, message_id: str, at_s: int = MINUTE_AGO, kind: OutcomeKind = OutcomeKind.ACCEPTED) -> None:
    bed.conn.execute(
        b"INSERT INTO submission (message_id, at, channel_id, carrier_id, part, attempt, outcome)"
        b" VALUES (%s, to_timestamp(%s), 1, 'c', 1, 1, %s)",
        (uuid.UUID(message_id), at_s, int(kind)),
    )


def end(
    bed: Bed, customer: Customer, message_id: str, reason: Reason, fee: int, at: int | None, version: int = 1
) -> None:
    bed.conn.execute(
        b"INSERT INTO report (message_id, version, account_id, status, reason, fee_micros, submitted_at, at, count)"
        b" SELECT id, %s, %s, %s, %s, %s, to_timestamp(%s), to_timestamp(%s), parts FROM message WHERE id = %s",
        (version, customer.id, reason.end.status, int(reason), fee, at, MINUTE_AGO + 30, uuid.UUID(message_id)),
    )


def test_a_message_from_accept_to_report(bed: Bed, door: Door) -> None:
    """Eight fields at every stage; the time is the acceptance's, then the hand-over's."""
    customer = bed.customer()
    sent = door.send(customer, content="x" * 161)
    name, batch = ids_of(sent)[0], sent.data["batchNo"]
    accepted = int(batch[:10])

    def row(at: float, status: int, text: str, fee: str) -> list[Any]:
        return [name, "6281234567801", time_text(at), status, text, batch, "2", fee]

    data = ask(door, customer, ids=name)
    assert set(data) == {"success", "fail", "unsent", "sending", "nofound", "array"}
    assert (data["unsent"], data["sending"]) == (1, 0)
    assert data["array"] in ([row(accepted, 0, "sending", "0.2")], [row(accepted + 1, 0, "sending", "0.2")])
    hand_over(bed, name)
    data = ask(door, customer, ids=name)
    assert (data["unsent"], data["sending"], data["array"]) == (0, 1, [row(MINUTE_AGO, 0, "sending", "0.2")])
    end(bed, customer, name, Reason.SENDING, 200_000, MINUTE_AGO)  # an intermediate state
    assert ask(door, customer, ids=name) == data
    end(bed, customer, name, Reason.SUCCESS, 200_000, MINUTE_AGO, 2)
    data = ask(door, customer, ids=name)
    assert (data["success"], data["sending"], data["array"]) == (1, 0, [row(MINUTE_AGO, 1, "success", "0.2")])


def test_the_newest_state_counts(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    name = ids_of(door.send(customer))[0]
    end(bed, customer, name, Reason.NO_RECEIPT, 0, MINUTE_AGO)
    data = ask(door, customer, ids=name)
    assert (data["fail"], data["array"][0][3:5], data["array"][0][7]) == (1, [2, "no receipt"], "0")
    end(bed, customer, name, Reason.SUCCESS, 100_000, MINUTE_AGO, 2)
    data = ask(door, customer, ids=name)
    assert (data["success"], data["array"][0][3:5], data["array"][0][7]) == (1, [1, "success"], "0.1")


def test_what_was_never_handed_over_has_the_time_of_its_end(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    name = ids_of(door.send(customer))[0]
    hand_over(bed, name, kind=OutcomeKind.TEMPORARY)
    end(bed, customer, name, Reason.EXPIRED, 0, None)
    assert ask(door, customer, ids=name)["array"][0][2:5] == [time_text(MINUTE_AGO + 30), 2, "expired"]


def test_counts_of_a_mixed_batch(bed: Bed, door: Door) -> None:
    """Refused numbers are found too, cost nothing, and stand where they were sent."""
    customer = bed.customer()
    sent = door.send(customer, numbers="81234567801,1,81234567802,81234567802,+8613611111111,81234567803")
    names = ids_of(sent)
    hand_over(bed, names[2])
    end(bed, customer, names[0], Reason.SUCCESS, 100_000, MINUTE_AGO)
    for data in (ask(door, customer, batchNo=sent.data["batchNo"]), ask(door, customer, ids=",".join(names))):
        assert [row[0] for row in data["array"]] == names
        counts = [data[word] for word in ("success", "fail", "unsent", "sending", "nofound")]
        assert counts == [1, 3, 1, 1, 0]
        assert [row[1] for row in data["array"]] == [
            "6281234567801", "1", "6281234567802", "6281234567802", "8613611111111", "6281234567803",
        ]  # fmt: skip
        assert [row[3:5] for row in data["array"]] == [
            [1, "success"], [-9, "number error"], [0, "sending"], [-9, "number error"], [4, "country code error"], [0, "sending"],
        ]  # fmt: skip
        assert [row[7] for row in data["array"]] == ["0.1", "0", "0.1", "0", "0", "0.1"]


def test_all_bad_is_stored_and_found(bed: Bed, door: Door) -> None:
    customer = bed.customer(0)
    sent = door.send(customer, numbers='1,"x"')
    data = ask(door, customer, batchNo=sent.data["batchNo"])
    assert data["fail"] == 2
    assert [row[1] for row in data["array"]] == ["1", '"x"']
    assert data["next"] is None
    assert bed.one("SELECT count(*) FROM outbox WHERE %s = ANY(ids)", uuid.UUID(ids_of(sent)[0])) == 0


def test_ids_in_their_order_and_in_every_form(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    names = ids_of(door.send(customer, numbers="81234567801,81234567802,81234567803"))
    turned = list(reversed(names))
    assert [row[0] for row in ask(door, customer, ids=",".join(turned))["array"]] == turned
    assert [row[0] for row in ask(door, customer, ids=f" {names[0].upper()} ,, {names[1]},")["array"]] == names[:2]
    for body in ({"ids": ",".join(names)}, {"ids": names}):
        reply = door.post(customer, body, path=REPORT)
        assert [row[0] for row in reply.data["array"]] == names


def test_what_is_not_there_or_not_ours(bed: Bed, door: Door) -> None:
    customer, other = bed.customer(), bed.customer()
    sent = door.send(other)
    mine = ids_of(door.send(customer))[0]
    names = [ids_of(sent)[0], "0" * 32, "x", "ff" * 40, mine]
    data = ask(door, customer, ids=",".join(names))
    assert data["nofound"] == 4
    assert [row[0] for row in data["array"]] == [mine]
    assert ask(door, customer, batchNo=sent.data["batchNo"])["array"] == []
    now = int(time.time())
    span = ask(door, customer, start=now - 3600, end=now + 5)
    assert [row[0] for row in span["array"]] == [mine]
    for batch in ("0", "x", "-1", "9" * 18, "9" * 5000):
        assert ask(door, customer, batchNo=batch)["array"] == []


@pytest.mark.parametrize("count", [200, 201])
def test_200_ids_and_no_more(bed: Bed, door: Door, count: int) -> None:
    names = ",".join(["0" * 32] * count)
    reply = door.post(bed.bystander, {"ids": names}, path=REPORT)
    if count == 200:
        assert reply.data["nofound"] == 200
    else:
        assert_refused(reply, -14, "Query ID exception")


@pytest.mark.parametrize("query", ["", "ids=", "ids=,", "ids=%20,%20", "batchNo=", "start=&end=", "limit=5"])
def test_nothing_asked(bed: Bed, door: Door, query: str) -> None:
    target = f"{REPORT}?{urlencode(bed.bystander.sign())}&{query}"
    assert_refused(door.call("GET", target), -14, "Query ID exception")


NOW = 1_800_000_000
MONTH_S = 31 * 86400


@pytest.mark.parametrize(
    ("start", "end"),
    [(NOW - MONTH_S - 1, NOW), (NOW, NOW - 1), (NOW, ""), ("", NOW), ("x", NOW), (-1, NOW), (NOW, "9" * 20), (0, 1)],
)
def test_a_span_that_is_none(bed: Bed, door: Door, start: object, end: object) -> None:
    reply = door.get(bed.bystander, REPORT, {"start": str(start), "end": str(end)})
    assert_refused(reply, -16, "Exceeded time range limit")


def test_31_days_are_a_span(bed: Bed, door: Door) -> None:
    assert ask(door, bed.bystander, start=NOW - MONTH_S, end=NOW) is not None
    assert ask(door, bed.bystander, start=NOW, end=NOW)["array"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": "00"},
        {"limit": 0},
        {"limit": -1},
        {"limit": 1001},
        {"limit": "x"},
        {"limit": "9" * 5000},
    ],
)
def test_a_place_that_is_none(bed: Bed, door: Door, query: dict[str, Any]) -> None:
    words = {name: str(value) for name, value in query.items()}
    for path, more in ((REPORT, {"batchNo": "1"}), (UPLINK, {})):
        assert_refused(door.get(bed.bystander, path, more | words), -14, "Query ID exception")


@pytest.mark.parametrize("by", ["batch", "time"])
def test_pages(bed: Bed, door: Door, by: str) -> None:
    customer = bed.customer()
    before = int(time.time()) - 1
    sent = door.send(customer, numbers=",".join(str(81234567800 + n) for n in range(25)))
    names = ids_of(sent)
    ends = {"start": before, "end": before + 60}
    query: dict[str, Any] = {"batchNo": sent.data["batchNo"]} if by == "batch" else ends
    found: list[str] = []
    sizes = []
    cursor: str | None = ""
    while cursor is not None:
        data = ask(door, customer, **query, limit=10, cursor=cursor)
        sizes.append(len(data["array"]))
        found += [row[0] for row in data["array"]]
        cursor = data["next"]
    assert sizes == [10, 10, 5]
    assert found == names
    assert ask(door, customer, **query, limit=25)["next"] is None


def test_families_are_apart(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    name = ids_of(door.send(customer))[0]
    for family in ("vos", "email"):
        assert door.get(customer, f"/api/v1/{family}/report", ids=name).data["nofound"] == 1


def test_texts_of_rows_are_never_translated(bed: Bed, door: Door) -> None:
    customer = bed.special("zh")
    sent = door.send(customer, numbers="81234567801,1")
    reply = door.get(customer, REPORT, batchNo=sent.data["batchNo"])
    assert reply.json["message"] == "提交成功"
    assert [row[4] for row in reply.data["array"]] == ["sending", "number error"]


def test_balance(bed: Bed, door: Door) -> None:
    customer = bed.customer(1_234_500, gift=100_000, credit=5_000_000)
    assert door.get(customer, BALANCE).json == {
        "status": 0,
        "message": "Submit success",
        "data": {"balance": "1.2345", "gift": "0.1", "credit": "5", "currency": "USD"},
    }
    door.send(customer, numbers="81234567801,81234567802")
    assert door.get(customer, BALANCE).data["balance"] == "1.1345"
    assert door.get(customer, BALANCE).data["gift"] == "0"
    assert door.get(bed.empty, BALANCE).data["balance"] == "0"


def test_countries(bed: Bed, door: Door) -> None:
    data = door.get(bed.bystander, COUNTRIES).data
    assert data["next"] is None
    rows = {row["codeId"]: row for row in data["array"]}
    assert len(rows) == len(data["array"]) > 230
    assert rows[int(CHINA)] == {
        "codeId": 10001, "iso": "CN", "callingCode": 86, "name": "China", "nameZh": "中国", "enabled": True,
        "templateRequired": True,
    }  # fmt: skip
    assert rows[int(INDONESIA)]["callingCode"] == 62
    assert {row["iso"] for row in data["array"] if row["templateRequired"]} == {"CN", "HK", "MO", "TW"}
    assert rows[int(bed.code_id(NAURU))]["enabled"] is False


def reply_from(bed: Bed, customer: Customer, content: str, service: str = "614899", on: Any = None) -> None:
    (on or bed.conn).execute(
        b"INSERT INTO uplink (id, account_id, channel_id, user_number, service_number, content, at)"
        b" VALUES (%s, %s, 1, '614040', %s, %s, to_timestamp(1680278400))",
        (uuid.UUID(bytes=IDS.one()), customer.id, service, content),
    )


def pull(door: Door, customer: Customer, cursor: str | None = None, **query: str) -> Any:
    reply = door.get(customer, UPLINK, query | ({"cursor": cursor} if cursor else {}))
    assert set(reply.data) == {"array", "next"}
    return reply.data


def contents(data: Any) -> list[str]:
    return [row["content"] for row in data["array"]]


def all_seen(door: Door, customer: Customer, count: int) -> Any:
    """The first page once it has `count` rows: other tests' transactions on this server may hold it back."""
    return until_sync(lambda: (data := pull(door, customer)) and len(data["array"]) == count and data, 20)


def test_a_reply_as_it_is_pushed(bed: Bed, door: Door) -> None:
    customer, swapped = bed.customer(0), bed.special("swapped", 0)
    for each in (customer, swapped):
        reply_from(bed, each, "I want it")
        reply_from(bed, each, "again", service="ACME")
    row = {"fromNum": "614899", "to": "614040", "content": "I want it", "datetime": "1680278400"}
    more = {"userNumber": "614040", "serviceNumber": "614899", "messageId": ""}
    first, second = all_seen(door, customer, 2)["array"]
    assert first == row | more
    assert (second["fromNum"], second["serviceNumber"]) == ("", "ACME")
    first, second = all_seen(door, swapped, 2)["array"]
    assert first == row | more | {"fromNum": "614040", "to": "614899"}
    assert (second["fromNum"], second["to"]) == ("614040", "")


def test_replies_come_in_pages_and_go_on_later(bed: Bed, door: Door) -> None:
    customer = bed.customer(0)
    assert pull(door, customer) == {"array": [], "next": None}
    for number in range(5):
        reply_from(bed, customer, str(number))
    all_seen(door, customer, 5)
    first = pull(door, customer, limit="3")
    assert contents(first) == ["0", "1", "2"]
    second = pull(door, customer, first["next"], limit="3")
    assert contents(second) == ["3", "4"]
    assert pull(door, customer, second["next"])["array"] == []
    assert pull(door, customer, second["next"])["next"] == second["next"]  # to be asked again when there is more
    reply_from(bed, customer, "5")
    until_sync(lambda: contents(pull(door, customer, second["next"])) == ["5"], 20)


def test_replies_of_others_are_not_shown(bed: Bed, door: Door) -> None:
    customer, other = bed.customer(0), bed.customer(0)
    reply_from(bed, other, "secret")
    reply_from(bed, customer, "mine")
    assert contents(all_seen(door, customer, 1)) == ["mine"]


def test_a_slow_writer_is_not_skipped(bed: Bed, door: Door) -> None:
    """A page ends below the oldest open writing transaction, in whatever order they commit."""
    customer = bed.customer(0)
    reply_from(bed, customer, "first")
    first = all_seen(door, customer, 1)
    with psycopg.connect(bed.dsn) as slow:
        reply_from(bed, customer, "slow", on=slow)
        reply_from(bed, customer, "quick")
        for _ in range(5):
            assert contents(pull(door, customer)) == ["first"]
            assert contents(pull(door, customer, first["next"])) == []
        slow.commit()
    until_sync(lambda: contents(pull(door, customer, first["next"])) == ["slow", "quick"], 20)


def test_queries_need_the_sign_too(bed: Bed, door: Door) -> None:
    for path in (REPORT, BALANCE, UPLINK, COUNTRIES):
        assert door.call("GET", f"{path}?{urlencode(bed.bystander.sign(sign='0' * 32))}").status == -1


def test_a_body_that_cannot_be_read(bed: Bed, door: Door) -> None:
    for body in ("{", "[1]", '{"ids":{}}', '{"ids":[true]}'):
        assert_refused(door.post(bed.bystander, body, path=REPORT), -12, "Due to platform reasons")


def test_what_was_sent_is_what_is_found(bed: Bed, door: Door) -> None:
    """By GET, as the page's example asks for it."""
    customer = bed.customer()
    before = datetime.now(UTC)
    sent = door.get(customer, SEND, GOOD)
    row = ask(door, customer, ids=ids_of(sent)[0])["array"][0]
    at = datetime.fromisoformat(row[2])
    assert row[2].endswith("+08:00")
    assert before - timedelta(seconds=2) < at < before + timedelta(seconds=30)
