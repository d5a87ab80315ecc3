"""The API reference: all that the document has, whole in both languages, nothing of it as markup, and signing that works out."""

from __future__ import annotations

import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

import tocsin
from tests.doors.console import log_in, read
from tocsin.console.reference import Section, list_texts, read_reference
from tocsin.content import Status
from tocsin.traffic import Reason

DOCUMENT: dict[str, Any] = json.loads((Path(tocsin.__file__).parent / "api/openapi.json").read_text(encoding="utf-8"))
OPERATIONS = {
    operation["operationId"]: (path, method.upper(), operation)
    for path, methods in {**DOCUMENT["paths"], **DOCUMENT["webhooks"]}.items()
    for method, operation in methods.items()
    if operation["tags"] != ["Operations"]
}


@pytest.fixture
def page(project: str) -> str:
    return read(log_in("viewer")[0].get("/reference/"))


def find_article(page: str, name: str) -> str:
    found = re.search(rf'<article[^>]* id="{name}".*?</article>', page, re.DOTALL)
    assert found, name
    return found[0]


def strip(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", text))


def list_examples(article: str) -> list[Any]:
    texts = map(html.unescape, re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", article, re.DOTALL))
    return [json.loads(text) for text in texts if text.startswith("{")]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_there_with_its_fields_and_examples(page: str, name: str) -> None:
    path, method, operation = OPERATIONS[name]
    article = find_article(page, name)
    text = strip(article)
    assert operation["summary"] in text
    assert method in text
    assert (path in text) == path.startswith("/")
    assert f'href="#{name}"' in page
    for parameter in operation.get("parameters", []):
        assert parameter.get("name", "Idempotency-Key") in text
    for code in operation["responses"]:
        assert code in text
    asked = operation.get("requestBody", {}).get("content", {})
    answered = operation["responses"].get("200", {}).get("content", {})
    values = [
        example["value"]
        for content in (asked, answered)
        for example in content.get("application/json", {}).get("examples", {}).values()
    ]
    assert list_examples(article) == values


def test_limits_and_inner_fields_are_told(page: str) -> None:
    send = strip(find_article(page, "sendSms"))
    assert "MARKETING | VERIFY | NOTIFICATION" in send
    assert "≤ 255" in send
    assert "messageId" in send
    assert "at most 1,000 in a GET, 50,000 in a POST" in send
    assert "POST to your endpoint" in re.sub(r"\s+", " ", strip(find_article(page, "smsReportPush")))


def test_the_example_of_signing_works_out(page: str) -> None:
    text = re.findall(r'<code id="signed-text">([^<]+)<', page)[0]
    sign = re.findall(r'<code id="signed">([^<]+)<', page)[0]
    assert hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() == sign
    address = html.unescape(re.findall(r'<code id="signed-url">([^<]+)<', page)[0])
    account = re.findall(r"\?account=([^&]+)&", address)[0]
    assert text.startswith(account)
    assert f"&sign={sign}&datetime={text[-10:]}" in address


def test_every_status_and_every_end_is_listed(page: str) -> None:
    rows = [tuple(re.findall(r"<td[^>]*>(?:<code>)?([^<]*)", row)) for row in re.findall(r"<tr>.*?</tr>", page)]
    assert {(str(int(each)), html.escape(each.text)) for each in Status} <= set(rows)
    assert {(str(each.end.status), each.end.phrase) for each in Reason} <= set(rows)


def test_the_page_is_whole_in_chinese(project: str) -> None:
    import gettext

    import tocsin.console

    file = Path(tocsin.console.__file__).parent / "locale/zh_Hans/LC_MESSAGES/django.mo"
    with file.open("rb") as opened:
        known = gettext.GNUTranslations(opened)
    missing = {text for text in list_texts() if text and known.pgettext("API", text) == text}
    assert missing <= {"batchNo", "batchNo.", "ISO 4217.", "`MailUserEvent`."}
    client, _ = log_in()
    client.cookies["tocsin_language"] = "zh-hans"
    page = read(client.get("/reference/"))
    assert "短信报告" in page
    assert "Accepted means stored" not in page
    assert "黑名单限制" in page


def test_what_the_document_says_is_no_markup(project: str) -> None:
    from tocsin.console.templatetags.prose import phrase, prose

    assert (
        phrase("a `<b>` **<i>** *x* <u>") == "a <code>&lt;b&gt;</code> <strong>&lt;i&gt;</strong> <em>x</em> &lt;u&gt;"
    )
    assert prose("one\n\ntwo") == "<p>one</p><p>two</p>"


def test_the_model_is_read_once(project: str) -> None:
    first: tuple[Section, ...] = read_reference()
    assert read_reference() is first
    assert [section.title for section in first] == ["Send", "Reports", "Account", "Webhooks"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_page_asks_nothing_elsewhere(project: str, language: str) -> None:
    client, _ = log_in()
    client.cookies["tocsin_language"] = language
    text = read(client.get("/reference/"))
    outside = re.findall(r'<(?!a )\w+ [^>]*(?:src|href|action)="(?:https?:)?//[^"]*', text)
    assert outside == []
    assert re.findall(r"<script>|<style|\sstyle=|\son\w+=", text) == []
    names = re.findall(r'\sid="([^"]+)"', text)
    assert len(names) == len(set(names))
