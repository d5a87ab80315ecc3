"""Verbs over sensitive words."""

from __future__ import annotations

import click

from tocsin import compliance
from tocsin.cli.base import open_session, show, table, verbs
from tocsin.cli.change import note, open_change


@verbs()
def word() -> None:
    """Sensitive words: a text that holds one is refused (-3, email -12)."""


@word.command("add")
@click.argument("text", metavar="WORD")
def add(text: str) -> None:
    """Refuse texts with this word, in whatever dress: capitals, full width, separators between its letters.

    \b
    Example: tocsin word add casino
    """
    with open_change() as conn:
        row = compliance.add_word(conn, text)
        note(conn, "word add", f"word {row.word}", None, row._asdict())
    show(row._asdict(), f"texts with {row.word!r} are refused; it is compared as {row.normal!r}")


@word.command("remove")
@click.argument("text", metavar="WORD")
def remove(text: str) -> None:
    """Allow a word again."""
    with open_change() as conn:
        row = compliance.remove_word(conn, text)
        note(conn, "word remove", f"word {row.word}", row._asdict(), None)
    show(row._asdict(), f"texts with {row.word!r} are allowed")


@word.command("list")
def list_words() -> None:
    """List all sensitive words."""
    with open_session() as conn:
        found = compliance.list_words(conn)
    show([row._asdict() for row in found], table(["word", "compared as"], found))


@word.command("try")
@click.argument("text")
def try_text(text: str) -> None:
    """Tell whether a text would be refused, and for which word.

    \b
    Example: tocsin word try "visit our C.A.S.I.N.O"
    """
    with open_session() as conn:
        found = compliance.try_words(conn, text)
    said = "no sensitive word in it" if found is None else f"refused: it holds {found!r}"
    show({"refused": found is not None, "word": found}, said)
