"""The way in: registering, logging in, a new password; the mails that go out, and what holds back who tries too often."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doors.console import change, log_in, read

PASSWORD = "correct horse battery"
WRONG = {
    "en": ("The email address and/or password you specified are not correct", "Too many failed login attempts"),
    "zh-hans": ("密码不正确", "登录失败次数过多"),
}
REGISTERED = {"en": "registered with Tocsin already", "zh-hans": "已注册过 Tocsin"}
ALL_MAILS = [
    "account_already_exists",
    "email_changed",
    "email_confirm",
    "email_confirmation",
    "email_confirmation_signup",
    "email_deleted",
    "login_code",
    "password_changed",
    "password_reset",
    "password_reset_code",
    "password_set",
    "unknown_account",
]


@pytest.fixture(autouse=True)
def calm(project: str) -> Iterator[None]:
    """No test inherits the counts of another."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


def visit(language: str = "en") -> Any:
    from django.test import Client

    client = Client()
    client.cookies["tocsin_language"] = language
    return client


def read_mail(address: str) -> tuple[str, str]:
    """Subject and text of the newest one to the address; "" and "" without one."""
    from tocsin.schema.models import LocalMail

    mail = LocalMail.objects.filter(to=address).order_by("-id").first()
    return (mail.subject, mail.body) if mail else ("", "")


def find_code(text: str) -> str:
    code = re.search(r"^ +([A-Z0-9]{3,6}-?[A-Z0-9]{3,6})$", text, re.MULTILINE)
    assert code, text
    return code[1]


def make_address() -> str:
    return f"e-{secrets.token_hex(4)}@example.com"


def make_user(address: str) -> Any:
    """One whose address is confirmed."""
    from allauth.account.models import EmailAddress

    from tocsin.schema.models import User

    user = User.objects.create_user(address, PASSWORD)
    EmailAddress.objects.create(user=user, email=address, verified=True, primary=True)
    return user


def try_in(client: Any, address: str, password: str) -> Any:
    return client.post("/user/login/", {"login": address, "password": password})


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_code_is_mailed_in_the_visitors_language(project: str, language: str) -> None:
    client, address = visit(language), make_address()
    answer = client.post("/user/signup/", {"email": address, "password1": PASSWORD})
    assert answer["Location"] == "/user/confirm-email/"
    subject, text = read_mail(address)
    assert subject == ("Confirm your address for Tocsin" if language == "en" else "确认您的 Tocsin 邮箱地址")
    assert "15" in text
    assert "testserver" not in text + subject
    page = read(client.post("/user/confirm-email/", {"code": "AAA-AAA"}))
    assert ("Incorrect code" if language == "en" else "验证码不正确") in page
    answer = client.post("/user/confirm-email/", {"code": find_code(text)}, follow=True)
    assert answer.redirect_chain[-1][0] == "/quick-start/"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_who_is_registered_already_gets_a_mail_that_says_so_and_the_page_tells_nobody(
    project: str, language: str
) -> None:
    client, address = visit(language), make_address()
    make_user(address)
    answer = client.post("/user/signup/", {"email": address.upper(), "password1": PASSWORD})
    assert answer["Location"] == "/user/confirm-email/", "as for everybody"
    subject, text = read_mail(address)
    assert REGISTERED[language] in subject
    assert "http" not in text, "no address but the one that the settings name"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_new_password_is_set_with_a_code_and_the_old_one_no_longer_holds(project: str, language: str) -> None:
    client, address = visit(language), make_address()
    make_user(address)
    client.post("/user/password/reset/", {"email": address})
    subject, text = read_mail(address)
    assert subject == ("Reset your Tocsin password" if language == "en" else "重置您的 Tocsin 密码")
    answer = client.post("/user/password/reset/confirm/", {"code": find_code(text)}, follow=True)
    assert answer.redirect_chain[-1][0] == "/user/password/reset/complete/"
    short = client.post("/user/password/reset/complete/", {"password1": "short", "password2": "short"})
    assert ("too short" if language == "en" else "密码太短，至少需要 8 个字符") in read(short)
    new = "another horse battery"
    client.post("/user/password/reset/complete/", {"password1": new, "password2": new})
    assert try_in(visit(), address, PASSWORD).status_code == 200, "refused"
    assert try_in(visit(), address, new)["Location"] == "/"


def test_whose_address_is_not_known_gets_no_mail_and_no_other_page(project: str) -> None:
    from tocsin.schema.models import LocalMail

    before, address = LocalMail.objects.count(), make_address()
    answer = visit().post("/user/password/reset/", {"email": address})
    assert answer["Location"] == "/user/password/reset/confirm/"
    assert (LocalMail.objects.count(), read_mail(address)) == (before, ("", ""))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_sixth_wrong_password_is_refused_and_so_is_the_right_one(project: str, language: str) -> None:
    address = make_address()
    make_user(address)
    wrong, too_many = WRONG[language]
    for _turn in range(5):
        page = read(try_in(visit(language), address, "wrong"))
        assert wrong in page
        assert too_many not in page
    assert too_many in read(try_in(visit(language), address, "wrong"))
    assert too_many in read(try_in(visit(language), address, PASSWORD))
    other = make_address()
    make_user(other)
    assert try_in(visit(language), other, PASSWORD).status_code == 302, "others are let in"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_who_registers_too_often_is_told_to_wait(project: str, language: str) -> None:
    bad = {"email": "no address", "password1": "x"}
    for _turn in range(20):
        assert visit(language).post("/user/signup/", bad).status_code == 200
    answer = visit(language).post("/user/signup/", bad)
    assert answer.status_code == 429
    assert ("Too many tries" if language == "en" else "尝试次数过多") in read(answer)
    assert 'href="/user/signup/"' in read(answer)


def test_what_was_typed_stays_but_no_password(project: str) -> None:
    address = make_address()
    page = read(visit().post("/user/signup/", {"email": address, "password1": "12345678"}))
    assert f'value="{address}"' in page
    assert "too common" in page
    assert "12345678" not in page
    page = read(try_in(visit(), address, "a wrong one"))
    assert f'value="{address}"' in page
    assert "a wrong one" not in page


def test_where_the_mail_server_does_not_answer_the_visitor_is_told(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
    monkeypatch.setattr(settings, "EMAIL_HOST", "127.0.0.1")
    monkeypatch.setattr(settings, "EMAIL_PORT", 1)
    answer = visit().post("/user/signup/", {"email": make_address(), "password1": PASSWORD}, follow=True)
    assert "The mail could not be sent" in read(answer)
    assert 'name="code"' in read(answer), "he may ask for another one"


def test_a_changed_password_is_told_by_mail_from_where(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings, "ACCOUNT_EMAIL_NOTIFICATIONS", True, raising=False)
    change(monkeypatch, console_url="https://console.example.net")
    address, new = make_address(), "another horse battery"
    make_user(address)
    client = visit()
    try_in(client, address, PASSWORD)
    client.post(
        "/user/password/change/",
        {"oldpassword": PASSWORD, "password1": new, "password2": new},
        headers={"user-agent": "Firefox of a test"},
    )
    subject, text = read_mail(address)
    assert subject == "Your Tocsin password was changed"
    assert "127.0.0.1" in text
    assert "Firefox of a test" in text
    assert text.endswith("Tocsin\nhttps://console.example.net")


@pytest.mark.parametrize("name", ALL_MAILS)
def test_every_mail_is_ours_in_both_languages(project: str, name: str) -> None:
    from django.template.loader import render_to_string
    from django.utils import timezone, translation

    facts = {
        "code": "ABC-DEF", "minutes": 15, "email": "<ann>@x.y", "from_email": "<a>@x.y", "to_email": "<b>@x.y",
        "deleted_email": "<a>@x.y", "ip": "192.0.2.1", "user_agent": "<Firefox>", "timestamp": timezone.now(),
    }  # fmt: skip
    texts = []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            subject = render_to_string(f"account/email/{name}_subject.txt", facts).strip()
            text = render_to_string(f"account/email/{name}_message.txt", facts).strip()
        assert subject
        assert "\n" not in subject
        assert "&lt;" not in text, "a mail is no page"
        assert text.endswith("Tocsin")
        assert "example" not in text + subject
        texts.append((subject, text))
    assert not re.search(r"[\u4e00-\u9fff]", "".join(texts[0]))
    words = re.findall(r"[A-Za-z]{2,}", "".join(texts[1]))
    assert set(words) <= {"Tocsin", "ABC", "DEF", "ann", "Firefox", "UTC"}, "no mixed mail"


def test_the_outbox_has_the_menu_for_a_member_alone(project: str) -> None:
    client, _ = log_in()
    assert 'id="menu"' in read(client.get("/outbox/"))
    assert 'id="menu"' not in read(visit().get("/outbox/"))


# --- what a stranger can make us write


def test_looks_at_the_passkey_log_in_are_bounded(project: str) -> None:
    """Each makes a session; they are counted by the address, an IPv6 one by its /64, IPv4 in IPv6's dress as IPv4."""
    from django.contrib.sessions.models import Session

    def look(address: str) -> int:
        headers = {"x-requested-with": "XMLHttpRequest"}
        return int(visit().get("/security/factors/webauthn/login/", headers=headers, REMOTE_ADDR=address).status_code)

    before = Session.objects.count()
    assert [look(f"2001:db8::{number:x}") for number in range(62)] == [200] * 60 + [429] * 2
    assert Session.objects.count() == before + 60
    assert look("2001:db8:0:1::1") == 200
    assert [look(f"::ffff:203.0.113.{number}") for number in (1, 2)] == [200, 200]
    assert len([look("::ffff:203.0.113.1") for _ in range(60)]) == 60
    assert [look("203.0.113.1"), look("203.0.113.2")] == [429, 200]


def test_sessions_that_are_over_go_with_the_next_log_in(project: str) -> None:
    from datetime import timedelta

    from django.contrib.sessions.models import Session

    from tocsin.kit import clock

    Session.objects.create(session_key="over", session_data="", expire_date=clock.now() - timedelta(hours=1))
    address = make_address()
    make_user(address)
    try_in(visit(), address, PASSWORD)
    assert not Session.objects.filter(session_key="over").exists()


def test_tries_that_failed_are_bounded_and_log_ins_stay(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.console import signins
    from tocsin.schema.models import SignIn

    monkeypatch.setattr(signins, "MAX_FAILED", 2)
    address = make_address()
    user = make_user(address)
    for password in (PASSWORD, "1", "2", "3", "4"):
        try_in(visit(), address, password)
    found = SignIn.objects.filter(user=user)
    assert (found.filter(failed="").count(), found.exclude(failed="").count()) == (1, 2)


def test_counts_of_many_strangers_push_no_limit_out(project: str) -> None:
    """Django's own bound of the cache is 300, and who has more addresses than that would be counted anew."""
    from django.core.cache import cache

    address = make_address()
    make_user(address)
    for _ in range(5):
        try_in(visit(), address, "wrong")
    for number in range(400):
        cache.set(f"stranger-{number}", [1.0], 300)
    assert WRONG["en"][1] in read(try_in(visit(), address, PASSWORD))
