"""Email: its fields and files, with their codes; what is stored, and once."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.doors.api import MAIL_DOMAIN, Bed, Customer, Door, Reply
from tests.doors.test_mms import attached, encode, png
from tests.doors.test_sms_fields import PLATFORM, refused
from tests.poll import until_sync
from tocsin import compliance

PATH, REPORT = "/api/v1/email/sendEmail", "/api/v1/email/report"
MAIL = {"emails": "tom@example.com", "from": "Acme", "theme": "hello", "content": "good morning"}
PRICE = 1_000
TWO_MB = 2 * 1024 * 1024
WORDS = {
    -4: "Email subject is empty", -5: "SMS content is empty", -9: "Recipient is empty", -12: PLATFORM,
    -7: "Too many numbers", -11: "Scheduled time format incorrect", -16: "Exceeded time range limit",
    -17: "SMS template cannot be empty", -14: "Query ID exception", 3: "Channel not found",
    -6: "Not template SMS or mainland China, Hong Kong, Macau, Taiwan direction not registered",
    -3: "SMS content contains sensitive characters",
}  # fmt: skip


def send(door: Door, customer: Customer, /, **fields: Any) -> Reply:
    """`sender` stands for `from`, which is no name in Python; None takes a field away."""
    if "sender" in fields:
        fields["from"] = fields.pop("sender")
    return door.post(customer, {name: value for name, value in (MAIL | fields).items() if value is not None}, path=PATH)


def batch(bed: Bed, reply: Reply, column: str) -> Any:
    return bed.one(f"SELECT {column} FROM batch WHERE batch_no = %s", int(reply.data["batchNo"]))


def message(bed: Bed, reply: Reply, column: str, at: int = 0) -> Any:
    return bed.one(f"SELECT {column} FROM message WHERE id = %s", reply.data["array"][at][1])


def wait_refused(door: Door, customer: Customer, **fields: Any) -> Reply:
    """The first reply that is an error: what was configured a moment ago is known then."""
    found: list[Reply] = []

    def look() -> bool:
        found.append(send(door, customer, **fields))
        return found[-1].status != 0

    until_sync(look)
    return found[-1]


def bad(reply: Reply) -> list[tuple[str, int, str]]:
    assert all(set(row) == {"email", "messageId", "status", "message"} for row in reply.data["failData"])
    return [(row["email"], row["status"], row["message"]) for row in reply.data["failData"]]


def test_one_is_stored_charged_and_queued(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    before = bed.wallet(customer)[0]
    reply = send(door, customer, emails=" Tom Doe <Tom@EXAMPLE.com> ")
    assert (reply.status, reply.data["success"], reply.data["fail"]) == (0, 1, 0)
    ((address, message_id),) = reply.data["array"]
    assert (address, len(message_id)) == ("Tom@example.com", 32)
    assert [message(bed, reply, name) for name in ("product", "country_id", "parts", "price_micros", "own")] == [
        5, 0, 1, PRICE, "",
    ]  # fmt: skip
    assert [batch(bed, reply, name) for name in ("title", "content", "priority", "given", "sender")] == [
        "hello", "good morning", 1, "", f"Acme <noreply@{MAIL_DOMAIN}>",
    ]  # fmt: skip
    assert bed.lane_messages(customer) == 1
    assert before - bed.wallet(customer)[0] == PRICE
    row = door.get(customer, REPORT, {"ids": message_id}).data["array"][0]
    assert (row[0], row[1], row[3:5], row[6:]) == (message_id, "Tom@example.com", [0, "sending"], ["1", "0.001"])


def test_it_is_no_get(bed: Bed, door: Door) -> None:
    reply = door.get(bed.bystander, PATH, MAIL)
    assert (reply.http, reply.headers["allow"]) == (405, "POST")


def test_the_order_of_checks(bed: Bed, door: Door, second: Door) -> None:
    """Everything is wrong; what is told is put right, one after the other."""
    fields: dict[str, Any] = {
        "emails": "", "theme": " ", "content": "\n", "sender": "\n", "sendTime": "soon", "routing": "nowhere",
    }  # fmt: skip
    steps: list[tuple[int, dict[str, Any]]] = [
        (-9, {"emails": ",".join(f"t{n}@x.com" for n in range(10_001))}),
        (-7, {"emails": "nobody"}),
        (-4, {"theme": "hello"}),
        (-5, {"content": "good morning"}),
        (-12, {"sender": "Acme"}),
        (-11, {"sendTime": str(int(time.time()) - 3600)}),
        (-16, {"sendTime": None, "templateId": "2147483647"}),
        (-17, {"templateId": bed.templates["mail"]}),
        (-6, {"placeholders": {"name": "Tom", "order": 7}}),
    ]
    for status, mended in steps:
        refused(bed, send(door, bed.bystander, **fields), status, WORDS[status])
        fields |= mended
    assert refused(bed, send(second, bed.bystander, **fields), -3, WORDS[-3]) == "no sending domain"
    assert refused(bed, send(door, bed.bystander, **fields), -14, WORDS[-14]) == "routing"
    fields["routing"] = None
    assert send(door, bed.special("bare"), **fields).json["message"].startswith("Channel not found: no route")
    all_bad = send(door, bed.bystander, **fields)
    assert (all_bad.status, all_bad.data["success"]) == (-9, 0)
    assert bad(all_bad) == [("nobody", -9, "Number abnormal")]
    poor = send(door, bed.customer(PRICE), **fields | {"emails": "a@x.com,b@x.com"})
    assert poor.status == -10


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        ({"emails": None}, -9, ""),
        ({"emails": " ,; "}, -9, ""),
        ({"emails": []}, -9, ""),
        ({"emails": "[]"}, -9, ""),
        ({"emails": '[{"to":""}]'}, -9, ""),
        ({"emails": "[{"}, -12, "emails is no JSON"),
        ({"emails": 5}, -12, "emails is no list of addresses"),
        ({"emails": [{"name": "tom"}]}, -12, "emails[0] has no to"),
        ({"emails": [{"to": "a@x.com", "placeholders": 5}]}, -12, None),
        ({"theme": None}, -4, ""),
        ({"theme": "hello\r\nBcc: eve@x.com"}, -12, "theme: control character"),
        ({"theme": "x" * 999}, -12, "theme has more than 998 characters"),
        ({"theme": "{n}", "placeholders": {"n": "x" * 999}}, -12, "theme has more than 998 characters"),
        ({"sender": None}, -12, "from is missing"),
        ({"sender": " "}, -12, "from is missing"),
        ({"sender": "Ac\nme"}, -12, "from: control character"),
        ({"sender": "Ac\x7fme"}, -12, "from: control character"),
        ({"sender": "x" * 129}, -12, "from has more than 128 characters"),
        ({"content": None}, -5, ""),
        ({"content": "a\0"}, -12, "content: NUL character"),
        ({"content": "x" * (TWO_MB + 1)}, -12, "content has more than 2097152 bytes"),
        ({"content": "\u00e9" * (TWO_MB // 2 + 1)}, -12, "content has more than 2097152 bytes"),
        ({"content": "{n}" * 2100, "placeholders": {"n": "x" * 1000}}, -12, "content, filled, has more than 2097152 characters"),
        ({"placeholders": "[1]"}, -12, "placeholders must be an object of names and values"),
        ({"placeholders": "{"}, -12, "placeholders cannot be read as JSON"),
        ({"attachment": ["%%%"]}, -12, "attachment: it is no base64"),
        ({"attachment": [7]}, -12, "attachment must be files or base64 texts"),
        ({"attachment": ["aGk="] * 51}, -12, "attachment: 51 files, 50 at most"),
        ({"sendTime": "soon"}, -11, "timeZone or sendTime"),
        ({"timeZone": "UTC+99", "sendTime": "2030-01-01 00:00:00"}, -11, "timeZone or sendTime"),
        ({"sendTime": "20200101000000"}, -16, "sendTime"),
        ({"templateId": "x"}, -17, None),
        ({"routing": "second"}, -14, "routing"),
    ],
)  # fmt: skip
def test_what_is_refused(bed: Bed, door: Door, change: dict[str, Any], status: int, detail: str | None) -> None:
    said = refused(bed, send(door, bed.bystander, **change), status, WORDS[status])
    assert detail is None or said == detail


@pytest.mark.parametrize("field", sorted(MAIL))
def test_what_is_no_text(bed: Bed, door: Door, field: str) -> None:
    """Half a surrogate in JSON, a byte that is no UTF-8 in a form, a NUL: never a fault of ours."""
    broken = json.dumps(MAIL | {field: "%"}).replace("%", "\\ud800")
    assert door.post(bed.bystander, broken, path=PATH).status == -12
    form = urlencode({name: value for name, value in MAIL.items() if name != field}) + f"&{field}=%ffx@x.com"
    kind = "application/x-www-form-urlencoded"
    status = -9 if field == "emails" else -12
    assert door.post(bed.bystander, form, path=PATH, kind=kind).status == status
    assert send(door, bed.bystander, **{"sender" if field == "from" else field: "a\0@x.com"}).status == status
    bed.assert_untouched()


def test_a_template_of_which_a_strange_recipient_has_no_value(bed: Bed, door: Door) -> None:
    form = urlencode({"from": "Acme", "templateId": bed.templates["mail"]}) + "&emails=%ffx@x.com"
    reply = door.post(bed.bystander, form, path=PATH, kind="application/x-www-form-urlencoded")
    assert (reply.http, reply.status) == (200, -6)


def test_twenty_megabytes_of_files_and_a_byte_more(bed: Bed, door: Door) -> None:
    half = base64.b64encode(bytes(10 * 1024 * 1024)).decode()
    assert send(door, bed.customer(), attachment=[half, half]).status == 0
    reply = send(door, bed.bystander, attachment=[half, half, "AA=="])
    assert refused(bed, reply, -12, PLATFORM) == "attachment: over 20971520 bytes together"


@pytest.mark.parametrize(
    "emails",
    [
        "tom@x.com,yan@x.com",
        "tom@x.com; Yan <yan@x.com>",
        ["tom@x.com", "yan@x.com"],
        [{"to": "tom@x.com"}, {"to": "yan@x.com", "placeholders": {}}],
        '[{"to":"tom@x.com","placeholders":{}},{"to":"yan@x.com","placeholders":null}]',
    ],
)
def test_the_forms_of_recipients(bed: Bed, door: Door, emails: object) -> None:
    reply = send(door, bed.customer(), emails=emails)
    assert [address for address, _ in reply.data["array"]] == ["tom@x.com", "yan@x.com"]


def test_the_second_mention_is_refused_whatever_its_capitals(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    reply = send(door, customer, emails="tom@x.com,TOM@X.com,nobody,tom@@x.com")
    assert (reply.status, reply.data["success"], reply.data["fail"]) == (0, 1, 3)
    assert bad(reply) == [
        ("TOM@x.com", -9, "Number abnormal: duplicate"),
        ("nobody", -9, "Number abnormal"),
        ("tom@@x.com", -9, "Number abnormal"),
    ]
    assert (bed.messages(customer), bed.lane_messages(customer)) == (1, 1)


def test_placeholders_of_the_request_and_of_recipients_are_kept_apart(bed: Bed, door: Door) -> None:
    emails = [{"to": "nobody"}, {"to": "tom@x.com", "placeholders": {"name": "Tom", "n": 3.0}}, {"to": "yan@x.com"}]
    reply = send(door, bed.customer(), emails=json.dumps(emails), placeholders='{"name":"friend"}', content="Hi {name}")
    assert batch(bed, reply, "given") == '{"name":"friend"}'
    assert batch(bed, reply, "content") == "Hi {name}", "unfilled: the worker fills it"
    assert [message(bed, reply, "own", at) for at in (0, 1)] == ['{"name":"Tom","n":"3"}', ""]


@pytest.mark.parametrize(
    ("theme", "subject"), [(None, "About {order}"), (" ", "About {order}"), ("News of {order}", "News of {order}")]
)
def test_a_template_wins_over_content(bed: Bed, door: Door, theme: str | None, subject: str) -> None:
    emails = [{"to": "tom@x.com", "placeholders": {"name": "Tom"}}]
    reply = send(
        door,
        bed.customer(),
        emails=emails,
        theme=theme,
        templateId=str(bed.templates["mail"]),
        placeholders={"order": 7},
    )
    assert (batch(bed, reply, "title"), batch(bed, reply, "template_id")) == (subject, bed.templates["mail"])
    assert batch(bed, reply, "content") == "<p>Order {order} of {name} is on its way.</p>"


def test_a_placeholder_of_the_template_without_a_value(bed: Bed, door: Door) -> None:
    emails = [{"to": "tom@x.com", "placeholders": {"name": "Tom"}}, {"to": "yan@x.com"}]
    fields = {"emails": emails, "templateId": bed.templates["mail"], "placeholders": {"order": 7}}
    said = refused(bed, send(door, bed.bystander, **fields), -6, WORDS[-6])
    assert said == "placeholder name has no value for yan@x.com"


@pytest.mark.parametrize("word", ["pending", "rejected", "plain", "mms"])
def test_a_template_that_is_not_approved_or_of_another_product(bed: Bed, door: Door, word: str) -> None:
    refused(bed, send(door, bed.bystander, templateId=bed.templates[word]), -17, WORDS[-17])


@pytest.mark.parametrize(
    ("name", "sender"),
    [
        ("Acme", "Acme <noreply@mail.acme.com>"),
        (" Acme, Inc. ", '"Acme, Inc." <noreply@mail.acme.com>'),
        ('Tom "T" Doe <tom@x.com>', '"Tom \\"T\\" Doe <tom@x.com>" <noreply@mail.acme.com>'),
        ("\u6d77", "\u6d77 <noreply@mail.acme.com>"),
    ],
)
def test_the_sender_is_on_the_accounts_own_domain(bed: Bed, second: Door, door: Door, name: str, sender: str) -> None:
    for each in (second, door):  # one has a shared domain, the other has none
        assert batch(bed, send(each, bed.special("mailer"), sender=name), "sender") == sender


def test_a_channel_that_was_granted(bed: Bed, door: Door) -> None:
    reply = send(door, bed.special("routed"), routing="second")
    assert (reply.status, batch(bed, reply, "pinned_channel_id")) == (0, message(bed, reply, "channel_id"))


@pytest.fixture
def guarded(bed: Bed, door: Door) -> Iterator[Customer]:
    """A customer; what is configured for everybody is taken away again."""
    yield bed.customer()
    for table in ("blacklist", "sensitive_word", "cap", "cap_window"):
        bed.conn.execute(f"DELETE FROM {table}".encode())
    until_sync(lambda: send(door, bed.customer(), content="roulette", emails="blocked@x.com").status == 0)


@pytest.mark.parametrize("field", ["theme", "content", "sender"])
def test_a_sensitive_word(bed: Bed, door: Door, guarded: Customer, field: str) -> None:
    compliance.add_word(bed.conn, "roulette")
    reply = wait_refused(door, bed.customer(), **{field: "a ROULETTE"})
    assert reply.json["message"] == f"{PLATFORM}: theme, content, from or a placeholder has a sensitive word"
    values = [{"to": "tom@x.com", "placeholders": {"name": "rou-lette"}}]
    assert send(door, guarded, emails=values).status == -12
    assert bed.messages(guarded) == 0


def test_a_blocked_address_is_known_in_any_capitals(bed: Bed, door: Door, guarded: Customer) -> None:
    compliance.add_listed(bed.conn, guarded.id, "Blocked@x.com")
    reply = wait_refused(door, guarded, emails="BLOCKED@x.com")
    assert (reply.status, bad(reply)) == (5, [("BLOCKED@x.com", 5, "Blacklist restriction")])


def test_a_cap_of_an_address_holds_and_one_of_a_prefix_does_not(bed: Bed, door: Door, guarded: Customer) -> None:
    for number, kind in enumerate((compliance.CapKind.NUMBER, compliance.CapKind.PREFIX, compliance.CapKind.COUNTRY)):
        compliance.set_cap(
            bed.conn,
            compliance.Cap(
                id=0, account_id=guarded.id, kind=kind, action=None, country_id=0, most=1 - min(number, 1), window_s=86_400,
                digits=3,
            ),
        )  # fmt: skip
    over = wait_refused(door, guarded, emails="Same@x.com")
    assert bad(over) == [("Same@x.com", -15, "Request frequency too fast")]
    assert send(door, guarded, emails="same2@x.com").status == 0, "neither digits nor a country"


def test_a_scheduled_one_waits(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    reply = send(door, customer, sendTime=str(int(time.time()) + 3600), timeZone="UTC+7")
    waits = bed.one("SELECT cardinality(ids) FROM schedule WHERE batch_no = %s", int(reply.data["batchNo"]))
    assert (waits, bed.lane_messages(customer), bed.charges(customer)) == (1, 0, 1)
    cancelled = door.post(customer, {"batchNo": reply.data["batchNo"]}, path="/api/v1/schedules/cancel").data
    assert (cancelled["cancelled"], cancelled["amount"]) == (1, "0.001")


def test_files_keep_their_names_and_types(bed: Bed, door: Door) -> None:
    files = [
        ("plan.pdf", b"%PDF-1.7 ...", "application/pdf"),
        ("rows.csv", b"a,b\n1,2\n", "text/csv"),
        ("a.png", png(), "image/png"),
        ("../../etc/pass wd", b"\x7fELF" + bytes(40), "application/octet-stream"),
        ("run.exe", b"MZ" + bytes(40), "application/octet-stream"),
    ]
    pieces = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in MAIL.items()]
    pieces += [
        f'--b\r\nContent-Disposition: form-data; name="attachment[]"; filename="{name}"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data, _ in files
    ]
    kind = "multipart/form-data; boundary=b"
    reply = door.post(bed.customer(), b"".join(pieces) + b"--b--\r\n", path=PATH, kind=kind)
    found = attached(bed, reply)
    assert [(name, mime) for name, mime, _ in found][:3] == [(name, mime) for name, _, mime in files][:3]
    assert found[3][:2] == ("pass wd.bin", "application/octet-stream")
    assert found[4][0] == "run.exe"
    assert [data for _, _, data in found] == [data for _, data, _ in files]


def test_files_as_base64_are_named_by_their_content(bed: Bed, door: Door) -> None:
    reply = send(door, bed.customer(), attachment=[encode(png()), encode(b"hello"), encode(b"\x7fELF" + bytes(9))])
    assert [(name, mime) for name, mime, _ in attached(bed, reply)] == [
        ("attachment-1.png", "image/png"), ("attachment-2.txt", "text/plain"),
        ("attachment-3.bin", "application/octet-stream"),
    ]  # fmt: skip


def test_ten_thousand_go_by_the_helper(bed: Bed, door: Door) -> None:
    customer = bed.customer(10_000 * PRICE)
    emails = [{"to": f"t{n}@x.com", "placeholders": {"name": f"Tom {n}"}} for n in range(10_000)]
    reply = send(door, customer, emails=emails, content="<p>Hi {name}</p>")
    assert (reply.status, reply.data["success"], bed.wallet(customer)) == (0, 10_000, (0, 0))
    assert message(bed, reply, "own", 9_999) == '{"name":"Tom 9999"}'


def test_the_same_key_answers_the_same(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    key = {"Idempotency-Key": "mail-1"}
    body = MAIL | {"emails": [{"to": "tom@x.com", "placeholders": {"n": 1}}, {"to": "nobody"}]}
    first = door.post(customer, body, path=PATH, headers=key)
    assert door.post(customer, body, path=PATH, headers=key).json == first.json
    assert bad(first) == [("nobody", -9, "Number abnormal")]
    other = body | {"emails": [{"to": "tom@x.com", "placeholders": {"n": 2}}]}
    assert door.post(customer, other, path=PATH, headers=key).status == -12
    assert (bed.messages(customer), bed.charges(customer)) == (1, 1)
