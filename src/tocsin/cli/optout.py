"""Verbs over opt-outs, and what terminal users are answered."""

from __future__ import annotations

import click

from tocsin import accounts, compliance
from tocsin.cli.base import Choice, open_session, show, table, verbs
from tocsin.cli.change import find_owner, note, open_change, tell_time

_OF = click.option("--account", required=True, help="From this account's MARKETING.")


@verbs()
def optout() -> None:
    """Opt-outs: who wants no more MARKETING of an account (5)."""


@optout.command("add")
@click.argument("number")
@_OF
@click.option("--sender", default="", help="From messages of this senderId alone. Default: of every one.")
def add(number: str, account: str, sender: str) -> None:
    """Opt a number out, as its owner's reply STOP does.

    \b
    Example: tocsin optout add 6281234567890 --account acme
    """
    with open_change() as conn:
        value = compliance.add_opt_out(conn, accounts.find_account(conn, account).id, number, sender)
        facts = {"number": value, "account": account, "sender": sender}
        note(conn, "optout add", f"optout {value}", None, facts)
    show(facts, f"{value} gets no more MARKETING of {account}{f' from {sender}' if sender else ''}")


@optout.command("remove")
@click.argument("number")
@_OF
@click.option("--sender", help="Of this senderId alone. Default: all of the account.")
def remove(number: str, account: str, sender: str | None) -> None:
    """Take a number's opt-outs back, as its owner's reply START does."""
    with open_change() as conn:
        account_id = accounts.find_account(conn, account).id
        value, senders = compliance.remove_opt_outs(conn, account_id, number, sender)
        facts = {"number": value, "account": account, "senders": sorted(senders)}
        note(conn, "optout remove", f"optout {value}", facts, None)
    show(facts, f"{value} gets MARKETING of {account} again")


@optout.command("list")
@click.argument("number", required=False)
@click.option("--account", help="Of this account.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
def list_opt_outs(number: str | None, account: str | None, limit: int) -> None:
    """List opt-outs, newest first; or look for those of NUMBER."""
    with open_change() as conn:
        account_id = accounts.find_account(conn, account).id if account else None
        found = compliance.list_opt_outs(conn, account_id, number, limit)
    rows = [
        {"number": r.value, "account": r.account, "sender": r.sender, "by": r.origin, "since": tell_time(r.created_at)}
        for r in found
    ]
    head = ["number", "account", "sender", "by", "since"]
    show(rows, table(head, [[row[name] or "any" for name in head] for row in rows]))


@optout.command("answer")
@click.argument("kind", type=Choice(["out", "in"]))
@click.argument("language", type=Choice(compliance.LANGUAGES))
@click.argument("text")
@click.option("--account", help="To users of this account, in place of the general answer.")
def set_answer(kind: str, language: str, text: str, account: str | None) -> None:
    """Answer opt-outs (out) or opt-ins (in) by TEXT; `none`: by nothing, the default.

    The language is that of the user's word: 退订 is answered in zh, STOP in en.

    \b
    Example: tocsin optout answer out en "You will get no more offers of Acme. Reply START to change that."
    """
    with open_change() as conn:
        owner = find_owner(conn, account)
        answer = compliance.OptAnswer(account_id=owner, kind=kind, language=language, content=text)
        before = compliance.remove_answer(conn, answer) if text == "none" else compliance.set_answer(conn, answer)
        after = None if text == "none" else {"content": text}
        subject = f"answer {kind} {language} of {account or 'all accounts'}"
        note(conn, "optout answer", subject, {"content": before.content} if before else None, after)
    facts = {"kind": kind, "language": language, "account": account, "content": after and text}
    show(facts, f"{subject}: {text}")


@optout.command("answers")
def list_answers() -> None:
    """List what opt-outs and opt-ins are answered."""
    with open_session() as conn:
        names = {facts.id: facts.name for facts in accounts.list_accounts(conn)}
        found = compliance.list_answers(conn)
    rows = [
        {"kind": a.kind, "language": a.language, "account": names.get(a.account_id), "content": a.content}
        for a in found
    ]
    head = ["kind", "language", "account", "content"]
    show(rows, table(head, [[row[name] or "any" for name in head] for row in rows]))
