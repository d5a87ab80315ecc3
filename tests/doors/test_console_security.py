"""Security of a user: second factors sealed, codes throttled, log-ins written down, sessions ended, preferences."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.doors.console import change, log_in, read
from tocsin.kit import clock

PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def verify(user: Any) -> Any:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def enter(address: str, password: str = PASSWORD, visitor: str = "127.0.0.1") -> tuple[Any, Any]:
    """Log in by the form; the client and the answer."""
    from django.test import Client

    client = Client(HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR=visitor)
    return client, client.post("/user/login/", {"login": address, "password": password})


def confirm(client: Any) -> None:
    """Type the password again, as changes of factors ask."""
    client.post("/user/reauthenticate/", {"password": PASSWORD})


def set_up_totp(client: Any) -> str:
    """Turn the authenticator app on; its secret."""
    confirm(client)
    found = re.search(
        r'id="authenticator_secret" value="([A-Z2-7]+)"', read(client.get("/security/factors/totp/activate/"))
    )
    assert found
    assert client.post("/security/factors/totp/activate/", {"code": compute_code(found[1])}).status_code == 302
    return found[1]


def compute_code(secret: str) -> str:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return str(format_hotp_value(hotp_value(secret, int(clock.now_s()) // 30)))


def list_tries(user: Any) -> list[tuple[str, str, str]]:
    from tocsin.schema.models import SignIn

    return list(SignIn.objects.filter(user=user).order_by("id").values_list("way", "second", "failed"))


def test_changes_of_factors_ask_the_password_again(project: str) -> None:
    client, me = log_in()
    verify(me.user)
    for path in ("totp/activate/", "webauthn/add/", "recovery-codes/generate/"):
        assert "/user/reauthenticate/" in client.get(f"/security/factors/{path}")["Location"]
    assert (
        "/user/reauthenticate/" in client.post("/user/email/", {"email": "n@example.com", "action_add": ""})["Location"]
    )
    assert "Incorrect password" in read(client.post("/user/reauthenticate/", {"password": "wrong"}))
    assert list_tries(me.user) == [("password", "", "password")]


def test_an_authenticator_app_from_set_up_to_log_in(project: str) -> None:
    from allauth.mfa.models import Authenticator

    client, me = log_in()
    verify(me.user)
    assert 'id="second-state">Off' in read(client.get("/security/"))
    secret = set_up_totp(client)
    assert secret not in str(Authenticator.objects.get(user=me.user, type="totp").data), "it lies sealed"
    page = read(client.get("/security/factors/recovery-codes/"))
    codes = re.findall(r"\b\d{8}\b", page)
    assert len(codes) == 10
    assert "attachment" in client.get("/security/factors/recovery-codes/download/")["Content-Disposition"]
    assert 'id="second-state">On' in read(client.get("/security/"))
    guest, answer = enter(me.user.email)
    assert answer["Location"] == "/security/factors/authenticate/"
    assert guest.get("/messages/").status_code == 302, "the password alone is not enough"
    assert "Incorrect code" in read(guest.post("/security/factors/authenticate/", {"code": "000000"}))
    assert guest.post("/security/factors/authenticate/", {"code": compute_code(secret)}).status_code in {200, 302}
    if guest.get("/messages/").status_code != 200:  # the set-up has used this half minute's code
        guest.post("/security/factors/authenticate/", {"code": codes[1]})
    assert guest.get("/messages/").status_code == 200
    other, _ = enter(me.user.email)
    other.post("/security/factors/authenticate/", {"code": codes[0]})
    assert other.get("/messages/").status_code == 200, "a recovery code does"
    again, _ = enter(me.user.email)
    again.post("/security/factors/authenticate/", {"code": codes[0]})
    assert again.get("/messages/").status_code == 302, "once"
    assert ("password", "", "second") in list_tries(me.user)
    assert ("password", "recovery_codes", "") in list_tries(me.user)
    confirm(client)
    client.post("/security/factors/totp/deactivate/")
    assert not Authenticator.objects.filter(user=me.user).exists(), "nor recovery codes without a factor"
    _, plain = enter(me.user.email)
    assert plain["Location"] == "/"


def test_the_sixth_wrong_code_is_not_looked_at(project: str) -> None:
    client, me = log_in()
    verify(me.user)
    set_up_totp(client)
    guest, _ = enter(me.user.email)
    words = [read(guest.post("/security/factors/authenticate/", {"code": "000000"})) for _turn in range(6)]
    assert ["Incorrect code" in page for page in words] == [True] * 5 + [False]
    assert "Too many failed" in words[5]
    codes = re.findall(r"\b\d{8}\b", read(client.get("/security/factors/recovery-codes/")))
    guest.post("/security/factors/authenticate/", {"code": codes[0]})
    assert guest.get("/messages/").status_code == 302, "a right one neither"


def test_sealed_second_factors_are_sealed_anew(project: str) -> None:
    import psycopg
    from allauth.mfa.models import Authenticator
    from cryptography.fernet import Fernet

    from tocsin.cli.store import reseal_second_factors
    from tocsin.console.installation import installation
    from tocsin.kit.seal import Seal

    client, me = log_in()
    verify(me.user)
    secret = set_up_totp(client)
    old, new = installation().seal, Seal((Fernet.generate_key().decode(),))
    with psycopg.connect(project) as conn:
        assert reseal_second_factors(conn, lambda text: new.seal(old.open(text))) >= 2
        found = dict(Authenticator.objects.filter(user=me.user).values_list("type", "data"))
        assert old.open(found["totp"]["secret"]) == secret, "not before the commit"
        row = conn.execute(
            "SELECT data->>'secret' FROM mfa_authenticator WHERE type = 'totp' AND user_id = %s", (me.user_id,)
        )
        assert new.open(row.fetchall()[0][0]) == secret
        conn.rollback()


def test_log_ins_are_written_down_and_shown_to_their_user_alone(project: str) -> None:
    from tocsin.schema.models import SignIn

    client, me = log_in()
    verify(me.user)
    other, _ = log_in()
    enter(me.user.email, "wrong", "203.0.113.9")
    _, answer = enter(me.user.email.upper())
    assert answer["Location"] == "/"
    enter("nobody@example.com", "wrong")
    assert list_tries(me.user) == [("password", "", "password"), ("password", "", "")]
    page = read(client.get("/security/"))
    assert "Wrong password" in page
    assert "203.0.113.9" in page
    assert "Firefox on Linux" in page
    assert "wrong" not in str(SignIn.objects.filter(user=me.user).values())
    assert "203.0.113.9" not in read(other.get("/security/"))
    assert "203.0.113.9" not in read(other.get("/security/log-ins/"))


def test_log_ins_have_pages_and_an_end(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.schema.models import SignIn

    client, me = log_in()
    verify(me.user)
    rows = [SignIn(user=me.user, at=clock.now(), address=f"10.0.0.{turn}", way="password") for turn in range(60)]
    SignIn.objects.bulk_create(rows)
    first = read(client.get("/security/log-ins/"))
    assert first.count("<tr>") == 51
    assert "10.0.0.59<" in first
    assert "10.0.0.9<" not in first
    deeper = re.search(r'href="\?before=(\d+)"', first)
    assert deeper
    assert "10.0.0.9<" in read(client.get(f"/security/log-ins/?before={deeper[1]}"))
    assert client.get("/security/log-ins/?before=x").status_code == 200
    SignIn.objects.filter(user=me.user).update(at=clock.now() - timedelta(days=8))
    change(monkeypatch, sign_in_days=9)
    enter(me.user.email)
    assert SignIn.objects.filter(user=me.user).count() == 61
    change(monkeypatch, sign_in_days=7)
    enter(me.user.email)
    assert SignIn.objects.filter(user=me.user).count() == 2


def test_sessions_end_one_by_one_and_all_others(project: str) -> None:
    from allauth.usersessions.models import UserSession

    _, me = log_in()
    verify(me.user)
    clients = [enter(me.user.email)[0] for _turn in range(4)]
    keys = [client.session.session_key for client in clients]
    ids = dict(UserSession.objects.filter(user=me.user).values_list("session_key", "id"))
    stranger, _ = log_in()
    assert stranger.post(f"/security/sessions/{ids[keys[0]]}/end/").status_code == 404
    assert clients[0].get("/messages/").status_code == 200
    clients[1].post(f"/security/sessions/{ids[keys[0]]}/end/")
    assert clients[0].get("/messages/").status_code == 302
    clients[1].post(f"/security/sessions/{ids[keys[1]]}/end/")
    assert clients[1].get("/messages/").status_code == 200, "not the one that one is in"
    clients[1].post("/security/sessions/end/")
    assert [client.get("/messages/").status_code for client in clients] == [302, 200, 302, 302]
    late, _ = enter(me.user.email)
    body = {"oldpassword": PASSWORD, "password1": "another long sentence", "password2": "another long sentence"}
    assert clients[1].post("/user/password/change/", body)["Location"] == "/security/"
    assert late.get("/messages/").status_code == 302, "a new password ends the others"
    assert read(clients[1].get("/security/")).count("this one") == 1
    assert UserSession.objects.filter(user=me.user).count() == 1


def test_the_address_changes_by_a_code_to_the_new_one(project: str) -> None:
    from tocsin.schema.models import LocalMail, User

    _, me = log_in()
    verify(me.user)
    client, _ = enter(me.user.email)
    confirm(client)
    new = f"new-{me.user.email}"
    client.post("/user/email/", {"email": new, "action_add": ""})
    assert User.objects.get(id=me.user_id).email == me.user.email, "not before the code"
    mail = LocalMail.objects.filter(to=new).order_by("-id")[0]
    code = re.search(r"^\s*([A-Z0-9]{3,6}-?[A-Z0-9]{3,6})\s*$", mail.body, re.MULTILINE)
    assert code, mail.body
    client.post("/user/confirm-email/", {"code": code[1]})
    assert User.objects.get(id=me.user_id).email == new
    told = LocalMail.objects.filter(to=me.user.email).order_by("-id")[0]
    assert new in told.body, "the old one is told"


PAGES = [
    "/security/", "/team/", "/preferences/", "/user/email/", "/security/factors/totp/activate/", "/security/factors/webauthn/add/",
    "/security/factors/recovery-codes/generate/", "/user/reauthenticate/", "/user/password/change/",
]  # fmt: skip
LATIN = re.compile(r"[A-Za-z]{3,}(?: [A-Za-z]{2,})+")


@pytest.mark.parametrize("path", PAGES)
def test_a_chinese_page_has_no_english(project: str, path: str) -> None:
    client, me = log_in()
    verify(me.user)
    client.cookies["tocsin_language"] = "zh-hans"
    confirm(client)
    answer = client.get(path)
    assert answer.status_code == 200
    text = read(answer)
    assert len(re.findall(r"<h1", text)) == 1
    assert re.findall(r"<script>|<style|\sstyle=|\son\w+=", text) == []
    body = re.sub(r"<(script|datalist|svg)\b.*?</\1>|<[^>]+>", " ", text[text.index("<body") :], flags=re.DOTALL)
    assert LATIN.findall(body) == []


def test_notices_of_changes_are_in_the_users_language_and_may_fail(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    from tocsin.schema.models import LocalMail

    client, me = log_in()
    verify(me.user)
    client.cookies["tocsin_language"] = "zh-hans"
    secret = set_up_totp(client)
    mails = list(LocalMail.objects.filter(to=me.user.email))
    assert mails
    for mail in mails:
        assert [word for word in LATIN.findall(f"{mail.subject} {mail.body}") if "Mozilla" not in word] == [], mail.body
        assert secret not in mail.body
    confirm(client)
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
    monkeypatch.setattr(settings, "EMAIL_HOST", "127.0.0.1")
    monkeypatch.setattr(settings, "EMAIL_PORT", 9)
    assert client.post("/security/factors/totp/deactivate/").status_code == 302, "what is changed is changed"


def test_preferences_are_kept_and_tell_what_is_wrong(project: str) -> None:
    from tocsin.schema.models import User

    client, me = log_in()
    typed = {"name": "Ada", "language": "zh-hans", "theme": "dark", "zone": "asia/shanghai"}
    answer = client.post("/preferences/", typed)
    assert answer.status_code == 302
    found = User.objects.get(id=me.user_id)
    assert (found.name, found.language, found.theme, found.zone) == ("Ada", "zh-hans", "dark", "Asia/Shanghai")
    page = read(client.get("/preferences/"))
    assert "偏好设置已保存" in page
    assert "Asia/Shanghai" in page
    assert 'data-theme="dark"' in page
    wrong = read(client.post("/preferences/", {**typed, "zone": "Middle/Earth", "name": "x" * 81, "language": "xx"}))
    assert 'value="Middle/Earth"' in wrong, "what was typed stays"
    assert wrong.count("invalid-feedback") == 3
    assert User.objects.get(id=me.user_id).name == "Ada"
    client.post("/preferences/", {"name": "", "language": "", "theme": "", "zone": ""})
    found = User.objects.get(id=me.user_id)
    assert (found.name, found.language, found.theme, found.zone) == ("", "", "", "")
    assert 'lang="en"' in read(client.get("/preferences/")), "the browser's again"


def test_a_sample_of_the_zone_is_shown_while_one_chooses(project: str) -> None:
    client, _ = log_in()
    assert "+05:30" in read(client.get("/preferences/time/?zone=Asia/Kolkata"))
    assert "No time zone" in read(client.get("/preferences/time/?zone=Middle/Earth"))
    client.cookies["tocsin_zone"] = "Asia/Shanghai"
    assert "+08:00" in read(client.get("/preferences/time/?zone="))


@pytest.mark.parametrize(
    ("agent", "browser", "system"),
    [
        (FIREFOX, "Firefox", "Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge",
            "Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari", "iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome", "Android"),
        ("", "", ""),
    ],
)
def test_browsers_in_words(project: str, agent: str, browser: str, system: str) -> None:
    from tocsin.console.browsers import read_agent

    assert read_agent(agent) == (browser, system)
