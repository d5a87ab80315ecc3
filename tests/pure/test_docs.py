"""The documents say nothing that is not there: paths, links, tests, settings, verbs, statuses, tables."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.contract.test_parameters import PRODUCTS
from tocsin import files, tables
from tocsin.api import (
    auth,
    carrier,
    desk,
    group,
    idempotency,
    journal,
    limits,
    masking,
    mms,
    reports,
    server,
    strangers,
)
from tocsin.api.pages import PAGES
from tocsin.api.server import ENDPOINTS
from tocsin.carriers import calls, kinds, list_settings
from tocsin.clerk import export
from tocsin.cli import root
from tocsin.console import bounds
from tocsin.content import Status, media, schedule, zones
from tocsin.front import FrontLimits
from tocsin.http1 import Bounds
from tocsin.kit.address import MAX_URL
from tocsin.kit.log import MAX_LINES
from tocsin.kit.settings import Settings
from tocsin.messaging import accept, contents, mail
from tocsin.traffic import OutcomeKind, Reason
from tocsin.webhooks import deliver, trials

ROOT = Path(__file__).parents[2]
TOP = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGES.md")]
DOCUMENTS = sorted([*TOP, *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("0*.md"))
GLOSSARY = ROOT / "docs" / "glossary.md"
COMPATIBILITY = ROOT / "docs" / "compatibility.md"
PACKAGES = "|".join(path.name for path in (ROOT / "src" / "tocsin").iterdir() if path.is_dir())
# In running text: a path of the repository, or one below src/tocsin; in backquotes.
PATH = re.compile(
    rf"`((?:src|tests|docs|bench|requirements)/[\w./-]+|(?:{PACKAGES})/[\w./-]+\.\w+|[A-Z]+\.md|pyproject\.toml)`"
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
LINE_BY_LINE = "## The page, line by line"
HEADS = ("| parameter |", "| line of the page |", "| example of the page |", "| code of the page |", "| label |")
UNTESTED = {"not built yet", "no test named yet"}
names = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def read(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def list_rows(text: str) -> Iterator[list[str]]:
    """Cells of the rows of all tables, without heads."""
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith(
            ("| decision", "| limit", "| setting", "| status", "| verb", "| word", *HEADS)
        ):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]


@names
def test_every_path_that_is_named_exists(document: Path) -> None:
    named = PATH.findall(read(document))
    missing = [path for path in named if not (ROOT / path).exists() and not (ROOT / "src" / "tocsin" / path).exists()]
    assert missing == []


@names
def test_every_link_leads_somewhere(document: Path) -> None:
    targets = [target.partition("#")[0] for target in LINK.findall(read(document)) if "://" not in target]
    assert [target for target in targets if target and not (document.parent / target).exists()] == []


@names
def test_a_document_has_one_title_and_no_machine_of_ours(document: Path) -> None:
    text = re.sub(r"```.*?```", "", read(document), flags=re.DOTALL)
    assert len(re.findall(r"^# ", text, flags=re.MULTILINE)) == 1
    assert text.startswith("# ")
    assert re.findall(r"(?<![\w./])/(?:work|root|home|tmp)/[\w./-]*", read(document)) == []


def test_the_map_is_two_pages_and_names_every_package() -> None:
    text = read(ROOT / "ARCHITECTURE.md")
    assert len(text.splitlines()) < 120
    named = set(re.findall(r"\w+", text))
    assert {path.name for path in (ROOT / "src" / "tocsin").iterdir() if (path / "__init__.py").exists()} <= named


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached or document.suffix != ".md":
            continue
        reached.add(document)
        links = [target.partition("#")[0] for target in LINK.findall(read(document)) if "://" not in target]
        waiting += [(document.parent / link).resolve() for link in links if link]
    assert set(DOCUMENTS) - reached == set()


def test_every_decision_has_its_number_and_its_line() -> None:
    assert [name[:4] for name in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert LINK.findall(read(ROOT / "docs" / "decisions" / "README.md"))[: len(DECISIONS)] == DECISIONS
    for number, name in enumerate(DECISIONS, 1):
        text = read(ROOT / "docs" / "decisions" / name)
        assert text.startswith(f"# {number}. ")
        assert "**Decided.**" in text or number == 8


def list_missing_tests(held: str) -> list[str]:
    return [name for name in held.split(", ") if not (ROOT / name).is_file()]


def test_every_line_of_the_page_has_its_row_and_is_held_by_a_test() -> None:
    parts = read(COMPATIBILITY).split(LINE_BY_LINE)[1].split("\n### ")[1:]
    tables = {part.splitlines()[0]: list(list_rows(part)) for part in parts}
    for send, product in zip(
        ["SMS send", "MMS send", "voice notice", "voice OTP", "email send"], PRODUCTS.values(), strict=True
    ):
        named = {row[0] for row in tables[f"Parameters of the {send}"]}
        assert named == {"account", "sign", "datetime", *product.parameters.split(), "sendTime, timeZone (ours)"}
    assert [row[0] for row in tables["Status codes"]] == [f"{int(status)}: {status.text}" for status in Status]
    assert [row[:2] for row in tables["Zones of a scheduled send"]] == [
        [zone.label, ", ".join(zone.places)] for zone in zones()
    ]
    for _, what, held in (row for rows in tables.values() for row in rows):
        assert what
        assert list_missing_tests(held) == [], what


def test_every_decision_of_compatibility_is_marked_and_held_by_a_test() -> None:
    rows = list(list_rows(read(COMPATIBILITY).split(LINE_BY_LINE)[0]))
    assert len(rows) > 60
    for decision, line, kind, held in rows:
        assert line, decision
        assert kind in {"seed", "extension"}, decision
        if held not in UNTESTED:
            assert list_missing_tests(held) == [], decision


def test_the_settings_are_those_of_the_code() -> None:
    rows = {row[0].strip("`"): row[1:] for row in list_rows(read(ROOT / "docs" / "reference" / "settings.md"))}
    assert list(rows) == [field.metadata["name"] for field in dataclasses.fields(Settings)]
    for field in dataclasses.fields(Settings):
        default, help_text = rows[field.metadata["name"]]
        assert help_text == field.metadata["help"]
        shown = default.strip("`")
        assert shown == ("none" if field.default in (None, "", ()) else f"{field.default}".removesuffix(".0"))


def test_the_statuses_are_those_of_the_code() -> None:
    of_replies, of_reports = read(ROOT / "docs" / "reference" / "statuses.md").split("## Of a report")
    assert {int(row[0]): row[1] for row in list_rows(of_replies)} == {int(s): s.text for s in Status}
    assert list(list_rows(of_reports)) == [[str(r.end.status), r.end.phrase, r.name] for r in Reason]


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind != "sandbox"])
def test_the_settings_of_a_channel_are_those_of_the_code(kind: str) -> None:
    part = read(ROOT / "docs" / "reference" / "carriers.md").split(f"\n## {kind}:")[1].split("\n## ")[0]
    rows = {row[0].strip("`"): row[1:] for row in list_rows(part)}
    assert list(rows) == [setting.name for setting in list_settings(kind)]
    for setting in list_settings(kind):
        default, help_text = rows[setting.name]
        assert help_text == setting.help
        assert default.endswith("secret") == setting.secret
        assert default.startswith("required") == setting.required
        if isinstance(setting.default, int | float) and not isinstance(setting.default, bool):
            assert default == f"`{setting.default:g}`"


def list_verbs(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from list_verbs(inner, f"{path} {name}".strip())
    else:
        yield path, command


def test_the_verbs_are_those_of_the_code() -> None:
    rows = list(list_rows(read(ROOT / "docs" / "reference" / "command-line.md")))
    described = {re.split(r" [\[{A-Z]", row[0].strip("`"))[0]: row for row in rows}
    verbs = dict(list_verbs(root))
    assert set(described) == set(verbs)
    for name, command in verbs.items():
        _, says, options = described[name]
        assert says == command.get_short_help_str(200)
        wanted = [
            "/".join([param.opts[0], *param.secondary_opts])
            for param in command.params
            if isinstance(param, click.Option) and param.opts[0] != "--json"
        ]
        assert re.findall(r"`([^`]+)`", options) == wanted, name


def test_every_path_of_the_api_that_is_named_is_served() -> None:
    for document in DOCUMENTS:
        if document == COMPATIBILITY:
            continue  # it also decides what is not built yet
        named = set(re.findall(r"`(/(?:api/v1/[\w/]+|healthz|readyz|metrics|openapi\.json|docs))`", read(document)))
        assert named - set(ENDPOINTS) - set(PAGES) == set(), document


def test_every_endpoint_beside_the_page_is_named_in_its_reference() -> None:
    text = read(ROOT / "docs" / "reference" / "api-extensions.md")
    on_the_page = ("sendbatchsms", "vos/notice", "vos/otp", "email/sendEmail")
    assert [path for path in ENDPOINTS if path not in text and not path.endswith(on_the_page)] == []


def test_the_words_of_the_glossary_are_said_once_and_are_the_codes() -> None:
    words = [row[0].strip("*") for row in list_rows(read(GLOSSARY))]
    assert len(words) == len(set(words))
    assert {"accept", "route", "submit", "receipt", "push", "part", "sender", "lane", "item", "claim", "lease"} <= set(
        words
    )
    assert {"batch", "endpoint", "outbox", "report", "submission", "ledger", "wallet"} <= set(words)
    for kind in OutcomeKind:
        assert kind.name in read(GLOSSARY)


LIMITS = ROOT / "docs" / "explanation" / "limits.md"
MB = 1024 * 1024
FIXED: dict[str, list[int]] = {
    "Clock of a sign": [auth.CLOCK_WITHIN_S],
    "Windows in memory, of customers and of strangers each": [limits.MAX_NAMES],
    "Body": [server.BODY_MOST // MB],
    "Body of MMS and email": [server.BODY_MOST_WITH_FILES // MB],
    "Body that is read by a helper process": [server.BULK_BYTES // 1024],
    "Sends of an API process that wait for the database": [group.WAITING_MOST],
    "Idempotency-Key": [idempotency.KEY_MOST],
    "Content of SMS, MMS and voice": [contents.MAX_UNITS],
    "Title of an MMS": [accept.MAX_TITLE_UNITS],
    "Files of an MMS": [mms.FILES_MOST, media.MOST_ATTACHMENT_BYTES],
    "Subject of an email": [mail.MOST_SUBJECT],
    "Content of an email": [mail.MOST_CONTENT // MB],
    "Time of a scheduled send": [schedule.AHEAD_S // 86_400],
    "Ids of a report query": [reports.IDS_MOST],
    "Span of a report query": [reports.DAYS_MOST],
    "Rows of a page of reports": [reports.PAGE_MOST],
    "Time that a look-up may take": [int(desk.ANSWER_WITHIN_S)],
    "The same, of all accounts and addresses": [strangers.MAX_ROWS],
    "Lines of the log, of a logger that strangers reach": [MAX_LINES],
    "Accepted requests of an account": [journal.ACCEPTED_MOST],
    "Accepted requests of all accounts": [journal.ALL_ACCEPTED_MOST],
    "Refused requests of an account": [journal.REFUSED_MOST],
    "Body of a refused request": [masking.KEPT],
    "File of a form": [bounds.MOST_BYTES // MB],
    "Rows of an uploaded table": [tables.MOST_ROWS],
    "Columns of an uploaded table": [tables.MOST_COLUMNS],
    "Exports and uploads under way, of an account": [files.MOST_LIVE],
    "Rows of an export": [export.MOST_ROWS],
    "Bytes of an export": [export.MOST_BYTES // MB],
    "Pushes in flight of an endpoint": [deliver.IN_FLIGHT],
    "URL of an endpoint": [MAX_URL],
    "Test events of an account": [trials.MOST_A_MINUTE],
    "URL of a GET send and of a report query": [server.URL_MOST_WITH_NUMBERS // 1024],
    "Any other URL": [server.URL_MOST // 1024],
    "Body of a request that sends nothing": [server.BODY_MOST_WITHOUT_SEND // 1024],
    "Time for a head, a TLS handshake too": [int(FrontLimits().head_s)],
    "Time for a body": [int(FrontLimits().body_s), FrontLimits().body_rate],
    "Time of an idle connection": [int(FrontLimits().idle_s)],
    "Time for an answer": [int(FrontLimits().answer_s)],
    "Time in which a client must read its answer": [int(FrontLimits().write_s)],
    "Bytes of bodies over 16 KB at once": [FrontLimits().room // MB],
    "Rest of a body that was refused": [int(FrontLimits().drain_s), FrontLimits().drain_bytes // MB],
    "Headers": [Bounds().header_count, Bounds().headers // 1024],
    "Body of a carrier's call": [carrier.BODY_MOST // MB],
    "Rows of a carrier's call": [calls.ROWS_MOST],
}


def read_numbers(text: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"(?<![\d,])\d[\d,]*", text)]


def test_the_limits_are_those_of_the_code() -> None:
    rows = [row for row in list_rows(read(LIMITS)) if len(row) == 4]
    assert len(rows) > 60
    defaults = {field.metadata["name"]: field.default for field in dataclasses.fields(Settings)}
    checked = set()
    for name, default, setting, answer in rows:
        assert answer, name
        assert setting, name
        numbers = read_numbers(default)
        for variable in re.findall(r"`((?:TOCSIN_|DATABASE_)\w+)`", f"{default} {setting}"):
            assert variable in defaults, name
            value = defaults[variable]
            if isinstance(value, int | float) and variable in setting and "tenth" not in default:
                assert int(value) in numbers, name
        if setting.startswith("fixed") and name in FIXED:
            checked.add(name)
            assert numbers[: len(FIXED[name])] == FIXED[name], name
    assert checked == set(FIXED)


def test_every_setting_of_a_limit_is_on_the_page_of_limits() -> None:
    """Settings that bound what may be sent, kept or waited for: whose default is a number. Not ports, processes, the breaker."""
    numbers = [
        field.metadata["name"] for field in dataclasses.fields(Settings) if isinstance(field.default, int | float)
    ]
    page = read(LIMITS)
    others = re.compile("PORT|BREAKER|CONSOLE_PROCESSES|START_BALANCE$")
    assert [name for name in numbers if not others.search(name) and f"`{name}`" not in page] == []
