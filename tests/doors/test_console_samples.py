"""Quick start's samples in process: filled with the key once, in the visitor's language, escaped; the same as the test send."""

from __future__ import annotations

import html
import json
import re

from tests.doors.console import log_in, read
from tocsin.bootstrap.panel import BODY
from tocsin.console.samples import LANGUAGES


def read_samples(text: str) -> dict[str, str]:
    return {
        name: html.unescape(code) for name, code in re.findall(r'<code id="sample-(\w+)"[^>]*>(.*?)</code>', text, re.S)
    }


def test_the_samples_show_where_the_key_goes_and_then_the_key(project: str) -> None:
    client, who = log_in()
    before = read_samples(read(client.get("/quick-start/")))
    assert list(before) == [language.name for language in LANGUAGES]
    made = read(client.post("/quick-start/key/"))
    key = re.findall(r'id="new-key" value="([^"]+)"', made)[0]
    after = read_samples(made)
    for name, text in before.items():
        assert who.account.name in text
        assert after[name] == text.replace("YOUR_KEY", key) != text
    assert made.count('hx-swap-oob="true">') >= len(LANGUAGES)
    assert key not in read(client.get("/quick-start/")), "a key is shown once"


def test_where_no_more_key_can_be_made_the_samples_stay(project: str) -> None:
    client, _ = log_in()
    for _turn in range(10):
        client.post("/quick-start/key/")
    refused = read(client.post("/quick-start/key/"))
    assert "10 keys at most" in refused
    assert read_samples(refused) == {}


def test_the_text_of_the_message_is_in_the_visitors_language(project: str) -> None:
    client, _ = log_in()
    client.cookies["tocsin_language"] = "zh-hans"
    texts = read_samples(read(client.get("/quick-start/")))
    assert all("Tocsin 向您问好" in text for text in texts.values())


def test_the_test_send_is_what_the_panel_sends(project: str) -> None:
    from django.utils import translation

    from tocsin.console.testsend import describe_body

    with translation.override("en"):
        assert describe_body() == json.loads(BODY)


def test_a_refused_test_send_says_why_in_the_visitors_language(project: str) -> None:
    client, _ = log_in()
    client.post("/quick-start/key/")
    assert "the API at http://127.0.0.1:1 does not answer" in read(client.post("/quick-start/send/"))
    client.cookies["tocsin_language"] = "zh-hans"
    assert "没有响应" in read(client.post("/quick-start/send/"))
