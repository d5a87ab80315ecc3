"""Bulk send in the console, to the point where it is sent: what the pages show, who may, what cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.clerk import AWAY, work_off
from tests.contexts.test_table_process import make_book
from tests.doors.console import change, log_in, read
from tocsin import billing, files
from tocsin.clerk import Api, Reply
from tocsin.files import Job, Kind, State, Step, Trouble

FILE = b"Name,Phone\nAnn,6281234567801\nBob,081234567802\n=Eve,12\n"
FORM = {
    "headed": "on",
    "number": "1",
    "country": "",
    "usual": "10007",
    "content": "Hello {Name}",
    "action": "MARKETING",
}


def _quote(_account: str, body: Mapping[str, Any], _key: str) -> Reply:
    """As the API says it: 0.1 for each, and nothing goes to the second number."""
    phones = body["numbers"].split(",")
    bad = [[phone, 5] for phone in phones if phone.endswith("2")]
    good = len(phones) - len(bad)
    data = {"good": good, "bad": len(bad), "refused": bad, "prices": [[10007, 1, 100_000, good]] if good else []}
    return Reply(True, 0, "", data)


def _refuse(_account: str, _body: Mapping[str, Any], _key: str) -> Reply:
    return Reply(True, 0, "", {"status": -12, "detail": "senderId is not granted"})


QUOTING = Api(_quote, AWAY.send, 86_400.0)


def upload(client: Any, data: bytes = FILE, name: str = "people.csv") -> Any:
    return client.post("/uploads/", {"file": SimpleUploadedFile(name, data)}, follow=True)


def find_job(dsn: str, account_id: int) -> Job:
    with psycopg.connect(dsn) as conn:
        return files.list_jobs(conn, account_id, [Kind.UPLOAD])[0]


def walk_to_confirm(client: Any, dsn: str, account_id: int) -> Job:
    upload(client)
    work_off(dsn)
    job = find_job(dsn, account_id)
    client.post(f"/uploads/{job.id}/choose/", FORM)
    work_off(dsn, api=QUOTING)
    return find_job(dsn, account_id)


def test_from_the_file_to_the_confirmation(project: str) -> None:
    client, me = log_in()
    with psycopg.connect(project) as conn:
        billing.open_wallet(conn, me.account_id)
        billing.recharge(conn, me.account_id, 50_000)
    assert "No uploads yet" in read(client.get("/uploads/"))
    assert "The file is being read" in read(upload(client))
    work_off(project)
    job = find_job(project, me.account_id)
    assert client.get(f"/uploads/{job.id}/progress/")["HX-Refresh"] == "true"
    text = read(client.get(f"/uploads/{job.id}/"))
    assert '<option value="1" selected>B · Phone</option>' in text
    assert "6281234567801" in text
    assert "=Eve" in text
    assert client.post(f"/uploads/{job.id}/choose/", FORM).status_code == 302
    text = read(client.get(f"/uploads/{job.id}/"))
    assert "The rows are being checked" in text
    assert "HX-Refresh" not in client.get(f"/uploads/{job.id}/progress/")
    work_off(project, api=QUOTING)
    text = read(client.get(f"/uploads/{job.id}/"))
    assert re.search(r'id="good">1<', text)
    assert re.search(r'id="bad">2<', text)
    assert "Hello Ann" in text
    assert "The balance is not enough" in text
    assert "Send 1 message" in text
    assert "1 × channel not found" in text
    answer = client.get(f"/uploads/{job.id}/not-sent/")
    assert b"".join(answer.streaming_content).decode("utf-8-sig").splitlines() == [
        "Row,Reason",
        "3,channel not found,Bob,081234567802",
        "4,no valid number,'=Eve,12",
    ]
    client.post(f"/uploads/{job.id}/send/")
    client.post(f"/uploads/{job.id}/send/")
    job = find_job(project, me.account_id)
    assert (job.step, job.state) == (Step.SEND, State.WAITING)
    with psycopg.connect(project) as conn:
        done = conn.execute(
            "SELECT count(*) FROM audit_entry WHERE action = 'upload send' AND after->>'job' = %s", (str(job.id),)
        )
        assert done.fetchone() == (1,), "a second click does nothing"
    work_off(project, api=AWAY)
    text = read(client.get(f"/uploads/{job.id}/"))
    assert "The API does not answer" in text
    assert "Go on" in text
    client.post(f"/uploads/{job.id}/on/")
    assert find_job(project, me.account_id).state is State.WAITING
    client.post(f"/uploads/{job.id}/discard/")
    assert find_job(project, me.account_id).state is State.CANCELLED
    assert "stopped by you" in read(client.get(f"/uploads/{job.id}/"))
    assert "The upload is removed" in read(client.post(f"/uploads/{job.id}/discard/", follow=True))


def test_a_file_that_describes_too_much_ends_its_own_job_alone(project: str) -> None:
    client, me = log_in()
    upload(client, make_book(b"<c r='XFD1048576'"), "small.xlsx")
    upload(client)
    work_off(project)
    with psycopg.connect(project) as conn:
        good, bad = files.list_jobs(conn, me.account_id, [Kind.UPLOAD])
    assert (good.state, good.found["rows"]) == (State.OPEN, 4)
    assert bad.state is State.FAILED
    assert "The table in this file is too large" in read(client.get(f"/uploads/{bad.id}/"))
    assert "此文件中的表格过大" in read(client.get(f"/uploads/{bad.id}/", headers={"accept-language": "zh-hans"}))


def test_an_account_whose_files_take_all_their_space_is_told_so(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, me = log_in()
    upload(client, b"6281234567801\n" * 60_000)
    change(monkeypatch, files_mb=1)
    assert "Files of this account take 1 of 1 MB" in read(client.get("/uploads/"))
    refusal = "The files of this account may take 1 MB. Remove exports or uploads"
    assert refusal in read(upload(client, b"6281234567801\n" * 60_000))
    picture = SimpleUploadedFile("a.png", b"\x89PNG" * 60_000)
    assert refusal in read(client.post("/send/email/", {"files": picture, "numbers": "6281234567801"}))
    upload(client, FILE)
    with psycopg.connect(project) as conn:
        assert len(files.list_jobs(conn, me.account_id, [Kind.UPLOAD])) == 2, "a small one has room"
    change(monkeypatch, files_mb=0)
    assert "may take 0 MB" in read(
        client.post("/exports/start/any/", {"what": "replies", "format": "csv"}, follow=True)
    )
    answer = client.post(
        "/uploads/", {"file": SimpleUploadedFile("a.csv", FILE)}, headers={"accept-language": "zh-hans"}
    )
    chinese = read(client.get(answer["Location"], headers={"accept-language": "zh-hans"}))
    assert "该账户的文件最多可占用 0 MB" in chinese


def test_rows_that_take_more_than_their_file_count_too(project: str) -> None:
    client, me = log_in()
    upload(client, b"number,text\n" + b"6281234567801,hello\n" * 2_000)
    work_off(project, files_bytes=60_000)
    job = find_job(project, me.account_id)
    assert (job.state, job.trouble) == (State.FAILED, Trouble.FULL)
    with psycopg.connect(project) as conn:
        kept = conn.execute("SELECT size_bytes, row_bytes FROM file_job WHERE id = %s", (job.id,)).fetchone()
        rows = conn.execute("SELECT count(*) FROM upload_row WHERE job_id = %s", (job.id,)).fetchone()
    assert rows == (0,)
    assert kept is not None
    assert kept[1] == 0
    assert client.get(f"/uploads/{job.id}/").status_code == 200


def test_what_the_api_would_refuse_is_said_and_mended(project: str) -> None:
    client, me = log_in()
    upload(client)
    work_off(project)
    job = find_job(project, me.account_id)
    client.post(f"/uploads/{job.id}/choose/", {**FORM, "sender": "ACME"})
    work_off(project, api=Api(_refuse, _refuse, 86_400.0))
    text = read(client.get(f"/uploads/{job.id}/"))
    assert "The API would refuse this" in text
    assert "senderId is not granted" in text
    assert 'value="ACME"' in text, "what was typed is there"
    client.post(f"/uploads/{job.id}/choose/", FORM)
    work_off(project, api=QUOTING)
    client.post(f"/uploads/{job.id}/back/")
    text = read(client.get(f"/uploads/{job.id}/"))
    assert "Hello {Name}</textarea>" in text
    assert "The API would refuse this" not in text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"content": ""}, "Write what is to be sent"),
        ({"content": "Hello {Surname}"}, "There is no column {Surname}"),
        ({"content": "x" * 1025}, "1,024 characters at most"),
        ({"number": "7"}, "Choose the column of the numbers"),
        ({"country": "1"}, "One column cannot be both"),
        ({"usual": "99999"}, "Choose a country"),
        ({"sender": "x" * 21}, "20 characters at most"),
        ({"when": "soon"}, "Write a date and a time"),
        ({"when": "2020-01-01T08:00"}, "The time must lie ahead"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_lost(project: str, form: dict[str, str], said: str) -> None:
    client, me = log_in()
    upload(client)
    work_off(project)
    job = find_job(project, me.account_id)
    text = read(client.post(f"/uploads/{job.id}/choose/", {**FORM, "content": "Keep {Name} <b>", **form}))
    assert said in text
    assert "is-invalid" in text
    if "content" not in form:
        assert "Keep {Name} &lt;b&gt;</textarea>" in text
    assert find_job(project, me.account_id).step is Step.MAP


def test_a_file_that_is_no_table_is_said(project: str) -> None:
    client, me = log_in()
    upload(client, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "numbers.csv")
    work_off(project)
    job = find_job(project, me.account_id)
    assert "This is no CSV and no XLSX file" in read(client.get(f"/uploads/{job.id}/"))
    assert "This is no CSV and no XLSX file" in read(client.get("/uploads/"))
    client.cookies["tocsin_language"] = "zh-hans"
    assert "这不是可读取的 CSV 或 XLSX 文件" in read(client.get(f"/uploads/{job.id}/"))


def test_no_file_an_empty_one_and_one_that_is_too_large(project: str) -> None:
    client, me = log_in()
    assert "Choose a file" in read(client.post("/uploads/", {}, follow=True))
    assert "Choose a file" in read(upload(client, b""))
    assert "larger than 20 MB" in read(upload(client, b"1\n" * (10 * 1024 * 1024 + 1)))
    with psycopg.connect(project) as conn:
        assert files.list_jobs(conn, me.account_id, [Kind.UPLOAD]) == []


@pytest.mark.parametrize("role", ["finance", "viewer"])
def test_who_may_not_send_uploads_nothing(project: str, role: str) -> None:
    client, _ = log_in(role)
    assert client.get("/uploads/").status_code == 403
    assert upload(client).status_code == 403
    assert "Bulk send" not in read(client.get("/messages/"))


def test_one_that_is_stopped_before_it_was_sent_says_so(project: str) -> None:
    client, me = log_in()
    upload(client)
    job = find_job(project, me.account_id)
    client.post(f"/uploads/{job.id}/discard/")
    assert "Stopped before anything was sent; nothing was charged." in read(client.get(f"/uploads/{job.id}/"))


def test_another_accounts_upload_is_not_found(project: str) -> None:
    client, me = log_in()
    other, _ = log_in()
    job = walk_to_confirm(client, project, me.account_id)
    for path in ("", "progress/", "not-sent/"):
        assert other.get(f"/uploads/{job.id}/{path}").status_code == 404
    for path in ("choose/", "send/", "on/", "back/", "discard/"):
        assert other.post(f"/uploads/{job.id}/{path}").status_code == 404
    after = find_job(project, me.account_id)
    assert (after.step, after.state) == (Step.CONFIRM, State.OPEN)
    assert "No uploads yet" in read(other.get("/uploads/"))
    assert other.get(f"/files/{job.id}/download/").status_code == 404
    assert client.get(f"/files/{job.id}/download/").status_code == 404, "an upload is no export"
