"""The samples in the documents are the texts of the console, and all send what the panel of `tocsin up` sends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tocsin.bootstrap.panel import BODY
from tocsin.console.samples import LANGUAGES, write_samples
from tocsin.kit.settings import Settings

ROOT = Path(__file__).parents[2]
URL = f"http://127.0.0.1:{Settings().port}/api/v1/sms/sendbatchsms"


def write(name: str, account: str, key: str) -> str:
    body: dict[str, Any] = json.loads(BODY)
    return next(sample.text for sample in write_samples(account, key, URL, body) if sample.language.name == name)


def test_the_quickstart_has_the_sample_in_python() -> None:
    text = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    key = re.search(r"^api_key  (\S+)$", text, re.MULTILINE)
    assert key
    assert f"```python\n{write('python', 'acme', key[1])}\n```" in text


def test_the_readme_has_the_sample_for_a_shell_and_the_line_of_the_panel() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    key = re.search(r"^  key      (\S+)$", text, re.MULTILINE)
    assert key
    assert f"```sh\n{write('curl', 'yn00001', key[1])}\n```" in text
    assert f"-d '{BODY}'" in text


def test_nothing_stays_to_be_filled_in_and_no_line_needs_a_wide_window() -> None:
    for language in LANGUAGES:
        text = write(language.name, "acme", "k" * 32)
        assert re.findall(r"@[A-Z]+@", text) == []
        assert max(map(len, text.splitlines())) <= 120, language
        assert all(word in text for word in ("acme", "k" * 32, URL, "81234567801", "10007"))
