"""Answers to replies that opt out or in: each a NOTIFICATION of the account that was answered, charged to it.

Only a reply that changes something is answered, so that two machines do not answer each other for ever. The answers are
stored in the transaction that stores the replies; one that cannot be sent (no money, no route, a full cap) is left out, and
the reply is kept without it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

import psycopg

from tocsin.compliance import Choice, OptOut, Screened, find_opted_out, give_back, screen
from tocsin.kit.db import LOST, Session, Statement
from tocsin.messaging import store
from tocsin.messaging.accept import check_send
from tocsin.messaging.batchno import Exhausted
from tocsin.messaging.ends import Books
from tocsin.messaging.forms import SMS
from tocsin.messaging.ground import Ground
from tocsin.messaging.model import Ask, Draft, Refusal
from tocsin.messaging.numbers import refuse_some, sending_of
from tocsin.traffic import Priority

log = logging.getLogger(__name__)

# The text is the operator's: no template is demanded.
_FORM: Final = SMS._replace(priority=Priority.NOTIFICATION, template_rule=False)


class Heard(NamedTuple):
    """A choice, and the codeId of the message that it answers."""

    choice: Choice
    country_id: int


class Answer(NamedTuple):
    """A checked send, and what it took out of caps."""

    draft: Draft
    screened: Screened


class Answers:
    """Makes the answers of one process."""

    def __init__(self, ground: Ground, books: Books) -> None:
        self._ground = ground
        self.books = books

    async def make(self, session: Session, heard: Sequence[Heard]) -> list[Answer]:
        """Those that may go, in the order of the replies. Raises LOST."""
        wanted = [(each, text) for each in heard if (text := self._find_text(each.choice)) is not None]
        if not wanted:
            return []
        places = await find_opted_out(session, [each.choice for each in heard])
        out = {_key(each.choice): at in places for at, each in enumerate(heard)}
        answers: list[Answer] = []
        for each, text in wanted:
            opts_out = isinstance(each.choice.reply, OptOut)
            if out[_key(each.choice)] == opts_out:
                continue
            out[_key(each.choice)] = opts_out
            answer = await self._check(session, each, text)
            if isinstance(answer, Answer):
                answers.append(answer)
            else:
                log.warning("a reply to account %d is not answered: %s", each.choice.account_id, answer)
        return answers

    def _find_text(self, choice: Choice) -> str | None:
        account = self.books.account_of(choice.account_id)
        if account is None or account.locked:
            return None
        return self._ground.guards.find_answer(choice.account_id, choice.reply)

    async def _check(self, session: Session, heard: Heard, text: str) -> Answer | str:
        """The answer, or why it is none."""
        account = self.books.account_of(heard.choice.account_id)
        if account is None:
            return "the account is gone"
        ask = Ask(
            numbers=f"+{heard.choice.number}",
            content=text,
            code_id=str(heard.country_id),
            sender_id=heard.choice.sender,
        )
        try:
            draft = check_send(ask, account, _FORM, 1, self._ground)
        except Exhausted:
            return "no batch number can be given"
        if isinstance(draft, Refusal):
            return f"{draft.status.name} {draft.detail}".rstrip()
        screened = await screen(session, sending_of(draft), self._ground.guards, self._ground.now_s())
        refuse_some(draft, screened.refused)
        if screened.spend_stop or not draft.good:
            await give_back(session, screened)
            return "the spend limit is reached" if screened.spend_stop else "a list or a cap is in the way"
        return Answer(draft, screened)


async def write(session: Session, statements: Sequence[Statement], answers: Sequence[Answer]) -> int:
    """One transaction of the statements and of the answers that can be stored; how many can. Raises LOST."""
    while answers:
        drafts = [answer.draft for answer in answers]
        try:
            await session.batch([*statements, store.accept(drafts)])
        except LOST:
            raise
        except psycopg.Error as error:
            answers = await _drop(session, answers, error)
        else:
            return len(answers)
    await session.batch(statements)
    return 0


async def _drop(session: Session, answers: Sequence[Answer], error: psycopg.Error) -> list[Answer]:
    """Those that were not refused; where it does not say which were, none."""
    named = {refused["i"]: refused["why"] for refused in store.read_refusals(error)}
    kept: list[Answer] = []
    for at, answer in enumerate(answers):
        if named and at not in named:
            kept.append(answer)
            continue
        log.warning("a reply to account %d is not answered: %s", answer.draft.account_id, named.get(at, error))
        await give_back(session, answer.screened)
    return kept


def _key(choice: Choice) -> tuple[int, str, str]:
    return choice.account_id, choice.number, choice.sender
