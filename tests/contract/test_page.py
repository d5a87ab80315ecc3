"""The examples of the API page, as printed: requests with a valid sign put in, replies byte for byte but for ids."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest

from tests.doors.api import Bed, Customer, Door, Reply
from tocsin.api.auth import compute_sign
from tocsin.content import Status
from tocsin.traffic import Reason
from tocsin.webhooks import ReportFacts, body, report_row, shape, uplink_body

PAGE_HEADERS = {"Content-Type": "application/json;charset=UTF-8"}
GET = "numbers=13611111111,13722222222&content=helloworld&codeId=10007&action=MARKETING"
POST = '{"numbers":"13611111111,13722222222","content":"helloworld","codeId":"10007","action":"MARKETING"}'
URL = "/api/v1/sms/sendbatchsms?account={account}&sign={sign}&datetime={datetime}"

ACCEPTED = (
    b'{"status":0,"message":"Submit success","data":{"success":2,"fail":0,"batchNo":"#batch","successData":['
    b'{"phone":"6213611111111","messageId":"#id"},{"phone":"6213722222222","messageId":"#id"}],"failData":[]}}'
)
PAGE_REPLY = """{
	"status": 0,
	"message": "Submit success",
	"data": {
		"success": 2,
		"fail": 0,
		"batchNo": "17585983563****",
		"successData": [{
				"phone": "6282xxxxx6504",
				"messageId": "54fc4deee43a2fecf9f2eb2e1******"
			},
			{
				"phone": "6285xxxxx8094",
				"messageId": "619586b720659816ee732050c******"
			}
		],
		"failData": []
	}
}"""

STATUS_LINE = (
    "5:Blacklist restriction 4:Country code error 3:Channel not found 2:Send failed 1:Send success 0:Submit success "
    "-1:Authentication error -2:IP access restricted -3:SMS content contains sensitive characters -4:SMS content is empty "
    "-5:SMS content too long -6:Not template SMS or mainland China, Hong Kong, Macau, Taiwan direction not registered "
    "-7:Too many numbers -8:Number is empty -9:Number abnormal "
    "-10:This channel balance is insufficient to meet this send -11:Scheduled time format incorrect "
    "-12:Due to platform reasons, batch submission error, please contact administrator -13:User locked "
    "-14:Query ID exception -15:Request frequency too fast -16:Exceeded time range limit -17:SMS template cannot be empty "
    "-18:Country code ID cannot be empty -19:Country code ID error"
)


def mask(reply: Reply) -> bytes:
    """The body with every id and batch number of the right form masked."""
    assert reply.http == 200
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"
    text = re.sub(rb'"messageId":"[0-9a-f]{32}"', b'"messageId":"#id"', reply.body)
    return re.sub(rb'"(batchNo|barchNo)":"[0-9]{17}"', rb'"\1":"#batch"', text)


def skeleton(value: object) -> object:
    """Names in their order, and kinds of values."""
    if isinstance(value, dict):
        return [(name, skeleton(each)) for name, each in value.items()]
    return [skeleton(each) for each in value] if isinstance(value, list) else type(value)


def test_the_vectors_of_the_sign() -> None:
    assert compute_sign("test", "123456", "1628769561") == "d13cd89f7c069feef2a7a202d14b7016"
    assert compute_sign("yn00001", "7bz1lzh9", "1630468800") == "d2e310115b3c2299d6c38424e293cd0f"
    # What the page prints for the second is a slip: it is this one's.
    assert compute_sign("bDqJFiq9", "7bz1lzh9", "1630468800") == "05d7a50893e22a5c4bb3216ae3396c7c"


def test_sms_by_get(bed: Bed, door: Door) -> None:
    reply = door.call("GET", f"{URL.format(**bed.customer().sign())}&{GET}", headers=PAGE_HEADERS)
    assert mask(reply) == ACCEPTED
    assert skeleton(reply.json) == skeleton(json.loads(PAGE_REPLY))


def test_sms_by_post(bed: Bed, door: Door) -> None:
    reply = door.call("POST", URL.format(**bed.customer().sign()), POST, PAGE_HEADERS)
    assert mask(reply) == ACCEPTED
    assert skeleton(reply.json) == skeleton(json.loads(PAGE_REPLY))


def test_sms_with_a_bad_number(bed: Bed, door: Door) -> None:
    """The page shows an empty failData; its rows are the other's, with status and message."""
    bad = POST.replace("13722222222", "13611111111,1")
    assert mask(door.call("POST", URL.format(**bed.customer().sign()), bad, PAGE_HEADERS)) == (
        b'{"status":0,"message":"Submit success","data":{"success":1,"fail":2,"batchNo":"#batch","successData":['
        b'{"phone":"6213611111111","messageId":"#id"}],"failData":['
        b'{"phone":"6213611111111","messageId":"#id","status":-9,"message":"Number abnormal: duplicate"},'
        b'{"phone":"1","messageId":"#id","status":-9,"message":"Number abnormal"}]}}'
    )


def test_every_field_of_the_page_is_known(bed: Bed, door: Door) -> None:
    """As a client sends them that fills in the whole table: the optional ones empty."""
    empty = {"senderId": "", "routing": "", "templateId": "", "templateParams": ""}
    query = urlencode(bed.customer().sign())
    assert mask(door.call("GET", f"/api/v1/sms/sendbatchsms?{query}&{GET}&{urlencode(empty)}")) == ACCEPTED
    fields = json.loads(POST) | empty | {"templateParams": []}
    assert mask(door.post(bed.customer(), fields)) == ACCEPTED


def test_a_template_instead_of_content(bed: Bed, door: Door) -> None:
    """As the table has it: templateId a String, templateParams an Array of String; JSON text of it in a GET."""
    fields = json.loads(POST) | {"templateId": str(bed.templates["code"]), "templateParams": ["1234", "5"]}
    del fields["content"]
    assert mask(door.post(bed.customer(), fields)) == ACCEPTED
    query = urlencode(bed.customer().sign() | fields | {"templateParams": '["1234","5"]'})
    assert mask(door.call("GET", f"/api/v1/sms/sendbatchsms?{query}")) == ACCEPTED
    unknown = door.post(bed.bystander, fields | {"templateId": "2147483647"})
    assert unknown.body.startswith(b'{"status":-17,"message":"SMS template cannot be empty: ')


def error(status: int, text: str) -> bytes:
    """The page prints {"status":...,"msg":...}; its sends have `message`: an error carries both."""
    return b'{"status":%d,"message":"%b","msg":"%b"}' % (status, text.encode(), text.encode())


def test_account_error(bed: Bed, door: Door) -> None:
    nobody = Customer(0, "nobody", "key")
    reply = door.call("POST", URL.format(**nobody.sign()), POST, PAGE_HEADERS)
    assert reply.body == error(-1, "Authentication error")


def test_authentication_error(bed: Bed, door: Door) -> None:
    """The page's own example: account and time of its sign, and the digest that it prints."""
    query = {"account": "yn00001", "sign": "05d7a50893e22a5c4bb3216ae3396c7c", "datetime": "1630468800"}
    assert door.call("POST", URL.format(**query), POST, PAGE_HEADERS).body == error(-1, "Authentication error")
    wrong = bed.bystander.sign(sign="0" * 32)
    assert door.call("POST", URL.format(**wrong), POST, PAGE_HEADERS).body == error(-1, "Authentication error")


def test_expiration_error(bed: Bed, door: Door) -> None:
    reply = door.call("POST", URL.format(**bed.bystander.sign(1630468800)), POST, PAGE_HEADERS)
    assert reply.body == error(-1, "Authentication error: datetime is more than 30 minutes off")


def test_number_error(bed: Bed, door: Door) -> None:
    bad = POST.replace("13611111111,13722222222", "1,2")
    assert mask(door.call("POST", URL.format(**bed.bystander.sign()), bad, PAGE_HEADERS)) == (
        b'{"status":-9,"message":"Number abnormal","msg":"Number abnormal","data":{"success":0,"fail":2,'
        b'"batchNo":"#batch","successData":[],"failData":['
        b'{"phone":"1","messageId":"#id","status":-9,"message":"Number abnormal"},'
        b'{"phone":"2","messageId":"#id","status":-9,"message":"Number abnormal"}]}}'
    )


def test_frequency_limit(bed: Bed, door: Door) -> None:
    customer = bed.special("once a second")
    url = URL.format(**customer.sign())
    replies = [door.call("POST", url, "{}", PAGE_HEADERS) for _ in range(4)]
    assert error(-15, "Request frequency too fast") in [reply.body for reply in replies]


def test_the_status_table() -> None:
    """Every code of the page with its text, letter for letter, and no other."""
    page = dict(re.findall(r"(-?\d+):(.+?)(?= -?\d+:|$)", STATUS_LINE))
    assert {str(int(status)): status.text for status in Status} == page
    assert len(page) == 25


FIRST, SECOND = bytes.fromhex("48d5112288668ebb049dbb9034402910"), bytes.fromhex("c11d34242000e541f63fbdef3e36b1db")
AT = 1681203001
BATCH = 20221102012345678

SMS_PUSH = """
{
    "type": "sms",
    "cnt": 2,
    "array": [
        ["48d5112288668ebb049dbb9034402910",
            "8613611111111",
            "2023-04-11T16:50:01+08:00",
            1,
            "success",
            "20221102012345678",
            "1",
            "0.1"
        ],
        [
            "c11d34242000e541f63fbdef3e36b1db",
            "8613722222222",
            "2023-04-11T16:51:21+08:00",
            -9,
            "number error",
            "20221102012345678",
            "1",
            "0.1"
        ]
    ]
}
"""
UPLINK_PUSH = """
{
    "fromNum": "614899000000",
    "to": "614040000000",
    "content": "I want it",
    "datetime": "1680278400"
}
"""


def compact(page: str) -> bytes:
    return json.dumps(json.loads(page), separators=(",", ":")).encode()


def push(kind: str, *rows: tuple[bytes, str, int, Reason]) -> bytes:
    form = shape(kind)
    made = [report_row(ReportFacts(i, who, at, why, BATCH, 1, 100_000), form) for i, who, at, why in rows]
    return body(kind, len(made), b",".join(made))


def test_sms_report_push() -> None:
    rows = [(FIRST, "8613611111111", AT, Reason.SUCCESS), (SECOND, "8613722222222", AT + 80, Reason.NUMBER_ERROR)]
    assert push("sms", *rows) == compact(SMS_PUSH)


@pytest.mark.parametrize(
    ("kind", "who", "text"), [("vos", "8613611111111", "number error"), ("mail", "123@email.com", "email error")]
)
def test_pushes_of_six_fields(kind: str, who: str, text: str) -> None:
    rows = [(FIRST, who, AT, Reason.SUCCESS), (SECOND, who, AT, Reason.NUMBER_ERROR)]
    assert (
        push(kind, *rows)
        == (
            f'{{"type":"{kind}","cnt":2,"array":['
            f'["48d5112288668ebb049dbb9034402910","{who}","2023-04-11T16:50:01+08:00",1,"success","{BATCH}"],'
            f'["c11d34242000e541f63fbdef3e36b1db","{who}","2023-04-11T16:50:01+08:00",-9,"{text}","{BATCH}"]]}}'
        ).encode()
    )


def test_uplink_push() -> None:
    """The page's four fields first, ours behind them."""
    made = uplink_body("614040000000", "614899000000", "I want it", 1680278400)
    assert made.startswith(compact(UPLINK_PUSH).removesuffix(b"}"))
    assert set(json.loads(made)) - set(json.loads(UPLINK_PUSH)) == {"userNumber", "serviceNumber", "messageId"}


def test_mms(bed: Bed, door: Door) -> None:
    """The page's example shows a batch number alone; its table, as that of voice and email, lists pairs in `array`."""
    target = URL.format(**bed.customer().sign()).replace("sendbatchsms", "mssSend")
    body = '{"content":"helloworld","numbers":"13611111111,13722222222","codeId":"10007","title":"hello"}'
    reply = mask(door.call("POST", target, body, PAGE_HEADERS))
    assert re.sub(rb'"[0-9a-f]{32}"', b'"#id"', reply) == (
        b'{"status":0,"message":"Submit success","data":{"success":2,"fail":0,"batchNo":"#batch","array":['
        b'["6213611111111","#id"],["6213722222222","#id"]],"failData":[]}}'
    )


def test_email(bed: Bed, door: Door) -> None:
    """The page's example, and the reply that its table describes; our batchNo and failData stand beside its fields."""
    target = URL.format(**bed.customer().sign()).replace("sms/sendbatchsms", "email/sendEmail")
    body = '{"emails":"xxx@163.com","from":"xxxxx","theme":"xxxxx","content":"xxxxx"}'
    reply = mask(door.call("POST", target, body, PAGE_HEADERS))
    assert re.sub(rb'"[0-9a-f]{32}"', b'"#id"', reply) == (
        b'{"status":0,"message":"Submit success","data":{"success":1,"fail":0,"batchNo":"#batch","array":['
        b'["xxx@163.com","#id"]],"failData":[]}}'
    )


def test_email_with_names_of_recipients(bed: Bed, door: Door) -> None:
    """As the table writes `emails` and `placeholders`: JSON text inside of a string."""
    emails = (
        '[{"to":"xxx@163.com","placeholders":{"name":"tom"}},{"to":"xxx@163.com","placeholders":{"name":"yan"}},'
        '{"to":"yyy@163.com","placeholders":{"name":"yan"}}]'
    )
    fields = {"emails": emails, "from": "x", "theme": "{name}", "content": "{name}", "placeholders": '{"name":"lris"}'}
    reply = door.post(bed.customer(), fields, path="/api/v1/email/sendEmail")
    assert re.sub(rb'"[0-9a-f]{32}"', b'"#id"', mask(reply)) == (
        b'{"status":0,"message":"Submit success","data":{"success":2,"fail":1,"batchNo":"#batch","array":['
        b'["xxx@163.com","#id"],["yyy@163.com","#id"]],"failData":['
        b'{"email":"xxx@163.com","messageId":"#id","status":-9,"message":"Number abnormal: duplicate"}]}}'
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"emails": ""}, (-9, "Recipient is empty")),
        ({"emails": "x@163.com"}, (-4, "Email subject is empty")),
        ({"emails": "x@163.com", "theme": "x"}, (-5, "SMS content is empty")),
    ],
)
def test_email_errors(bed: Bed, door: Door, body: dict[str, str], expected: tuple[int, str]) -> None:
    """In the words of email's own status table."""
    assert door.post(bed.bystander, body, path="/api/v1/email/sendEmail").body == error(*expected)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (
            "notice",
            '{"content":"helloworld","numbers":"13611111111,13722222222","codeId":"10007"}',
            b'{"success":2,"fail":0,"barchNo":"#batch","batchNo":"#batch","array":[["6213611111111","#id"],["6213722222222","#id"]],',
        ),
        (
            "otp",
            '{"content":"test","numbers":"15012345678","codeId":"10001"}',
            b'{"success":1,"fail":0,"batchNo":"#batch","array":[["8615012345678","#id"]],',
        ),
    ],
)
def test_voice(bed: Bed, door: Door, path: str, body: str, expected: bytes) -> None:
    target = URL.format(**bed.customer().sign()).replace("sms/sendbatchsms", f"vos/{path}")
    reply = mask(door.call("POST", target, body, PAGE_HEADERS))
    whole = b'{"status":0,"message":"Submit success","data":%b"failData":[]}}' % expected
    assert re.sub(rb'"[0-9a-f]{32}"', b'"#id"', reply) == whole
