"""Sends by template, and contents that must fit one."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.doors.api import CHINA, GOOD, Bed, Customer, Door, Reply
from tests.doors.test_mms import send as send_mms
from tests.doors.test_sms_fields import PLATFORM, refused
from tests.poll import until_sync
from tocsin import templates

NOT_TEMPLATE = "Not template SMS or mainland China, Hong Kong, Macau, Taiwan direction not registered"
UNUSABLE = "SMS template cannot be empty"
FORM = "application/x-www-form-urlencoded"
TO_CHINA = {"codeId": CHINA, "numbers": "13611111111"}


def stored(bed: Bed, reply: Reply) -> tuple[str, int | None, int]:
    """Content, template and parts of an accepted request."""
    assert reply.status == 0, reply.body
    row = bed.conn.execute(
        "SELECT content, template_id, parts FROM batch WHERE batch_no = %s", (int(reply.data["batchNo"]),)
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def fill(bed: Bed, door: Door, word: str = "code", params: Any = ("1234", 5), **fields: Any) -> Reply:
    return door.send(bed.customer(), content=None, templateId=bed.templates[word], templateParams=params, **fields)


@pytest.mark.parametrize(
    "params",
    [["1234", "5"], ["1234", 5], [1234, 5.0], '["1234","5"]', "[1234, 5]", ' ["1234", "5"]\n'],
    ids=repr,
)
@pytest.mark.parametrize("kind", [str, int, float])
def test_a_template_is_filled(bed: Bed, door: Door, params: Any, kind: type) -> None:
    template_id = bed.templates["code"]
    reply = door.send(bed.customer(), content=None, templateId=kind(template_id), templateParams=params)
    assert stored(bed, reply) == ("code 1234, not 5, but 1234", template_id, 1)


@pytest.mark.parametrize("params", [None, "", [], "[]", "null", " "], ids=repr)
def test_no_values(bed: Bed, door: Door, params: Any) -> None:
    template_id = bed.templates["plain"]
    reply = door.send(bed.customer(), content=None, templateId=template_id, templateParams=params)
    assert stored(bed, reply)[:2] == ("hello from acme", template_id)


def test_by_get_and_by_form(bed: Bed, door: Door) -> None:
    template_id = str(bed.templates["code"])
    fields = {name: GOOD[name] for name in ("numbers", "codeId", "action")}
    fields |= {"templateId": template_id, "templateParams": '["a b","+&你"]'}
    query: dict[str, Any] = dict(fields)
    filled = ("code a b, not +&你, but a b", int(template_id))
    assert stored(bed, door.get(bed.customer(), **query))[:2] == filled
    assert stored(bed, door.post(bed.customer(), urlencode(fields), kind=FORM))[:2] == filled
    plain: dict[str, Any] = query | {"templateId": str(bed.templates["plain"]), "templateParams": ""}
    assert stored(bed, door.get(bed.customer(), **plain))[0] == "hello from acme"


def test_by_multipart(bed: Bed, door: Door) -> None:
    fields = {name: GOOD[name] for name in ("numbers", "codeId", "action")}
    fields |= {"templateId": str(bed.templates["code"]), "templateParams": '["1","2"]'}
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
    reply = door.post(bed.customer(), body + "--x--\r\n", kind="multipart/form-data; boundary=x")
    assert stored(bed, reply)[0] == "code 1, not 2, but 1"


def test_the_url_counts_where_the_body_lacks_the_name(bed: Bed, door: Door) -> None:
    query = {"templateId": str(bed.templates["code"]), "templateParams": '["1","2"]'}
    assert stored(bed, door.post(bed.customer(), GOOD, query=query))[0] == "code 1, not 2, but 1"
    reply = door.post(bed.customer(), GOOD | {"templateParams": [3, 4]}, query=query)
    assert stored(bed, reply)[0] == "code 3, not 4, but 3"
    assert stored(bed, door.post(bed.customer(), GOOD | {"templateId": None}, query=query))[:2] == ("hello", None)


def test_the_template_wins_over_the_content(bed: Bed, door: Door) -> None:
    template_id = bed.templates["plain"]
    for content in ("other", "", " ", "x" * 2000):
        reply = door.send(bed.customer(), content=content, templateId=template_id)
        assert stored(bed, reply)[:2] == ("hello from acme", template_id)


def test_a_value_stays_as_it_is(bed: Bed, door: Door) -> None:
    assert stored(bed, fill(bed, door, params=["{2}", "{1} \\1 %s"]))[0] == "code {2}, not {1} \\1 %s, but {2}"
    assert stored(bed, fill(bed, door, params=["", ""]))[0] == "code , not , but "


def test_parts_are_those_of_the_filled_text(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    reply = door.send(customer, templateId=bed.templates["long"], templateParams=["x" * 100])
    assert stored(bed, reply)[2] == 2
    assert bed.wallet(customer) == (98 * 100_000, 0)


def test_the_filled_text_may_be_too_long(bed: Bed, door: Door) -> None:
    for value in ("x" * 500, "x" * 100_000):
        reply = door.send(bed.bystander, templateId=bed.templates["long"], templateParams=[value])
        refused(bed, reply, -5, "SMS content too long")
    reply = door.send(bed.bystander, templateId=bed.templates["long"], templateParams=["你" * 250])
    assert "12 parts" in refused(bed, reply, -5, "SMS content too long")


@pytest.mark.parametrize("word", ["pending", "rejected", "own", "mms"])
def test_a_template_that_cannot_be_used(bed: Bed, door: Door, word: str) -> None:
    reply = door.send(bed.bystander, templateId=bed.templates[word], templateParams=["a"])
    assert "templateId" in refused(bed, reply, -17, UNUSABLE)


@pytest.mark.parametrize(
    "template_id", [0, -1, 1.5, 2**31 - 1, 2**31, 10**30, "nonsense", "1e3", "٣", "1,2", "\0", " ", True], ids=repr
)
def test_what_is_no_template(bed: Bed, door: Door, template_id: Any) -> None:
    reply = door.send(bed.bystander, templateId=template_id)
    if template_id is True:
        assert "templateId" in refused(bed, reply, -12, PLATFORM)
    else:
        assert "templateId" in refused(bed, reply, -17, UNUSABLE)


def test_an_accounts_own_template(bed: Bed, door: Door) -> None:
    reply = door.send(bed.special("templates"), templateId=f" {bed.templates['own']} ", templateParams=["x"])
    assert stored(bed, reply)[0] == "own x"


@pytest.mark.parametrize(("word", "count"), [("code", 0), ("code", 1), ("code", 3), ("plain", 1)])
def test_a_wrong_number_of_values(bed: Bed, door: Door, word: str, count: int) -> None:
    reply = door.send(bed.bystander, templateId=bed.templates[word], templateParams=["x"] * count)
    assert f"templateParams has {count} values" in refused(bed, reply, -6, NOT_TEMPLATE)


@pytest.mark.parametrize(
    "params",
    [
        "nonsense",
        "1234",
        '"a"',
        "{}",
        {"1": "a"},
        7,
        True,
        ["a", None],
        [["a"]],
        ["a\0", "b"],
        '["\\ud800", "b"]',
        "[1,",
    ],
    ids=repr,
)
def test_values_that_cannot_be_read(bed: Bed, door: Door, params: Any) -> None:
    reply = door.send(bed.bystander, templateId=bed.templates["code"], templateParams=params)
    assert refused(bed, reply, -12, PLATFORM).startswith("templateParams")


def test_values_without_a_template_are_nobodys(bed: Bed, door: Door) -> None:
    assert stored(bed, door.send(bed.customer(), templateParams="nonsense"))[:2] == ("hello", None)


def test_neither_content_nor_template(bed: Bed, door: Door) -> None:
    for template_id in (None, ""):
        reply = door.send(bed.bystander, content=None, templateId=template_id, templateParams=["a"])
        assert refused(bed, reply, -4, "SMS content is empty") == ""


def test_a_country_that_demands_templates(bed: Bed, door: Door) -> None:
    """A template goes, and content that fits one."""
    assert stored(bed, fill(bed, door, params=["1", "2"], **TO_CHINA))[1] == bed.templates["code"]
    for content in ("hello from acme", " hello  from acme\r\n", "code 1, not 2, but 3"):
        assert stored(bed, door.send(bed.customer(), content=content, **TO_CHINA))[:2] == (content, None)
    for content in ("hello from acme!", "pending x", "rejected x", "own x", "picture of x", "number 1 of x"):
        refused(bed, door.send(bed.bystander, content=content, **TO_CHINA), -6, NOT_TEMPLATE)
    assert stored(bed, door.send(bed.special("templates"), content="own x", **TO_CHINA))[0] == "own x"


def test_a_large_send_by_template(bed: Bed, door: Door) -> None:
    """Another process reads it."""
    numbers = ",".join(str(81200000000 + n) for n in range(1000))
    customer = bed.customer(balance=1000 * 100_000)
    reply = door.send(customer, templateId=bed.templates["code"], templateParams=[1, 2], numbers=numbers)
    assert stored(bed, reply)[0] == "code 1, not 2, but 1"
    assert reply.data["success"] == 1000


def test_an_account_of_many_templates(bed: Bed, door: Door) -> None:
    customer = bed.special("many templates")
    for content, status in (("number 7 of mine", 0), ("number 299 of mine", 0), ("number 300 of mine", -6)):
        assert door.send(customer, content=content, **TO_CHINA).status == status


def test_mms_by_template(bed: Bed, door: Door) -> None:
    """The same rules, with templates of its own kind."""
    template_id = bed.templates["mms"]
    reply = send_mms(door, bed.customer(), content=None, templateId=template_id, templateParams=["Rome"])
    assert stored(bed, reply) == ("picture of Rome", template_id, 1)
    reply = send_mms(door, bed.customer(), content="picture of Rome", codeId=CHINA)
    assert stored(bed, reply)[:2] == ("picture of Rome", None)
    refused(bed, send_mms(door, bed.bystander, content="hello from acme", codeId=CHINA), -6, NOT_TEMPLATE)
    refused(bed, send_mms(door, bed.bystander, templateId=bed.templates["plain"]), -17, UNUSABLE)
    refused(bed, send_mms(door, bed.bystander, templateId=template_id), -6, NOT_TEMPLATE)
    reply = send_mms(door, bed.bystander, templateId=template_id, templateParams="nonsense")
    assert refused(bed, reply, -12, PLATFORM).startswith("templateParams")


def test_a_decision_holds_soon(bed: Bed, door: Door) -> None:
    with bed.conn.transaction():
        made = templates.add_template(
            bed.conn, templates.Draft(account_id=templates.EVERYBODY, kind="sms", text="brand new {1}")
        )

    def send(customer: Customer) -> int:
        return door.send(customer, content=None, templateId=made.id, templateParams=["1"]).status

    assert send(bed.bystander) == -17
    templates.approve_template(bed.conn, made.id)
    customer = bed.customer()
    until_sync(lambda: send(customer) == 0)
    templates.reject_template(bed.conn, made.id, "withdrawn")
    until_sync(lambda: send(customer) == -17)


def test_the_same_key_with_other_values_is_another_request(bed: Bed, door: Door) -> None:
    customer, template_id = bed.customer(), bed.templates["code"]
    body = GOOD | {"templateId": template_id, "templateParams": ["1", "2"]}
    headers = {"Idempotency-Key": "templates"}
    first = door.post(customer, body, headers=headers)
    assert door.post(customer, json.dumps(body), headers=headers).data == first.data
    assert door.post(customer, body | {"templateParams": ["1", "3"]}, headers=headers).status == -12
    assert bed.charges(customer) == 1
