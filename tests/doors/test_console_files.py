"""Files in the console: exports by each role, one account's are nobody else's, filters that cannot be, both languages."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from tests.clerk import work_off
from tests.doors.console import log_in, read
from tocsin import billing, files
from tocsin.files import Kind

START = "/exports/start/"


def find_jobs(dsn: str, account_id: int) -> list[files.Job]:
    with psycopg.connect(dsn) as conn:
        return files.list_jobs(conn, account_id)


def take(client: Any, job: files.Job) -> str:
    answer = client.get(f"/files/{job.id}/download/")
    assert answer.status_code == 200
    data = b"".join(answer.streaming_content)
    assert int(answer["Content-Length"]) == len(data)
    assert answer["Content-Disposition"] == f'attachment; filename="{job.name}"'
    return data.decode("utf-8-sig")


def test_from_the_form_to_the_file(project: str) -> None:
    client, me = log_in()
    with psycopg.connect(project) as conn:
        billing.open_wallet(conn, me.account_id)
        billing.recharge(conn, me.account_id, 5_000_000, "=1+1")
    assert "No files yet" in read(client.get("/files/"))
    answer = client.post(START + "any/", {"what": "ledger", "format": "csv"}, follow=True)
    text = read(answer)
    assert "The export has begun" in text
    assert "waiting" in text
    assert 'hx-trigger="load delay' in text, "the list asks again"
    work_off(project)
    text = read(client.get("/files/list/"))
    assert "ready" in text
    assert "hx-trigger" not in text, "nothing is under way"
    (job,) = find_jobs(project, me.account_id)
    assert f"/files/{job.id}/download/" in text
    lines = take(client, job).splitlines()
    assert lines[0] == "Time,Kind,Amount,Gift,Balance after,Batch,Messages,Note"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00,recharge,5,0,5,,0,'=1\+1", lines[1])
    assert client.post(f"/files/{job.id}/remove/").status_code == 302
    assert client.get(f"/files/{job.id}/download/").status_code == 404
    with psycopg.connect(project) as conn:
        done = [
            row[0] for row in conn.execute("SELECT action FROM audit_entry WHERE action LIKE 'export%' ORDER BY id")
        ]
    assert done[-3:] == ["export start", "export take", "export remove"]


def test_another_accounts_files_are_not_found(project: str) -> None:
    client, me = log_in()
    other, _ = log_in()
    client.post(START + "blacklist/", {"format": "xlsx"})
    work_off(project)
    (job,) = find_jobs(project, me.account_id)
    assert job.name not in read(other.get("/files/"))
    assert "No files yet" in read(other.get("/files/"))
    assert other.get(f"/files/{job.id}/download/").status_code == 404
    assert other.post(f"/files/{job.id}/remove/").status_code == 404
    assert other.post(f"/files/{job.id}/cancel/").status_code == 404
    assert client.get(f"/files/{job.id}/download/").status_code == 200


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("owner", {"messages", "replies", "ledger", "blacklist"}),
        ("developer", {"messages", "replies", "blacklist"}),
        ("finance", {"ledger"}),
        ("viewer", set[str]()),
    ],
)
def test_roles(project: str, role: str, may: set[str]) -> None:
    from tocsin.schema.models import Membership, User

    client, me = log_in(role)
    owner, _ = log_in()
    for kind in ("messages", "replies", "ledger", "blacklist"):
        assert client.post(START + kind + "/").status_code == (302 if kind in may else 403)
        assert client.post(START + "any/", {"what": kind}).status_code == (302 if kind in may else 403)
    work_off(project)
    page = read(client.get("/files/"))
    offered = re.search(r'id="what".*?</select>', page, re.DOTALL)
    assert set(re.findall(r'<option value="(\w+)"', offered[0] if offered else "")) == may
    assert ("Your role takes no files out" in page) == (not may)
    # a file of a kind that the role may not take, made by another member of the same account
    boss = User.objects.create_user(f"boss-{role}-{me.account_id}@example.com", "correct horse battery")
    Membership.objects.create(user=boss, account=me.account, role="owner")
    owner.force_login(boss)
    for kind in ("messages", "ledger"):
        owner.post(START + kind + "/")
        work_off(project)
        job = find_jobs(project, me.account_id)[0]
        assert client.get(f"/files/{job.id}/download/").status_code == (200 if kind in may else 404)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"from": "soon"}, "Write a date and a time"),
        ({"from": "2026-02-31"}, "Write a date and a time"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "before the beginning"),
        ({"batch": "x" * 99}, "A batch number has 17 digits"),
        ({"number": "\x07?\u20ac"}, "This begins no number"),
        ({"number": "0" * 31 + "f"}, "A single message needs no file"),
        ({"format": "exe"}, "Choose CSV or XLSX"),
    ],
)
def test_what_cannot_be_asked_for_is_said(project: str, form: dict[str, str], said: str) -> None:
    client, me = log_in()
    assert said in read(client.post(START + "messages/", form, follow=True))
    assert find_jobs(project, me.account_id) == []


def test_filters_are_those_of_the_log(project: str) -> None:
    client, me = log_in()
    client.cookies["tocsin_zone"] = "Asia/Tokyo"
    form = {
        "number": "+62 812", "state": "failed", "product": "sms", "country": "10007", "batch": "17000000000000001",
        "from": "2026-11-01", "to": "2026-11-02T10:30", "format": "xlsx",
    }  # fmt: skip
    text = read(client.post(START + "messages/", form, follow=True))
    (job,) = find_jobs(project, me.account_id)
    assert job.asked["filter"] == {
        "number": "62812", "state": 2, "product": 1, "country": 10007, "batch": 17000000000000001,
        "since": "2026-10-31T15:00:00+00:00", "until": "2026-11-02T01:31:00+00:00",
    }  # fmt: skip
    assert job.asked["zone"] == "Asia/Tokyo"
    assert "62812… · Failed · SMS · Indonesia · batch 17000000000000001 · 2026-11-01 00:00 – 2026-11-02 10:31" in text


def test_a_kind_that_is_none_is_not_found(project: str) -> None:
    client, _ = log_in()
    assert client.post(START + "passwords/").status_code == 404
    assert client.post(START + "upload/").status_code == 404
    assert client.get(START + "messages/").status_code == 405


def test_the_file_is_in_the_language_of_its_user(project: str) -> None:
    client, me = log_in()
    client.cookies["tocsin_language"] = "zh-hans"
    assert "还没有文件" in read(client.get("/files/"))
    client.post(START + "ledger/")
    work_off(project)
    (job,) = find_jobs(project, me.account_id)
    assert take(client, job).startswith("时间,类型,金额")
    assert "账本" in read(client.get("/files/"))


def test_too_much_at_once_is_said(project: str) -> None:
    client, me = log_in()
    for _ in range(files.MOST_LIVE):
        client.post(START + "ledger/")
    assert "10 files are being made already" in read(client.post(START + "ledger/", follow=True))
    job = find_jobs(project, me.account_id)[0]
    assert client.get(f"/files/{job.id}/download/").status_code == 404, "not yet"
    client.post(f"/files/{job.id}/cancel/")
    assert "cancelled" in read(client.get("/files/list/"))
    work_off(project)


def test_the_fiftieth_file_is_on_another_page(project: str) -> None:
    client, me = log_in()
    with psycopg.connect(project) as conn:
        for turn in range(50):
            asked = {"format": "csv", "filter": {}}
            files.start(
                conn, files.New(me.account_id, me.user_id, Kind.LEDGER, f"{turn}.csv", asked, state=files.State.DONE)
            )
    text = read(client.get("/files/"))
    more = re.search(r'href="\?before=(\d+)"', text)
    assert more
    assert text.count("/download/") == 30
    assert read(client.get(f"/files/?before={more[1]}")).count("/download/") == 20
