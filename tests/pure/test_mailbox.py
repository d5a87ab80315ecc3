"""Recipients of an email: the three forms, and addresses against email-validator."""

from __future__ import annotations

import json

import email_validator
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.content import (
    Recipient,
    RecipientsError,
    RecipientsReason,
    check_address,
    read_recipients,
)
from tocsin.content.mailbox import check_rare_address

TOM, YAN = Recipient("xxx@163.com", {"name": "tom"}), Recipient("xxx@163.com", {"name": "yan"})
OF_THE_PAGE = '[{"to":"xxx@163.com","placeholders":{"name":"tom"}},{"to":"xxx@163.com","placeholders":{"name":"yan"}}]'


def addresses(value: object) -> list[str]:
    return [recipient.to for recipient in read_recipients(value, 10_000)]


def test_the_forms_of_the_page() -> None:
    assert addresses("xxx@163.com") == ["xxx@163.com"]
    assert addresses("xxx@163.com,xxx@163.com") == ["xxx@163.com"] * 2
    assert read_recipients(OF_THE_PAGE, 10_000) == [TOM, YAN]
    assert read_recipients(json.loads(OF_THE_PAGE), 10_000) == [TOM, YAN]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@x.com，b@x.com；c@x.com;d@x.com\r\ne@x.com\tf@x.com", [f"{c}@x.com" for c in "abcdef"]),
        (" a@x.com , ,, b@x.com,", ["a@x.com", "b@x.com"]),
        ("a@x.com b@x.com", ["a@x.com", "b@x.com"]),
        ("a@x.com b", ["a@x.com b"]),
        ("Tom <tom@x.com>, yan@x.com", ["Tom <tom@x.com>", "yan@x.com"]),
        ('"Doe, Tom" <tom@x.com>,yan@x.com', ['"Doe Tom" <tom@x.com>', "yan@x.com"]),
        ('"Doe, Tom <tom@x.com>,yan@x.com', ['"Doe', "Tom <tom@x.com>", "yan@x.com"]),
        (["a@x.com", None, "b@x.com,c@x.com", {"to": " d@x.com "}], [f"{c}@x.com" for c in "abcd"]),
        ('\ufeff [ "a@x.com" ]', ["a@x.com"]),
        ('{"to":"a@x.com"}', ["a@x.com"]),
        ({"to": "a@x.com"}, ["a@x.com"]),
        ([{"to": "a@x.com", "placeholders": None}, {"to": ""}], ["a@x.com"]),
        ("not an address", ["not an address"]),
    ],
)
def test_mentions(value: object, expected: list[str]) -> None:
    assert addresses(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, RecipientsReason.EMPTY),
        ("", RecipientsReason.EMPTY),
        (" , ;\n", RecipientsReason.EMPTY),
        ([], RecipientsReason.EMPTY),
        ("[]", RecipientsReason.EMPTY),
        ([{"to": " "}], RecipientsReason.EMPTY),
        ("[", RecipientsReason.UNREADABLE),
        ('[{"to":"a@x.com"}', RecipientsReason.UNREADABLE),
        ("{}", RecipientsReason.UNREADABLE),
        ([{}], RecipientsReason.UNREADABLE),
        ([{"to": 1}], RecipientsReason.UNREADABLE),
        ([["a@x.com"]], RecipientsReason.UNREADABLE),
        (17, RecipientsReason.UNREADABLE),
        ([{"to": "a@x.com", "placeholders": []}], RecipientsReason.UNREADABLE),
        ([{"to": "a@x.com", "placeholders": {"a": {}}}], RecipientsReason.UNREADABLE),
        ([{"to": "a@x.com", "placeholders": "{"}], RecipientsReason.UNREADABLE),
        ("[" * 100_000, RecipientsReason.UNREADABLE),
        ('["\ud800@x.com"]', RecipientsReason.UNREADABLE),
        ("a@x.com,b@x.com,c@x.com", RecipientsReason.TOO_MANY),
        (["a@x.com"] * 3, RecipientsReason.TOO_MANY),
        ("a@x.com b@x.com c@x.com", RecipientsReason.TOO_MANY),
    ],
)
def test_what_is_refused_says_why(value: object, reason: RecipientsReason) -> None:
    with pytest.raises(RecipientsError) as fault:
        read_recipients(value, 2)
    assert fault.value.reason is reason
    assert str(fault.value)


def test_the_text_of_a_fault_names_the_place() -> None:
    with pytest.raises(RecipientsError, match=r"^emails\[1\]\.placeholders\.a must be a string or a number$"):
        read_recipients([{"to": "a@x.com"}, {"to": "b@x.com", "placeholders": {"a": [1]}}], 2)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("xxx@163.com", "xxx@163.com"),
        (" Tom.Doe+x@Example.COM ", "Tom.Doe+x@example.com"),
        ("Postmaster@x.com", "Postmaster@x.com"),
        ("Tom <Tom@X.com>", "Tom@x.com"),
        ('"Doe, Tom" <tom@x.com>', "tom@x.com"),
        ("汤姆 <tom@x.com>", "tom@x.com"),
        ("<tom@x.com>", "tom@x.com"),
        ("a<b <tom@X.com >", "tom@x.com"),
        ("a@bücher.example.de", "a@xn--bcher-kva.example.de"),
        ("a@中国移动.中国", "a@xn--fiq02ib9d179b.xn--fiqs8s"),
        ("a@xn--bcher-kva.de", "a@xn--bcher-kva.de"),
        ("a@x。com", "a@x.com"),
        ("a@mail.corp.local", "a@mail.corp.local"),
        ("a@load.test", "a@load.test"),
        ("sandbox-open@example.com", "sandbox-open@example.com"),
        ("x" * 65 + "@x.com", "x" * 65 + "@x.com"),
    ],
)
def test_addresses(written: str, address: str) -> None:
    verdict = check_address(written)
    assert (verdict.address, verdict.fault) == (address, None)
    assert verdict.key == address.lower()


@pytest.mark.parametrize(
    "written",
    [
        "", " ", "tom", "@x.com", "tom@", "tom@x", "tom@localhost", "a@b@x.com", ".a@x.com", "a.@x.com", "a..b@x.com",
        "a@x..com", "a@.x.com", "a@x.com.", "a@-x.com", "a@x-.com", "a@x_y.com", "a@ab--c.com", "a@x.1",
        "a@x.invalid", "a@x.onion", "a@[127.0.0.1]", '"a b"@x.com', "汤姆@x.com", "a b@x.com", "a@x.com\0", "a\n@x.com",
        "Tom <tom@x.com", "tom@x.com>x", "<>", "Tom <>", ">", "Tom <<tom@x.com>>", "a@" + "x" * 64 + ".com", "a" * 250
        + "@x.com", "a@xn--0.com", "\ud800@x.com", "a@\ud800.com", "x" * 100_000, "a@" + "1." * 50_000,
        "a@１.com\u202e",
    ],
)  # fmt: skip
def test_what_is_no_address(written: str) -> None:
    verdict = check_address(written)
    assert verdict.fault
    assert len(verdict.address) <= 64
    verdict.address.encode()
    assert "\0" not in verdict.address


_ATOMS = "aZ09.-_+'!#/=?{|}~`^*&%$"
_DOMAINS = "aZ09.-xn"
near_addresses = st.one_of(
    st.builds(
        "{}@{}.{}".format, st.text(_ATOMS, min_size=1), st.text(_DOMAINS, min_size=1), st.text(_DOMAINS, min_size=1)
    ),
    st.builds(
        "{}@{}.{}".format,
        st.text("ab.", min_size=1, max_size=260),
        st.text("ab-", min_size=1, max_size=70),
        st.sampled_from(
            [
                "com",
                "test",
                "LOCAL",
                "invalid",
                "Arpa",
                "onion",
                "localhost",
                "c",
                "c1",
                "1c",
                "co-m",
                "xn--p1ai",
                "0---z",
            ]
        ),
    ),
    st.from_regex(r"[a-z.]{1,9}@([a-z0-9-]{1,5}\.){1,4}[a-z0-9-]{1,4}", fullmatch=True),
    st.builds("{}@{}".format, st.text(max_size=8), st.text(max_size=8)),
    st.emails(),
    st.text(),
)


@settings(max_examples=300)
@given(near_addresses)
def test_the_short_way_says_what_the_library_says(text: str) -> None:
    bare = text.strip()
    if not bare.endswith(">"):  # the library asks for more of a name than that there is one
        assert check_address(text) == check_rare_address(bare)


@given(near_addresses)
def test_the_verdicts_are_the_librarys(text: str) -> None:
    verdict = check_rare_address(text)
    try:
        found = email_validator.validate_email(text, allow_smtputf8=False, check_deliverability=False)
    except email_validator.EmailNotValidError:
        assert verdict.fault
    else:
        assert verdict.fault is None
        assert found.ascii_email is not None
        assert verdict.address.rpartition("@")[2] == found.ascii_domain
        assert verdict.key == found.ascii_email.lower()


@given(near_addresses)
def test_a_normal_form_stays(text: str) -> None:
    verdict = check_address(text)
    if verdict.fault is None:
        assert check_address(verdict.address) == verdict


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["to", "placeholders", "x"]), inner),
)


@given(any_json)
def test_no_value_is_a_bug(value: object) -> None:
    try:
        recipients = read_recipients(value, 3)
    except RecipientsError:
        return
    assert 0 < len(recipients) <= 3
    assert all(recipient.to == recipient.to.strip() != "" for recipient in recipients)
