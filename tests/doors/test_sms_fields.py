"""Every field of an SMS request, with its codes."""

from __future__ import annotations

import re

import pytest

from tests.doors.api import CHINA, GOOD, INDONESIA, NAURU, RUSSIA, SEND, Bed, Door, Reply

HEX32 = re.compile("[0-9a-f]{32}")


def good(reply: Reply) -> list[str]:
    return [row["phone"] for row in reply.data["successData"]]


def bad(reply: Reply) -> list[tuple[str, int, str]]:
    assert all(set(row) == {"phone", "messageId", "status", "message"} for row in reply.data["failData"])
    return [(row["phone"], row["status"], row["message"]) for row in reply.data["failData"]]


def refused(bed: Bed, reply: Reply, status: int, phrase: str) -> str:
    """An error without data that changed nothing; what it says behind the phrase."""
    assert (reply.http, set(reply.json)) == (200, {"status", "message", "msg"})
    assert reply.status == status
    text: str = reply.json["msg"]
    assert text == reply.json["message"]
    assert text == phrase or text.startswith(phrase + ": ")
    bed.assert_untouched()
    return text.removeprefix(phrase).removeprefix(": ")


PLATFORM = "Due to platform reasons, batch submission error, please contact administrator"


@pytest.mark.parametrize("numbers", ["", " ", ",", ",;\uff0c\uff1b\t\r\n ,", None])
def test_no_number(bed: Bed, door: Door, numbers: str | None) -> None:
    assert refused(bed, door.send(bed.bystander, numbers=numbers), -8, "Number is empty") == ""


def many(count: int) -> str:
    return ",".join(str(81200000000 + n) for n in range(count))


def test_fifty_thousand_numbers_and_one_more(bed: Bed, door: Door) -> None:
    for _ in range(2):
        refused(bed, door.send(bed.bystander, numbers=many(50_001)), -7, "Too many numbers")
    refused(bed, door.send(bed.bystander, numbers="1," * 50_001), -7, "Too many numbers")
    # Empty pieces do not count, and who has no money for so many is told so.
    reply = door.send(bed.bystander, numbers=",," + many(50_000).replace(",", ",,;"))
    refused(bed, reply, -10, "This channel balance is insufficient to meet this send")


def test_a_thousand_numbers_by_get_and_one_more(bed: Bed, door: Door) -> None:
    customer = bed.customer(1000 * 100_000)
    reply = door.get(customer, SEND, GOOD, numbers=many(1000))
    assert (reply.status, reply.data["success"], len(good(reply))) == (0, 1000, 1000)
    assert bed.wallet(customer) == (0, 0)
    refused(bed, door.get(bed.bystander, SEND, GOOD, numbers=many(1001)), -7, "Too many numbers")


def test_three_thousand_numbers_by_post(bed: Bed, door: Door) -> None:
    """Through the helper process: the same shape, the same order."""
    customer = bed.customer(3000 * 100_000)
    reply = door.send(customer, numbers="1," + many(3000) + ",81200000000")
    assert (reply.data["success"], reply.data["fail"]) == (3000, 2)
    assert good(reply) == [f"62{81200000000 + n}" for n in range(3000)]
    assert [row[1] for row in bad(reply)] == [-9, -9]
    assert bed.wallet(customer) == (0, 0)
    assert bed.lane_messages(customer) == 3000


@pytest.mark.parametrize(
    ("code_id", "numbers", "phones"),
    [
        (INDONESIA, "81234567801", ["6281234567801"]),
        (INDONESIA, "6281234567801", ["6281234567801"]),
        (INDONESIA, "+6281234567801", ["6281234567801"]),
        (INDONESIA, "006281234567801", ["6281234567801"]),
        (INDONESIA, "081234567801", ["6281234567801"]),
        (INDONESIA, " +62 (812) 345-678.01 ", ["6281234567801"]),
        (INDONESIA, "８１２３４５６７８０１", ["6281234567801"]),
        (INDONESIA, "\u202a81234567801\u202c", ["6281234567801"]),
        (INDONESIA, "13611111111,13722222222", ["6213611111111", "6213722222222"]),
        (INDONESIA, "81234567801, 81234567802", ["6281234567801", "6281234567802"]),
        (INDONESIA, "81234567801 81234567802", ["6281234567801", "6281234567802"]),
        (INDONESIA, "81234567801，81234567802；81234567803;81234567804", [f"628123456780{n}" for n in (1, 2, 3, 4)]),
        (INDONESIA, "\n81234567801\r\n81234567802\t81234567803,,", [f"628123456780{n}" for n in (1, 2, 3)]),
        ("IS", "6111234 6111235", ["3546111234", "3546111235"]),  # two of seven digits, where no number has fourteen
        ("SG", "81234567", ["6581234567"]),
        ("SG", "6581234567", ["6581234567"]),
        ("IT", "3931234567", ["393931234567"]),  # begins with the country's own code, and does not carry it
        ("IT", "393931234567", ["393931234567"]),
        ("BR", "55991234567", ["5555991234567"]),
        ("US", "2015550123", ["12015550123"]),
        ("CA", "2015550123", ["12015550123"]),  # the number's own region decides, not the codeId alone
        ("RU", "89161234567", ["79161234567"]),
        ("IT", "3123456789", ["393123456789"]),
    ],
)
def test_a_number_in_all_its_clothes(bed: Bed, door: Door, code_id: str, numbers: str, phones: list[str]) -> None:
    assert good(door.send(bed.customer(), codeId=bed.code_id(code_id), numbers=numbers)) == phones


def test_each_bad_number_says_why(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    lines = [
        ("81234567801", None),
        ("81234567801", ("6281234567801", -9, "Number abnormal: duplicate")),
        ("+62 812-3456-7801", ("6281234567801", -9, "Number abnormal: duplicate")),
        ("+8613611111111", ("8613611111111", 4, "Country code error")),
        ("008613611111111", ("8613611111111", 4, "Country code error")),
        ("1", ("1", -9, "Number abnormal")),
        (" hello ", ("hello", -9, "Number abnormal")),
        ("9" * 300, ("9" * 64, -9, "Number abnormal")),
        ('<b>"', ('<b>"', -9, "Number abnormal")),
        ("+", ("+", -9, "Number abnormal")),
        ("8123456780\u0000", ("8123456780\ufffd", -9, "Number abnormal")),
        ("812345678😀" * 10, (("812345678😀" * 10)[:64], -9, "Number abnormal")),
        ("2150512345", ("622150512345", -9, "Number abnormal")),  # a fixed line of Jakarta
        ("8001234567", ("628001234567", -9, "Number abnormal")),  # toll-free
    ]
    reply = door.send(customer, numbers=",".join(line for line, _ in lines))
    assert reply.status == 0
    assert reply.json["message"] == "Submit success"
    assert "msg" not in reply.json
    assert good(reply) == ["6281234567801"]
    assert bad(reply) == [row for _, row in lines if row]
    assert (reply.data["success"], reply.data["fail"]) == (1, len(lines) - 1)
    assert bed.charges(customer) == 1
    assert bed.wallet(customer) == (100 * 100_000 - 100_000, 0)
    ids = [row["messageId"] for row in reply.data["successData"] + reply.data["failData"]]
    assert all(HEX32.fullmatch(name) for name in ids)
    assert len(set(ids)) == len(lines)


@pytest.mark.parametrize(
    ("numbers", "status", "phrase"),
    [
        ("1,+8613611111111", -9, "Number abnormal"),
        ("+8613611111111,1", 4, "Country code error"),
        ("hello", -9, "Number abnormal"),
    ],
)
def test_all_numbers_bad(bed: Bed, door: Door, numbers: str, status: int, phrase: str) -> None:
    """The status of the first, with data."""
    reply = door.send(bed.bystander, numbers=numbers)
    assert reply.http == 200
    assert reply.status == status
    assert reply.json["message"] == reply.json["msg"] == phrase
    assert reply.data["success"] == 0
    assert reply.data["successData"] == []
    assert reply.data["fail"] == len(reply.data["failData"]) == numbers.count(",") + 1
    assert re.fullmatch("[0-9]{17}", reply.data["batchNo"])
    bed.assert_untouched()


def test_a_number_without_route_or_price(bed: Bed, door: Door) -> None:
    """The plan of this account has a price for Indonesia alone."""
    customer = bed.special("bare")
    reply = door.send(customer, numbers="2015550123", codeId=bed.code_id("US"))
    assert (reply.status, reply.json["msg"]) == (3, "Channel not found")
    assert bad(reply) == [("12015550123", 3, "Channel not found")]
    assert door.send(customer).status == 0


@pytest.mark.parametrize(
    ("code_id", "status", "phrase"),
    [
        (None, -18, "Country code ID cannot be empty"),
        ("", -18, "Country code ID cannot be empty"),
        ("0", -19, "Country code ID error"),
        ("62", -19, "Country code ID error"),
        ("99999", -19, "Country code ID error"),
        ("-10007", -19, "Country code ID error"),
        ("10007.5", -19, "Country code ID error"),
        ("ID", -19, "Country code ID error"),
        ("１０００７", -19, "Country code ID error"),
        ("9" * 5000, -19, "Country code ID error"),
        (NAURU, -19, "Country code ID error"),  # disabled
    ],
)
def test_a_bad_code_id(bed: Bed, door: Door, code_id: str | None, status: int, phrase: str) -> None:
    if code_id == NAURU:
        code_id = bed.code_id(NAURU)
    refused(bed, door.send(bed.bystander, codeId=code_id), status, phrase)


def test_a_number_of_a_disabled_country_that_shares_its_code(bed: Bed, door: Door) -> None:
    """+7 is Russia and Kazakhstan; only the second is disabled."""
    reply = door.send(bed.customer(), numbers="9161234567,7010001234", codeId=bed.code_id(RUSSIA))
    assert good(reply) == ["79161234567"]
    assert bad(reply) == [("77010001234", 4, "Country code error")]


@pytest.mark.parametrize("action", [None, "", "SPAM", "1", "MARKETING,VERIFY", "VERİFY", "__class__"])
def test_a_bad_action(bed: Bed, door: Door, action: str | None) -> None:
    assert "action" in refused(bed, door.send(bed.bystander, action=action), -12, PLATFORM)


@pytest.mark.parametrize(
    ("action", "priority"), [("VERIFY", 0), ("verify", 0), ("Notification", 1), (" MARKETING ", 2)]
)
def test_an_action_in_any_case(bed: Bed, door: Door, action: str, priority: int) -> None:
    customer = bed.customer()
    assert door.send(customer, action=action).status == 0
    assert bed.one("SELECT priority FROM lane_item WHERE account_id = %s", customer.id) == priority


def test_a_zone_alone_schedules_nothing(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    assert door.send(customer, timeZone="UTC+8").status == 0
    assert bed.lane_messages(customer) == 1
    assert door.send(bed.customer(), timeZone="nowhere").status == 0


@pytest.mark.parametrize("content", [None, "", " ", " \r\n\t\u3000\u00a0"])
def test_no_content(bed: Bed, door: Door, content: str | None) -> None:
    assert refused(bed, door.send(bed.bystander, content=content), -4, "SMS content is empty") == ""


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("x", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("你" * 70, 1),
        ("你" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("x" * 1024, 7),
        ("x" * 306 + "\u3000", 5),
    ],
)
def test_parts_are_what_is_charged(bed: Bed, door: Door, content: str, parts: int) -> None:
    customer = bed.customer()
    reply = door.send(customer, content=content)
    assert reply.status == 0
    assert bed.wallet(customer) == (100 * 100_000 - parts * 100_000, 0)
    stored = bed.one("SELECT content FROM batch WHERE batch_no = %s", int(reply.data["batchNo"]))
    assert stored == content


@pytest.mark.parametrize("letter", ["x", "你", "😀"])
def test_1024_utf16_units_and_no_more(bed: Bed, door: Door, letter: str) -> None:
    units = len(letter.encode("utf-16-le")) // 2
    customer = bed.special("many parts")
    assert door.send(customer, content=letter * (1024 // units)).status == 0
    refused(bed, door.send(bed.bystander, content=letter * (1024 // units) + "x"), -5, "SMS content too long")


def test_the_part_limit_of_the_account(bed: Bed, door: Door) -> None:
    customer = bed.special("one part")
    assert door.send(customer, content="x" * 160).status == 0
    reply = door.send(customer, content="x" * 161)
    assert reply.status == -5
    assert "2 parts" in reply.json["msg"]
    assert bed.charges(customer) == 1


def test_a_country_that_demands_a_template(bed: Bed, door: Door) -> None:
    phrase = "Not template SMS or mainland China, Hong Kong, Macau, Taiwan direction not registered"
    for code_id, numbers in ((CHINA, "13611111111"), ("HK", "61234567"), ("MO", "66123456"), ("TW", "912345678")):
        refused(bed, door.send(bed.bystander, codeId=bed.code_id(code_id), numbers=numbers), -6, phrase)
    china = bed.special("china")
    assert good(door.send(china, codeId=CHINA, numbers="13611111111,15012345678")) == ["8613611111111", "8615012345678"]
    assert door.send(china, codeId=bed.code_id("TW"), numbers="912345678").status == -6
    assert door.send(bed.special("all free"), codeId=bed.code_id("TW"), numbers="912345678").status == 0


def test_a_sender_must_be_granted(bed: Bed, door: Door) -> None:
    assert "senderId" in refused(bed, door.send(bed.bystander, senderId="ACME"), -12, PLATFORM)
    customer = bed.special("sender")
    reply = door.send(customer, senderId="ACME")
    assert reply.status == 0
    assert bed.one("SELECT sender FROM batch WHERE batch_no = %s", int(reply.data["batchNo"])) == "ACME"
    for other in ("acme", "ACME2"):
        assert door.send(customer, senderId=other).status == -12


def test_a_channel_must_be_granted(bed: Bed, door: Door) -> None:
    phrase = "Channel not found"
    for name in ("second", "sandbox", "nowhere", "1"):
        refused(bed, door.send(bed.bystander, routing=name), 3, phrase)
    customer = bed.special("routed")
    assert door.send(customer, routing="second").status == 0
    used = bed.one(
        "SELECT c.name FROM lane_item l JOIN channel c ON c.id = l.channel_id WHERE account_id = %s", customer.id
    )
    assert used == "second"
    assert door.send(customer, routing="sandbox").status == 3


def test_a_plain_client_of_the_wild(bed: Bed, door: Door) -> None:
    """It posts four fields and reads two."""
    fields = {"content": "code 1234", "numbers": "81234567801", "codeId": 10007, "action": "VERIFY"}
    reply = door.post(bed.customer(), fields)
    assert type(reply.json["status"]) is int
    assert type(reply.json["data"]["batchNo"]) is str


def test_batch_numbers_and_ids_rise(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    replies = [door.send(customer, numbers="81234567801,81234567802,1") for _ in range(10)]
    numbers = [int(reply.data["batchNo"]) for reply in replies]
    assert len(set(numbers)) == 10
    assert all(len(str(number)) == 17 for number in numbers)
    assert [n // 10_000 for n in numbers] == sorted(n // 10_000 for n in numbers)
    ids = [row["messageId"] for reply in replies for row in reply.data["successData"]]
    assert ids == sorted(ids)
    assert all(name[12] == "7" for name in ids)
