"""Keeps what terminal users choose by their replies: no more MARKETING of an account, or again."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.compliance import store
from tocsin.compliance.model import Choice, OptOut
from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement


def keep_choices(choices: Sequence[Choice]) -> list[Statement]:
    """Statements that write them, in their order for each number; for a transaction of their own or the first of one.

    An opt-out holds for the sender that was answered, and for all senders of the account where that is not known ("").
    """
    last = {(choice.account_id, choice.number, choice.sender): choice for choice in choices}.values()
    ins = [choice for choice in last if not isinstance(choice.reply, OptOut)]
    outs = [choice for choice in last if isinstance(choice.reply, OptOut)]
    statements = [store.undo_opt_outs(_columns(ins))] if ins else []
    return [*statements, store.keep_opt_outs(_columns(outs))] if outs else statements


async def find_opted_out(session: Session, choices: Sequence[Choice]) -> set[int]:
    """Places of those whose number has opted out already, of the same sender or of all; of any, where none is known."""
    return await store.find_opted_out(session, _columns(choices))


def bar(addresses: Sequence[tuple[int, str]], origin: str) -> Statement:
    """A statement that puts (account, address in lower case) on blacklists. `origin`: unsubscribe, complaint."""
    columns = pgbin.int4s([account_id for account_id, _ in addresses]), pgbin.texts([each for _, each in addresses])
    return store.bar(origin, *columns)


def _columns(choices: Sequence[Choice]) -> tuple[pgbin.Column, ...]:
    return (
        pgbin.int4s([choice.account_id for choice in choices]),
        pgbin.texts([choice.number for choice in choices]),
        pgbin.texts([choice.sender for choice in choices]),
    )
