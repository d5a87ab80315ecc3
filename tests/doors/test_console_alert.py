"""The low-balance alert: one mail for a fall, whoever looks; a note on every page for those whom money concerns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.doors.console import change, log_in, read
from tests.doors.test_console_money import pay


def set_alert(client: Any, threshold: str = "10", addresses: str = "cfo@example.com, ops@example.com") -> Any:
    return client.post("/settings/alert/", {"threshold": threshold, "addresses": addresses})


def mails(me: Any) -> list[Any]:
    from tocsin.schema.models import LocalMail

    return list(LocalMail.objects.filter(subject__contains=me.account.name).order_by("id"))


def look() -> int:
    from django.db import connection

    from tocsin.console import alerts

    try:
        return alerts.tell_falls()
    finally:
        connection.close()


def pass_time(dsn: str, account_id: int) -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "UPDATE balance_alert SET told_at = told_at - interval '11 minutes' WHERE account_id = %s", (account_id,)
        )


def test_one_mail_for_a_fall_and_another_for_the_next(project: str) -> None:
    client, me = log_in("finance")
    pay(project, me.account_id, 12_000_000)
    assert set_alert(client).status_code == 302
    look()
    assert mails(me) == []
    assert 'id="low-balance"' not in read(client.get("/messages/"))
    pay(project, me.account_id, -5_500_000)
    with ThreadPoolExecutor(4) as pool:  # as several consoles
        list(pool.map(lambda _: look(), range(8)))
    (mail,) = mails(me)
    assert mail.to == "cfo@example.com, ops@example.com"
    assert f"Account {me.account.name} has 6.5 USD left to spend" in mail.body
    pass_time(project, me.account_id)
    pay(project, me.account_id, -100_000)
    look()
    assert len(mails(me)) == 1, "it was not above meanwhile"
    pay(project, me.account_id, 20_000_000)
    look()
    pay(project, me.account_id, -20_000_000)
    look()
    assert len(mails(me)) == 2
    assert "6.4" in mails(me)[1].subject


def test_a_balance_that_goes_up_and_down_is_told_now_and_then(project: str) -> None:
    client, me = log_in()
    pay(project, me.account_id, 1_000_000)
    set_alert(client)
    for _ in range(3):
        look()
        pay(project, me.account_id, 20_000_000)
        look()
        pay(project, me.account_id, -20_000_000)
        set_alert(client, "9.5")
        set_alert(client)
    look()
    assert len(mails(me)) == 1
    pass_time(project, me.account_id)
    look()
    assert len(mails(me)) == 2


def test_a_mail_that_cannot_go_is_tried_again(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    client, me = log_in()
    set_alert(client)
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
    monkeypatch.setattr(settings, "EMAIL_HOST", "127.0.0.1")
    monkeypatch.setattr(settings, "EMAIL_PORT", 1)
    pay(project, me.account_id, 1)
    look()
    monkeypatch.undo()
    look()
    assert mails(me) == [], "not at once"
    pass_time(project, me.account_id)
    look()
    assert len(mails(me)) == 1


def test_where_no_mail_can_go_none_is_lost(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, me = log_in()
    pay(project, me.account_id, 1)
    set_alert(client)
    with monkeypatch.context() as context:
        change(context, console_outbox="off")
        assert look() == 0
        assert "no mail server yet" in read(client.get("/settings/"))
    look()
    assert len(mails(me)) == 1


def test_the_mail_is_in_the_accounts_language(project: str) -> None:
    client, me = log_in()
    pay(project, me.account_id, 1_000_000)
    client.post("/settings/save/", {"language": "zh", "networks": ""})
    set_alert(client)
    look()
    (mail,) = mails(me)
    assert mail.subject.startswith("低余额提醒")
    assert "可用额度为 1 USD" in mail.body
    assert "left" not in mail.body


@pytest.mark.parametrize("role", ["owner", "developer", "finance", "viewer"])
def test_the_note_is_for_those_whom_money_concerns(project: str, role: str) -> None:
    client, me = log_in(role)
    may = role in {"owner", "finance"}
    pay(project, me.account_id, 3_000_000)
    assert set_alert(client).status_code == (302 if may else 403)
    if not may:
        with psycopg.connect(project) as conn:
            conn.execute(
                "INSERT INTO balance_alert (account_id, threshold_micros) VALUES (%s, 10000000)", (me.account_id,)
            )
    assert ('id="low-balance"' in read(client.get("/messages/"))) == may
    assert ('id="alert"' in read(client.get("/settings/"))) == may
    client.post("/settings/alert/", {"off": "1"})
    assert 'id="low-balance"' not in read(client.get("/messages/"))


@pytest.mark.parametrize(
    ("threshold", "addresses", "why"),
    [
        ("0", "a@example.com", "Write an amount above 0"),
        ("-1", "a@example.com", "Write an amount above 0"),
        ("ten", "a@example.com", "Write an amount above 0"),
        ("10", "", "Write 1 to 10 email addresses"),
        ("10", "nobody", "is no email address"),
        ("10", " ".join(f"a{n}@example.com" for n in range(11)), "Write 1 to 10"),
    ],
)
def test_bad_input_is_told_and_kept(project: str, threshold: str, addresses: str, why: str) -> None:
    client, _ = log_in()
    answer = set_alert(client, threshold, addresses)
    assert answer.status_code == 422
    assert why in read(answer)
    assert f'value="{threshold}"' in read(answer)
    assert addresses in read(answer)
