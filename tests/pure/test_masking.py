"""What of a refused request is shown: its start, without signs, keys and codes."""

from __future__ import annotations

import pytest

from tocsin.api.masking import KEPT, MASK, mask, show_request


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
    shown = mask(text)
    assert [word for word in kept if word not in shown] == []
    assert [word for word in gone if word in shown] == []
    assert MASK in shown


def test_the_url_without_what_signs_and_the_start_of_the_body() -> None:
    query = {"account": "a", "sign": "s3cret", "datetime": "1", "senderId": "ACME"}
    shown = show_request(query, b"x" * 3000)
    assert shown.startswith("senderId=ACME\nxxx")
    assert shown.endswith("x…")
    assert len(shown) == KEPT + 1
    assert "s3cret" not in shown


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert "\x00" not in show_request({"a": "\udcff"}, b"\x00\xff\r\n\x1b[31m")
    assert show_request({}, b"") == ""
