"""The comparison of documents with what is printed finds what aged, and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.flows.transcripts import Document

PAGE = """# A page

<!-- transcript: sent -->
```
$ tocsin send
accepted: batch 17954062586600002 at http://127.0.0.1:8080
2026-11-23 03:57:38  charge  -0.2
```
"""


def open_page(folder: Path) -> Document:
    (folder / "page.md").write_text(PAGE, encoding="utf-8")
    return Document(folder / "page.md", {"8080": "41234"})


def test_ids_times_and_ports_do_not_count(tmp_path: Path) -> None:
    page = open_page(tmp_path)
    page.replay(
        "sent",
        lambda _: "accepted: batch 17961285916530006 at http://127.0.0.1:41234\n2026-12-01 12:36:31  charge  -0.2\n",
    )
    assert page.differences == []


def test_a_word_that_changed_is_told(tmp_path: Path) -> None:
    page = open_page(tmp_path)
    page.replay(
        "sent",
        lambda _: "taken: batch 17961285916530006 at http://127.0.0.1:41234\n2026-12-01 12:36:31  charge  -0.2\n",
    )
    (told,) = page.differences
    assert "page.md, sent, prints:\n$ tocsin send\ntaken: " in told
