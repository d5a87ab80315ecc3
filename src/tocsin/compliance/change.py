"""What operators do to words, caps, quiet hours and answers. In the caller's transaction; nothing here commits or audits."""

from __future__ import annotations

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.compliance import store
from tocsin.compliance.caps import WINDOWS
from tocsin.compliance.model import (
    EVERYBODY,
    Cap,
    CapKind,
    CapRow,
    ComplianceError,
    ComplianceNameError,
    OptAnswer,
    QuietRow,
    QuietRule,
    WordRow,
)
from tocsin.compliance.words import WordList, normalise
from tocsin.traffic import Priority

_WORD_MOST = 100
_ANSWER_MOST = 1024

RECOMMENDED_CAPS = (
    Cap(id=0, account_id=EVERYBODY, kind=CapKind.NUMBER, action=Priority.VERIFY, country_id=0, most=5,
        window_s=WINDOWS["hour"], digits=7),
    Cap(id=0, account_id=EVERYBODY, kind=CapKind.PREFIX, action=Priority.VERIFY, country_id=0, most=200,
        window_s=WINDOWS["hour"], digits=7),
    Cap(id=0, account_id=EVERYBODY, kind=CapKind.COUNTRY, action=Priority.VERIFY, country_id=0, most=5000,
        window_s=WINDOWS["day"], digits=7),
)  # fmt: skip
RECOMMENDED_QUIET = QuietRule(account_id=EVERYBODY, country_id=0, start_minute=21 * 60, end_minute=8 * 60)


def add_word(conn: Connection[TupleRow], word: str) -> WordRow:
    """Raises ComplianceError."""
    row = read_word(word)
    if not store.insert_word(conn, row.word, row.normal):
        raise ComplianceError(f"{row.word!r} is on the list already")
    return row


def remove_word(conn: Connection[TupleRow], word: str) -> WordRow:
    """The word that was. Raises ComplianceError."""
    row = read_word(word)
    found = store.delete_word(conn, row.normal)
    if found is None:
        raise ComplianceError(f"{row.word!r} is not on the list")
    return WordRow(found, row.normal)


def read_word(word: str) -> WordRow:
    """A word and its form of comparison. Raises ComplianceError."""
    word = word.strip()
    normal = normalise(word).letters
    if not normal or len(word) > _WORD_MOST or not word.isprintable():
        raise ComplianceError(f"{word!r} is no word: it needs letters or digits, {_WORD_MOST} characters at most")
    return WordRow(word, normal)


def list_words(conn: Connection[TupleRow]) -> list[WordRow]:
    """All words."""
    return store.list_words(conn)


def try_words(conn: Connection[TupleRow], text: str) -> str | None:
    """The first word that the text holds; None: none."""
    return WordList(store.list_words(conn)).find(text)


def set_cap(conn: Connection[TupleRow], cap: Cap) -> tuple[Cap | None, Cap]:
    """The cap of the same account, kind, action and country before, and after (the given id is ignored).

    Raises ComplianceError.
    """
    _check_cap(cap)
    before = store.find_cap(conn, cap)
    return before, msgspec.structs.replace(cap, id=store.upsert_cap(conn, cap))


def _check_cap(cap: Cap) -> None:
    if cap.kind == CapKind.SPEND and (cap.action is not None or cap.country_id):
        raise ComplianceError("a cap of spend counts all that an account sends: give no action and no country")
    if not 1 <= cap.digits <= 15:
        raise ComplianceError("a prefix has 1 to 15 digits")
    if cap.window_s not in WINDOWS.values():
        raise ComplianceError(f"a cap holds per {', '.join(WINDOWS)}")
    if cap.most is not None and not 0 <= cap.most < 1 << 62:
        raise ComplianceError("a cap is 0 or more")


def remove_cap(conn: Connection[TupleRow], cap_id: int) -> CapRow:
    """The cap that was. Raises ComplianceError."""
    found = store.list_caps(conn, cap_id)
    if not found:
        raise ComplianceNameError("cap", str(cap_id), "`tocsin cap list` has the ids")
    store.delete_cap(conn, cap_id)
    return found[0]


def list_caps(conn: Connection[TupleRow], cap_id: int | None = None) -> list[CapRow]:
    """All caps (or one): the general ones first."""
    return store.list_caps(conn, cap_id)


def set_quiet(conn: Connection[TupleRow], rule: QuietRule) -> QuietRule | None:
    """Set the rule of an account and country; the one before."""
    before = _find_quiet(conn, rule.account_id, rule.country_id)
    store.upsert_quiet_rule(conn, rule)
    return before


def remove_quiet(conn: Connection[TupleRow], account_id: int, country_id: int) -> QuietRule:
    """The rule that was. Raises ComplianceError."""
    found = _find_quiet(conn, account_id, country_id)
    if found is None:
        raise ComplianceError("there is no such rule: see `tocsin quiet list`")
    store.delete_quiet_rule(conn, account_id, country_id)
    return found


def _find_quiet(conn: Connection[TupleRow], account_id: int, country_id: int) -> QuietRule | None:
    rules = (row.rule for row in store.list_quiet_rules(conn))
    return next((rule for rule in rules if (rule.account_id, rule.country_id) == (account_id, country_id)), None)


def list_quiet(conn: Connection[TupleRow]) -> list[QuietRow]:
    """All quiet rules: the general ones first."""
    return store.list_quiet_rules(conn)


def set_answer(conn: Connection[TupleRow], answer: OptAnswer) -> OptAnswer | None:
    """Set what opt-outs or opt-ins are answered; the answer before. Raises ComplianceError."""
    if not answer.content.strip() or len(answer.content) > _ANSWER_MOST or "\x00" in answer.content:
        raise ComplianceError(f"an answer has 1 to {_ANSWER_MOST} characters")
    before = _find_answer(conn, answer)
    store.upsert_answer(conn, answer)
    return before


def remove_answer(conn: Connection[TupleRow], answer: OptAnswer) -> OptAnswer:
    """The answer that was (`content` of the given one is ignored). Raises ComplianceError."""
    before = _find_answer(conn, answer)
    if before is None:
        raise ComplianceError("there is no such answer")
    store.delete_answer(conn, answer.account_id, answer.kind, answer.language)
    return before


def _find_answer(conn: Connection[TupleRow], answer: OptAnswer) -> OptAnswer | None:
    key = (answer.account_id, answer.kind, answer.language)
    known = store.list_answers(conn)
    return next((each for each in known if (each.account_id, each.kind, each.language) == key), None)


def list_answers(conn: Connection[TupleRow]) -> list[OptAnswer]:
    """All answers."""
    return store.list_answers(conn)


def set_recommended(conn: Connection[TupleRow]) -> tuple[list[Cap], QuietRule | None]:
    """Set the recommended caps and quiet hours of all accounts where there are none yet; what was set."""
    caps = [set_cap(conn, cap)[1] for cap in RECOMMENDED_CAPS if store.find_cap(conn, cap) is None]
    if _find_quiet(conn, EVERYBODY, 0) is not None:
        return caps, None
    set_quiet(conn, RECOMMENDED_QUIET)
    return caps, RECOMMENDED_QUIET
