"""The order of checks: of any two faults the one that the contract names first answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from tests.doors.api import CHINA, GOOD, Bed, Door, Reply
from tests.poll import until_sync
from tocsin import compliance


class Fault(NamedTuple):
    """What makes a good request bad, and how it is answered. Without a later fault's field it would be overwritten."""

    name: str
    status: int
    fields: dict[str, Any]


NO_NUMBER = Fault("no number", -8, {"numbers": ""})
TOO_MANY = Fault("too many numbers", -7, {"numbers": "1," * 50_001})
NO_COUNTRY = Fault("no codeId", -18, {"codeId": ""})
BAD_COUNTRY = Fault("bad codeId", -19, {"codeId": "1"})
BAD_ACTION = Fault("bad action", -12, {"action": "SPAM"})
LATER = Fault("unreadable time", -11, {"sendTime": "nonsense"})
PAST = Fault("past", -16, {"sendTime": "2020-01-01 00:00:00"})
PARAMS = Fault("templateParams", -12, {"templateId": "1", "templateParams": "nonsense"})
TEMPLATE = Fault("templateId", -17, {"templateId": "2147483647"})
COUNT = Fault("number of values", -6, {"templateId": "code", "templateParams": ["1"]})
LONG_VALUE = Fault("long value", -5, {"templateId": "long", "templateParams": ["x" * 500]})
NO_CONTENT = Fault("no content", -4, {"content": ""})
LONG = Fault("long content", -5, {"content": "orderly" + "x" * 1025})
PARTS = Fault("too many parts", -5, {"content": "orderly" + "你" * 700})
WORD = Fault("sensitive word", -3, {"content": "orderly"})
CHINESE = Fault("no template", -6, {"codeId": CHINA})
SENDER = Fault("sender", -12, {"senderId": "ACME"})
ROUTING = Fault("routing", 3, {"routing": "second"})
NUMBER = Fault("bad number", -9, {"numbers": "1"})
POOR = Fault("balance", -10, {})

WORDS = {
    "bad action": "action", "unreadable time": "sendTime", "past": "sendTime", "templateParams": "templateParams",
    "templateId": "templateId", "number of values": "2 variables", "sender": "senderId",
}  # fmt: skip
ORDER = [
    NO_NUMBER, TOO_MANY, NO_COUNTRY, BAD_COUNTRY, BAD_ACTION, LATER, TEMPLATE, NO_CONTENT, LONG, CHINESE, WORD, SENDER,
    ROUTING, NUMBER, POOR,
]  # fmt: skip
PAIRS = [
    *pairwise(ORDER),
    (NO_NUMBER, NO_COUNTRY),
    (NO_NUMBER, POOR),
    (TOO_MANY, BAD_ACTION),
    (BAD_COUNTRY, NUMBER),
    (LATER, NO_CONTENT),
    (BAD_ACTION, PARAMS),
    (PARAMS, LATER),
    (PARAMS, TEMPLATE),
    (PARAMS, NO_CONTENT),
    (LATER, COUNT),
    (COUNT, NO_CONTENT),
    (COUNT, CHINESE),
    (COUNT, SENDER),
    (COUNT, NUMBER),
    (LONG_VALUE, CHINESE),
    (LONG_VALUE, SENDER),
    (BAD_ACTION, PAST),
    (PAST, TEMPLATE),
    (PAST, NUMBER),
    (PAST, POOR),
    (PAST, COUNT),
    (TEMPLATE, LONG),
    (TEMPLATE, CHINESE),
    (NO_CONTENT, CHINESE),
    (PARTS, CHINESE),
    (PARTS, SENDER),
    (LONG, WORD),
    (PARTS, WORD),
    (WORD, NUMBER),
    (WORD, POOR),
    (CHINESE, NUMBER),
    (SENDER, NUMBER),
    (ROUTING, POOR),
]


@pytest.fixture(scope="module", autouse=True)
def word(bed: Bed, door: Door) -> Iterator[None]:
    """The word is known to the process for as long as these tests run."""
    compliance.add_word(bed.conn, "orderly")
    until_sync(lambda: ask(bed, door, WORD, NUMBER).status == WORD.status)
    yield
    compliance.remove_word(bed.conn, "orderly")
    until_sync(lambda: ask(bed, door, WORD, NUMBER).status == NUMBER.status)


def ask(bed: Bed, door: Door, *faults: Fault) -> Reply:
    fields: dict[str, Any] = dict(GOOD)
    for fault in reversed(faults):  # the field of the first stands where both want it
        fields |= fault.fields
    fields["templateId"] = bed.templates.get(fields.get("templateId", ""), fields.get("templateId"))
    customer = bed.empty if POOR in faults else bed.bystander
    return door.post(customer, fields)


def assert_answer(reply: Reply, fault: Fault) -> None:
    assert reply.status == fault.status
    assert WORDS.get(fault.name, "") in reply.json["msg"]
    assert ("data" in reply.json) == (fault is NUMBER)


@pytest.mark.parametrize("fault", [*ORDER, PARTS, PARAMS, COUNT, LONG_VALUE], ids=lambda fault: fault.name)
def test_each_fault_alone(bed: Bed, door: Door, fault: Fault) -> None:
    assert_answer(ask(bed, door, fault), fault)
    bed.assert_untouched()


@pytest.mark.parametrize(("first", "then"), PAIRS, ids=lambda fault: fault.name)
def test_the_first_of_two_answers(bed: Bed, door: Door, first: Fault, then: Fault) -> None:
    assert_answer(ask(bed, door, first, then), first)
    bed.assert_untouched()
    bed.assert_untouched(bed.empty, (0, 0))
