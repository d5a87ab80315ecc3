"""Each parameter of each send against each status that it can bring, as the page and the contract say; one table."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.doors.api import CHINA, SEND, Bed, Door
from tests.poll import until_sync
from tocsin import compliance
from tocsin.content import Status

WORD = "quuxable"
LISTED = "6281270009001"
LISTED_TOO = "blocked@x.com"


class Product(NamedTuple):
    """A send: its path, a good request, the parameters that the page lists beside the sign's three."""

    path: str
    good: dict[str, Any]
    parameters: str


NUMBER = {"numbers": "81234567801", "content": "hello", "codeId": "10007"}
PRODUCTS = {
    "sms": Product(
        SEND, NUMBER | {"action": "NOTIFICATION"},
        "numbers content codeId action senderId routing templateId templateParams",
    ),
    "mms": Product(
        "/api/v1/sms/mssSend", NUMBER | {"title": "hi"},
        "numbers content codeId title attachment senderId routing templateId templateParams",
    ),
    "notice": Product(
        "/api/v1/vos/notice", NUMBER, "numbers content codeId showPhone routing templateId templateParams"
    ),
    "otp": Product("/api/v1/vos/otp", NUMBER, "numbers content codeId showPhone routing templateId templateParams"),
    "email": Product(
        "/api/v1/email/sendEmail", {"emails": "tom@x.com", "from": "acme", "theme": "hi", "content": "hello"},
        "from emails theme content attachment placeholders templateId routing",
    ),
}  # fmt: skip
PDF = base64.b64encode(b"%PDF-1.7 " + b"x" * 99).decode()
WAV = base64.b64encode(
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0"
).decode()

NUMBERED = "sms mms notice otp"

# parameter, value (None: absent), status, products ("" : all of them). A template is named by its word in the bed.
TABLE: list[tuple[str, Any, int, str]] = [
    ("account", None, -1, ""),
    ("account", "nobody", -1, ""),
    ("sign", None, -1, ""),
    ("sign", "0" * 32, -1, ""),
    ("datetime", None, -1, ""),
    ("datetime", "yesterday", -1, ""),
    ("datetime", "1628769561", -1, ""),
    ("numbers", None, -8, NUMBERED),
    ("numbers", " , ", -8, NUMBERED),
    ("numbers", "1," * 50_001, -7, "sms"),
    ("numbers", "1," * 10_001, -7, "mms notice"),
    ("numbers", "81234567801,81234567802", -7, "otp"),
    ("numbers", "81234567801,81234567802", 0, "sms mms notice"),
    ("numbers", "123", -9, NUMBERED),
    ("numbers", "+622150996000", -9, "sms mms"),
    ("numbers", "+622150996000", 0, "notice otp"),
    ("numbers", "+8613800138000", 4, NUMBERED),
    ("numbers", LISTED, 5, NUMBERED),
    ("codeId", None, -18, NUMBERED),
    ("codeId", "0", -19, NUMBERED),
    ("codeId", "Indonesia", -19, NUMBERED),
    ("codeId", 10007, 0, NUMBERED),
    ("codeId", CHINA, -6, "sms mms"),
    ("content", None, -4, NUMBERED),
    ("content", " \n\t", -4, NUMBERED),
    ("content", "x" * 1025, -5, NUMBERED),
    ("content", "x" * 1024, 0, "mms notice otp"),
    ("content", f"say {WORD}", -3, NUMBERED),
    ("content", "a\0b", -12, NUMBERED),
    ("action", None, -12, "sms"),
    ("action", "SPAM", -12, "sms"),
    ("action", "verify", 0, "sms"),
    ("title", None, -12, "mms"),
    ("title", "x" * 129, -12, "mms"),
    ("title", WORD, -3, "mms"),
    ("title", "x" * 128, 0, "mms"),
    ("attachment", "nonsense!", -12, "mms"),
    ("attachment", [PDF], -12, "mms"),
    ("attachment", [WAV], 0, "mms"),
    ("senderId", "STRANGER", -12, "sms mms"),
    ("senderId", "", 0, "sms mms"),
    ("showPhone", "622150996000", -12, "notice otp"),
    ("showPhone", "", 0, "notice otp"),
    ("routing", "sandbox", 3, NUMBERED),
    ("routing", "", 0, ""),
    ("templateId", "2147483647", -17, ""),
    ("templateId", "first", -17, ""),
    ("templateId", "", 0, ""),
    ("templateParams", ["too", "many", "values"], -6, NUMBERED),
    ("templateParams", "{", -12, NUMBERED),
    ("templateParams", "", 0, NUMBERED),
    ("emails", None, -9, "email"),
    ("emails", " , ", -9, "email"),
    ("emails", "nobody", -9, "email"),
    ("emails", "a@x.com," * 10_001, -7, "email"),
    ("emails", "[{", -12, "email"),
    ("emails", LISTED_TOO, 5, "email"),
    ("emails", '[{"to":"tom@x.com","placeholders":{"name":"tom"}}]', 0, "email"),
    ("emails", [{"to": "tom@x.com", "placeholders": {"name": "tom"}}], 0, "email"),
    ("from", None, -12, "email"),
    ("from", "a\nb", -12, "email"),
    ("from", "x" * 128, 0, "email"),
    ("theme", None, -4, "email"),
    ("theme", " ", -4, "email"),
    ("theme", "a\r\nBcc: b@x.com", -12, "email"),
    ("theme", WORD, -12, "email"),
    ("content", None, -5, "email"),
    ("content", "a\0b", -12, "email"),
    ("content", f"say {WORD}", -12, "email"),
    ("content", "x" * 100_000, 0, "email"),
    ("attachment", "nonsense!", -12, "email"),
    ("attachment", [PDF], 0, "email"),
    ("placeholders", "{", -12, "email"),
    ("placeholders", '{"name":"lris"}', 0, "email"),
    ("placeholders", {"name": "lris"}, 0, "email"),
    ("placeholders", "", 0, "email"),
    ("templateId", "mail", -6, "email"),
    ("routing", "sandbox", -14, "email"),
    ("sendTime", "tomorrow", -11, ""),
    ("sendTime", "2020-01-01 00:00:00", -16, ""),
    ("sendTime", "AHEAD", 0, ""),
    ("timeZone", "UTC+99", -11, ""),
    ("timeZone", "Asia/Kathmandu", 0, ""),
]
CASES = [
    pytest.param(product, parameter, value, status, id=f"{product}-{parameter}-{status}-{place}")
    for place, (parameter, value, status, products) in enumerate(TABLE)
    for product in PRODUCTS
    if not products or product in products.split()
]
WITHOUT_PARAMETER = {-2: "abroad", -10: "empty", -13: "locked"}
"""Status -> the account that gets it whatever it sends."""
ELSEWHERE = {
    -14: "tests/doors/test_reports.py: of queries",
    -15: "tests/doors/test_api_entry.py, test_screen.py: of frequency and caps",
}

NOT_OF_EMAIL = {4, -8, -18, -19, 3, -3}
"""It has no numbers and no countries; no route and no sending domain: tests/doors/test_email.py."""


@pytest.fixture(scope="module")
def guarded(bed: Bed, door: Door) -> Iterator[None]:
    """A word and a number that nobody may send (to), for as long as this module runs."""
    compliance.add_word(bed.conn, WORD)
    compliance.add_listed(bed.conn, compliance.EVERYBODY, LISTED_TOO)
    compliance.add_listed(bed.conn, compliance.EVERYBODY, LISTED)
    for change in ({"content": WORD}, {"numbers": LISTED}):
        until_sync(lambda change=change: door.send(bed.customer(), **change).status != 0)  # type: ignore[misc]
    yield
    bed.conn.execute("DELETE FROM sensitive_word")
    bed.conn.execute("DELETE FROM blacklist")
    for change in ({"content": WORD}, {"numbers": LISTED}):
        until_sync(lambda change=change: door.send(bed.customer(), **change).status == 0)  # type: ignore[misc]


def build(bed: Bed, product: Product, parameter: str, value: Any) -> dict[str, Any]:
    """The good request with one parameter changed."""
    fields = dict(product.good)
    if parameter == "templateParams":  # it counts beside a template alone
        kind = {"/api/v1/sms/mssSend": "mms", SEND: "code"}.get(product.path, "voice")
        fields["templateId"] = bed.templates[kind] if value else ""
    if parameter == "templateId" and value in bed.templates:
        value = bed.templates[value]
    if parameter == "timeZone":
        fields["sendTime"] = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 2 * 86400))
    fields[parameter] = str(int(time.time()) + 3600) if value == "AHEAD" else value
    return {name: each for name, each in fields.items() if each is not None}


@pytest.mark.parametrize(("name", "parameter", "value", "status"), CASES)
@pytest.mark.usefixtures("guarded")
def test_status(bed: Bed, door: Door, name: str, parameter: str, value: Any, status: int) -> None:
    product, customer = PRODUCTS[name], bed.customer()
    if parameter in {"account", "sign", "datetime"}:
        query = {name: each for name, each in (customer.sign() | {parameter: value}).items() if each is not None}
        target = "&".join(f"{name}={each}" for name, each in query.items())
        reply = door.call("POST", f"{product.path}?{target}", "{}", {"Content-Type": "application/json"})
    else:
        reply = door.post(customer, build(bed, product, parameter, value), path=product.path)
    assert (reply.http, reply.status) == (200, status), reply.body[:300]
    said = reply.json
    assert ("data" in said) == (status == 0 or (status in {-9, 4, 5} and _has_rows(parameter, value)))
    assert ("msg" in said) == (status != 0)


def _has_rows(parameter: str, value: Any) -> bool:
    return parameter in {"numbers", "emails"} and bool(value) and value != " , "


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("status", WITHOUT_PARAMETER)
def test_status_of_an_account(bed: Bed, door: Door, name: str, status: int) -> None:
    word = WITHOUT_PARAMETER[status]
    customer = bed.empty if word == "empty" else bed.special(word)
    product = PRODUCTS[name]
    assert door.post(customer, product.good, path=product.path).status == status


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_table_is_whole(name: str) -> None:
    """Every parameter of the page is there with a refusal and, but for those of the sign, a success; and every status."""
    mine = [row for row in TABLE if not row[3] or name in row[3].split()]
    for parameter in PRODUCTS[name].parameters.split():
        statuses = {status for each, _, status, _ in mine if each == parameter}
        assert statuses - {0}, parameter
        assert 0 in statuses or parameter in PRODUCTS[name].good, parameter
    shown = {status for _, _, status, _ in mine} | set(WITHOUT_PARAMETER) | set(ELSEWHERE)
    of_requests = {int(status) for status in Status if int(status) not in {1, 2}}
    if name == "email":
        of_requests -= NOT_OF_EMAIL
    assert of_requests - shown == set()
