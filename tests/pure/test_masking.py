"""What of a refused request is shown: its start, without signs, keys and codes."""

from __future__ import annotations

import pytest

from tocsin.api.masking import KEPT, MASK, mask, show_request
from tocsin.content import hide_codes

SMS, OTP, EMAIL = "/api/v1/sms/sendbatchsms", "/api/v1/vos/otp", "/api/v1/email/sendEmail"


@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        (
            '{"numbers":"81234567801","content":"Your code is 482913","codeId":10007}',
            ["81234567801", "10007"],
            ["482913"],
        ),
        (
            '{"sign" : "0123456789abcdef","apiKey":"k\\"ey1","password":"pw1"}',
            ['"sign"'],
            ["0123456789abcdef", "ey1", "pw1"],
        ),
        ('{"templateId":7,"templateParams":["482913","Ann"]}', ['"templateId":7'], ["482913", "Ann"]),
        ('{"templateParams":{"1":"482913"}', ["templateParams"], ["482913"]),
        ('{"code":482913,"codeId":10007}', ["10007"], ["482913"]),
        ('{"content":"cut off 482913', ["cut off"], ["482913"]),
        ('{"key":"cut off', ['"key"'], ["cut off"]),
        ("numbers=81234567801&content=code+482913&sign=abc&codeId=10007", ["81234567801", "10007"], ["482913", "abc"]),
        (
            '{"numbers":"81234567801","content":"Your code AB12-CD, a1b2c3 or 482 913; 12-34-56","action":"NOTIFICATION"}',
            ["81234567801", "Your code", "NOTIFICATION"],
            ["AB12", "CD,", "a1b2c3", "482", "913", "-34"],
        ),
        ("content=验证码AB12CD，请勿泄露", ["验证码", "请勿泄露"], ["AB12CD"]),
        ('{"theme":"Code 9X8Y7Z","title":"pin 1234"}', ["Code", "pin"], ["9X8Y7Z", "1234"]),
        ('{"emails":[{"to":"a@x.com","placeholders":{"code":"QWERTZ"}}]}', ["a@x.com"], ["QWERTZ"]),
        (r'{"emails":"[{\"to\":\"a@x.com\",\"placeholders\":{\"c\":\"QWERTZ\"}}]"}', ["a@x.com"], ["QWERTZ"]),
        ("emails=%5B%7B%22placeholders%22%3A%7B%22c%22%3A%22QWERTZ%22%7D%7D%5D&theme=hi", ["theme=hi"], ["QWERTZ"]),
        ("code=482913\ncontent=pin 1234", ["content=pin"], ["482913", "1234"]),
        (
            (
                '--b\nContent-Disposition: form-data; name="sign"\n\nabcdef\n'
                '--b\nContent-Disposition: form-data; name="content"\n\npin 1234\n'
            ),
            ['name="sign"', "pin"],
            ["abcdef", "1234"],
        ),
    ],
)
def test_secrets_and_codes_are_masked(text: str, kept: list[str], gone: list[str]) -> None:
    shown = mask(text, plain=True)
    assert [word for word in kept if word not in shown] == []
    assert [word for word in gone if word in shown] == []
    assert MASK in shown


def test_the_url_without_what_signs_and_the_start_of_the_body() -> None:
    query = {"account": "a", "sign": "s3cret", "datetime": "1", "senderId": "ACME"}
    shown = show_request(query, b"x" * 3000, SMS)
    assert shown.startswith("senderId=ACME\nxxx")
    assert shown.endswith("x…")
    assert len(shown) == KEPT + 1
    assert "s3cret" not in shown


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert "\x00" not in show_request({"a": "\udcff"}, b"\x00\xff\r\n\x1b[31m", SMS)
    assert show_request({}, b"", SMS) == ""


@pytest.mark.parametrize(
    ("path", "query", "body", "plain"),
    [
        (SMS, {}, b'{"content":"Use QWERTZ","action":"NOTIFICATION"}', True),
        (SMS, {}, b'{"content":"Use QWERTZ","action" : "marketing"}', True),
        (SMS, {"action": "Marketing", "content": "Use QWERTZ"}, b"", True),
        (SMS, {}, b"content=Use+QWERTZ&action=notification", True),
        (SMS, {}, (b'--b\r\nContent-Disposition: form-data; name="action"\r\n\r\nMARKETING\r\n--b\r\nContent-Disposition:'
         b' form-data; name="content"\r\n\r\nUse QWERTZ\r\n'), True),
        (EMAIL, {}, b'{"content":"Use QWERTZ"}', True),
        (SMS, {}, b'{"content":"Use QWERTZ","action":"VERIFY"}', False),
        (SMS, {}, b'{"content":"Use QWERTZ","action":"verify "}', False),
        (SMS, {"action": "NOTIFICATION"}, b'{"content":"Use QWERTZ","action":"VERIFY"}', False),
        (SMS, {"action": "VERIFY", "content": "Use QWERTZ"}, b"", False),
        (SMS, {}, b"content=Use+QWERTZ&action=VERIFY", False),
        (SMS, {}, b'{"content":"Use QWERTZ"}', False),
        (SMS, {}, b'{"content":"Use QWERTZ","numbers":"' + b"81234567801," * 200 + b'","action":"MARKETING"}', False),
        (OTP, {}, b'{"content":"Use QWERTZ","action":"NOTIFICATION","numbers":"1"}', False),
    ],
)  # fmt: skip
def test_a_text_is_shown_only_where_it_is_certainly_no_verification(
    path: str, query: dict[str, str], body: bytes, plain: bool
) -> None:
    shown = show_request(query, body, path)
    assert ("QWERTZ" in shown) is plain
    assert "content" in shown


def test_codes_are_masked_in_a_body_that_has_no_fields() -> None:
    assert show_request({}, b"{'content': 'Your code is AB12-CD'}", SMS) == f"{{'content': 'Your code is {MASK}'}}"


def test_tokens_of_links_are_masked_and_work_grows_as_the_text_does() -> None:
    assert hide_codes("see https://a.example/r?t=Zk3f" + "Q" * 100 + " now", "*") == "see https://a.example/r?t=* now"
    assert hide_codes("a-" * 500_000, "*") == "a-" * 500_000
    assert hide_codes("a1b2" * 250_000, "*") == "*"
