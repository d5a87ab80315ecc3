"""The first send in six languages: the texts beside this file, which page, documents and tests share.

Each needs its language's standard library alone. The words in @ are filled in; what is filled in has no quotes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent


class Language(NamedTuple):
    """`name` is the text's file; `file` and `command`: as what it is saved and how it is run, "" and "" for a shell."""

    name: str
    title: str
    file: str
    command: str


LANGUAGES = (
    Language("curl", "cURL", "", ""),
    Language("python", "Python", "send.py", "python3 send.py"),
    Language("node", "Node.js", "send.mjs", "node send.mjs"),
    Language("java", "Java", "Send.java", "java -Dfile.encoding=UTF-8 Send.java"),
    Language("php", "PHP", "send.php", "php send.php"),
    Language("go", "Go", "send.go", "go run send.go"),
)


class Sample(NamedTuple):
    """A text ready to be run."""

    language: Language
    text: str


def write_samples(account: str, api_key: str, url: str, body: dict[str, object]) -> list[Sample]:
    """All of them, for one account, key, address and body of a send by number, in the order of LANGUAGES."""
    words = {
        "@ACCOUNT@": account,
        "@KEY@": api_key,
        "@URL@": url,
        "@NUMBER@": str(body["numbers"]),
        "@COUNTRY@": str(body["codeId"]),
        "@CONTENT@": str(body["content"]),
        "@ACTION@": str(body["action"]),
    }
    return [Sample(language, _fill(_read(language.name), words)) for language in LANGUAGES]


def _fill(text: str, words: dict[str, str]) -> str:
    for name, word in words.items():
        text = text.replace(name, word)
    return text


@cache
def _read(name: str) -> str:
    return (_HERE / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")
