"""What a customer's server receives, against what the API page prints: every name, type, form and value, in their order.

Messages go the whole way, through processes of the product, to a server in a process of its own. A product joins by a
row of TABLE: how it is sent, what the page prints, and what each message must come to.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import md5
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests.conftest import clone_database
from tests.flows.plant import Customer, Plant, call
from tests.flows.push_bed import Got
from tests.poll import until_sync
from tocsin.kit.seal import Seal
from tocsin.webhooks import fee_text, set_endpoint

GOOD, ALSO_GOOD, BAD, ANSWERING = (
    "81234567801",
    "81234567802",
    "81200009902",
    "81200009913",
)  # the sandbox's table of outcomes
SMS = {"content": "hello", "codeId": "10007", "action": "NOTIFICATION"}
MMS = {"content": "hello", "codeId": "10007", "title": "hello"}
MAIL = {"content": "hello", "theme": "hello", "from": "Acme"}
NOTICE = {"content": "hello", "codeId": "10007"}

EIGHT_FIELDS = """
{
    "type": "sms",
    "cnt": 2,
    "array": [
        ["48d5112288668ebb049dbb9034402910",
            "86136****1111",
            "2023-04-11T16:50:01+08:00",
            1,
            "success",
            "20221102xxxxx",
            "1",
            "0.1"
        ],
        [
            "c11d34242000e541f63fbdef3e36b1db",
            "8613722222222",
            "2023-04-11T16:51:21+08:00",
            -9,
            "number error",
            "20221102xxxxx",
            "1",
            "0.1"
        ]
    ]
}
"""
SIX_FIELDS = """
{
    "type": "vos",
    "cnt": 2,
    "array": [
        ["48d5112288668ebb049dbb9034402910",
            "86136****1111",
            "2023-04-11T16:50:01+08:00",
            1,
            "success",
            "20221102xxxxx"
        ],
        [
            "c11d34242000e541f63fbdef3e36b1db",
            "8613722222222",
            "2023-04-11T16:50:01+08:00",
            1,
            "success",
            "20221102xxxxx"
        ]
    ]
}
"""
MAIL_REPORT = """
{
    "type": "mail",
    "cnt": 2,
    "array": [
        ["48d5112288668ebb049dbb9034402910",
            "123@email.com",
            "2023-04-11T16:50:01+08:00",
            1,
            "success",
            "20221102xxxxx"
        ],
        [
            "c11d34242000e541f63fbdef3e36b1db",
            "456@email.com",
            "2023-04-11T16:50:01+08:00", -9,
            "email error",
            "20221102xxxxx"
        ]
    ]
}
"""
REPLY = """
{
    "fromNum": "614899xxxxx",
    "to": "614040xxxxx",
    "content": "I want it",
    "datetime": "1680278400"
}
"""


class Case(NamedTuple):
    """How messages of a product are sent, and what the page prints of their push."""

    path: str
    fields: dict[str, str]
    to: dict[str, str]  # the field that names recipients, and those whose outcomes are those of the page's rows
    page: str
    kind: str  # of the endpoint; for reports what their `type` is too
    more: frozenset[str] = frozenset()  # our own names behind the page's


OURS = frozenset({"userNumber", "serviceNumber", "messageId"})
TABLE = {
    "sms": Case("/api/v1/sms/sendbatchsms", SMS, {"numbers": f"{GOOD},{BAD}"}, EIGHT_FIELDS, "sms"),
    "mms": Case("/api/v1/sms/mssSend", MMS, {"numbers": f"{GOOD},{BAD}"}, EIGHT_FIELDS, "mms"),
    "voice": Case("/api/v1/vos/notice", NOTICE, {"numbers": f"{GOOD},{ALSO_GOOD}"}, SIX_FIELDS, "vos"),
    "email": Case("/api/v1/email/sendEmail", MAIL, {"emails": "tom@x.com,sandbox-bounce@x.com"}, MAIL_REPORT, "mail"),
    "uplink": Case("/api/v1/sms/sendbatchsms", SMS, {"numbers": ANSWERING}, REPLY, "uplink", OURS),
}
REPORTS = [name for name, case in TABLE.items() if case.kind != "uplink"]


class Flow(NamedTuple):
    """Everything was sent and pushed."""

    plant: Plant
    sent: dict[str, dict[str, str]]  # case -> recipient as the reply writes it -> messageId
    batches: dict[str, str]
    began_s: float

    def got(self, name: str) -> list[Got]:
        return self.plant.receiver.got(name)

    def rows(self, name: str) -> dict[str, Any]:
        return {row[0]: row for push in self.got(name) for row in push.rows}


@pytest.fixture(scope="module")
def flow(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    with clone_database(database_server) as dsn:
        plant = Plant(dsn, tmp_path_factory.mktemp("page"))
        try:
            yield run(plant)
        finally:
            plant.close()


def run(plant: Plant) -> Flow:
    """A customer for each case, whose endpoint is the receiver's place of that name."""
    began_s = time.time()
    seal = Seal((plant.key,)).seal
    customers = {name: plant.add_customer(name) for name in TABLE}
    for name, case in TABLE.items():
        set_endpoint(plant.conn, customers[name].id, case.kind, plant.receiver.url(name), seal)
    api = plant.start_api(TOCSIN_MAIL_DOMAIN="mail.tocsin.example")
    plant.start("worker")
    plant.start("push")
    flow = Flow(plant, {}, {}, began_s)
    for name, case in TABLE.items():
        data = send(api.port, customers[name], case)
        pairs = data["array"] if "array" in data else [list(row.values()) for row in data["successData"]]
        flow.sent[name], flow.batches[name] = dict(pairs), data["batchNo"]
    for name in REPORTS:
        until_sync(lambda name=name: len(flow.rows(name)) == len(flow.sent[name]), 60)  # type: ignore[misc]
    until_sync(lambda: flow.got("uplink"), 60)
    return flow


def send(port: int, customer: Customer, case: Case) -> Any:
    stamp = str(int(time.time()))
    sign = md5(f"{customer.name}{customer.key}{stamp}".encode()).hexdigest()
    target = f"{case.path}?{urlencode({'account': customer.name, 'sign': sign, 'datetime': stamp})}"
    body = json.dumps(case.fields | case.to).encode()
    answer = call(port, "POST", target, body, {"Content-Type": "application/json;charset=UTF-8"})
    assert answer.taken, answer
    return answer.body["data"]


FORMS = {
    "id": r"[0-9a-f]{32}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00",
    "epoch": r"1\d{9}",
    "number": r"[0-9*x]+(\.\d+)?",  # the page hides digits behind * and x
    "address": r"\S+@\S+\.\S+",
    "text": r"[\w ]*",
}


def form(value: Any) -> Any:
    """What a value looks like: names in their order, lists by their length, texts by the first of FORMS that fits."""
    if isinstance(value, dict):
        return [(name, form(each)) for name, each in value.items()]
    if isinstance(value, list):
        return [form(each) for each in value]
    if isinstance(value, str):
        return next(name for name, pattern in FORMS.items() if re.fullmatch(pattern, value))
    return type(value)


@pytest.mark.parametrize("name", TABLE)
def test_a_push_is_a_post_of_json(flow: Flow, name: str) -> None:
    """The receiver takes nothing but a POST."""
    for push in flow.got(name):
        assert push.headers["content-type"] == "application/json;charset=UTF-8"
        assert json.dumps(json.loads(push.body), separators=(",", ":"), ensure_ascii=False) == push.body


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_has_the_form_of_the_page(flow: Flow, name: str) -> None:
    page = json.loads(TABLE[name].page)
    (row,) = {str(form(row)): form(row) for row in page["array"]}.values()
    for push in flow.got(name):
        body = json.loads(push.body)
        assert list(body) == list(page)
        assert (body["type"], body["cnt"]) == (TABLE[name].kind, len(body["array"]))
        assert type(body["cnt"]) is int
        assert [form(each) for each in body["array"]] == [row] * len(body["array"])


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_says_what_was_sent(flow: Flow, name: str) -> None:
    """The recipients' outcomes are those of the page's rows, one for each; what is behind the sixth field is money."""
    page = json.loads(TABLE[name].page)
    rows = flow.rows(name)
    assert set(rows) == set(flow.sent[name].values())
    for (recipient, message_id), printed in zip(flow.sent[name].items(), page["array"], strict=True):
        row = rows[message_id]
        assert row[:2] == [message_id, recipient]
        assert_lately(flow, datetime.fromisoformat(row[2]))
        assert row[3:6] == [printed[3], printed[4], flow.batches[name]]
        price = flow.plant.one("SELECT price_micros FROM message WHERE id = %s", message_id)
        assert row[6:] == ["1", fee_text(price)][: len(printed) - 6]


def test_a_reply_is_the_pages_with_our_names_behind_it(flow: Flow) -> None:
    case = TABLE["uplink"]
    page = json.loads(case.page)
    (push,) = flow.got("uplink")
    body = json.loads(push.body)
    assert list(body)[: len(page)] == list(page)
    assert set(body) - set(page) == case.more
    ((recipient, message_id),) = flow.sent["uplink"].items()
    assert (body["to"], body["content"], body["messageId"]) == (recipient, page["content"], message_id)
    assert body["userNumber"] == recipient
    assert re.fullmatch(r"\d*", body["fromNum"])  # "" where the sender is a name
    assert body["serviceNumber"].removeprefix("+") == body["fromNum"] or not body["fromNum"]
    assert form(body["datetime"]) == form(page["datetime"]) == "epoch"
    assert_lately(flow, datetime.fromtimestamp(int(body["datetime"]), UTC))


def assert_lately(flow: Flow, at: datetime) -> None:
    assert at.utcoffset() is not None
    assert flow.began_s - 1 <= at.timestamp() <= time.time() + 1
