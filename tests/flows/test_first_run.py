"""README.md and docs/quickstart.md as a newcomer follows them: a clean clone, run dependencies alone, a terminal.

Development packages are not in that environment, so that what `src/` needs of them is missed here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.newcomer import LONGEST_S, ROOT, Newcomer, Terminal, clone, opened
from tests.flows.plant import find_port
from tests.flows.transcripts import RENEW, Document
from tests.poll import until_sync

PANEL_BEGINS = "  Tocsin is ready"
PANEL_ENDS = "Ctrl-C stops it."


@pytest.fixture
def newcomer() -> Iterator[Newcomer]:
    """In a folder that PostgreSQL's unprivileged user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    folder.chmod(0o755)
    clone(folder)
    yield Newcomer(folder, find_port(), find_port())
    shutil.rmtree(folder, ignore_errors=True)


def test_a_newcomer_gets_what_the_readme_and_the_quickstart_show(newcomer: Newcomer) -> None:
    readme = Document(ROOT / "README.md", newcomer.ports)
    quickstart = Document(ROOT / "docs" / "quickstart.md", newcomer.ports)
    with opened(newcomer.open("make run")) as product:
        product.wait_for(PANEL_ENDS, LONGEST_S)
        assert re.search(r"fetching \d+ of \d+", product.text), "a terminal shows how far the installation is"
        assert "pytest" not in newcomer.run(".venv/bin/pip list --disable-pip-version-check")
        panel = product.text[product.text.index(PANEL_BEGINS) :]
        with opened(newcomer.open(".venv/bin/tocsin listen --account yn00001 --port 0")) as listening:
            listening.wait_for("Listening for")
            _follow_the_readme(newcomer, readme, panel, listening)
            _see_the_message_log(newcomer, panel)
            _follow_the_quickstart(newcomer, quickstart, listening)
            listening.press_ctrl_c()
        product.press_ctrl_c()
        assert "Traceback" not in product.text
    assert [*readme.differences, *quickstart.differences] == [], "make transcripts writes them anew"


def _follow_the_readme(newcomer: Newcomer, readme: Document, panel: str, listening: Terminal) -> None:
    readme.compare("panel", panel)
    pasted = next(line for line in panel.splitlines() if line.startswith("curl "))
    answer = newcomer.run(pasted)
    readme.compare("answer", answer)
    (accepted,) = json.loads(answer)["data"]["successData"]
    (report,) = _wait_for_news(listening, accepted["messageId"], 1)
    readme.compare("report", report)
    program = re.search(r"```sh\n(ACCOUNT=.*?)```", readme.text, re.DOTALL)
    assert program is not None
    batch = json.loads(newcomer.run(f"set -e\n{program[1]}"))["data"]["batchNo"]
    _wait_for_news(listening, batch, 1)


def _see_the_message_log(newcomer: Newcomer, panel: str) -> None:
    login = re.search(r"log in +(\S+), password (\S+)", panel)
    assert login is not None
    page = newcomer.read_page("/messages/", login[1], login[2])
    assert "6281234567801" in page


def _follow_the_quickstart(newcomer: Newcomer, quickstart: Document, listening: Terminal) -> None:
    sent = quickstart.replay("send", newcomer.run)
    batch = re.search(r"batch (\d{17})", sent)
    assert batch is not None
    _wait_for_news(listening, batch[1], 2)
    reply = _wait_for_news(listening, "  reply  from 6281200009913", 1)
    quickstart.compare("reports", "\n".join([*_wait_for_news(listening, batch[1], 2), *reply]), in_order=False)
    quickstart.replay("ledger", newcomer.run)
    created = quickstart.replay("account", newcomer.run)
    key = re.search(r"api_key +(\w+)", created)
    program = re.search(r"```python\n(.*?)```", quickstart.text, re.DOTALL)
    assert key is not None
    assert program is not None
    text = re.sub(r'(?m)^key = ".*"$', f'key = "{key[1]}"', program[1])
    newcomer.run(f"cat > sample.py <<'END'\n{text}END\n")
    # The API knows an account within about a second: less than a person needs to paste this.
    until_sync(lambda: "'status': 0" in newcomer.run(".venv/bin/python sample.py || true"))
    if RENEW in os.environ:
        quickstart.write(quickstart.text.replace(program[1], text))
    quickstart.replay("doctor", newcomer.run)


def _wait_for_news(listening: Terminal, words: str, count: int) -> list[str]:
    """So many lines with these words that `tocsin listen` printed."""

    def find() -> list[str]:
        lines = [line for line in listening.text.splitlines() if words in line]
        return lines if len(lines) >= count else []

    return until_sync(find, 120)
