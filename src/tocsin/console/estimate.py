"""What a send would be and cost, as the API says, in words of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext as _

from tocsin import billing
from tocsin.console import public
from tocsin.console.compose import Faults
from tocsin.console.installation import installation
from tocsin.console.kinds import Kind
from tocsin.console.names import name_country
from tocsin.console.refusals import cut_detail, word_refusal
from tocsin.console.shown import REASONS
from tocsin.console.tenancy import Conn, Member, open_look
from tocsin.traffic import Reason

_LINES_MOST: Final = 20


class Priced(NamedTuple):
    """Recipients of one country at one price."""

    country: str
    messages: int
    units: int  # of one message: parts, minutes, or 1
    unit_price: str
    price: str  # of all of them


class Estimate(NamedTuple):
    """Of a whole send; money as text."""

    good: int
    bad: int
    refused: Sequence[tuple[str, str]]  # the first of them: recipient, why
    parts: int
    amount_micros: int
    amount: str
    lines: Sequence[Priced]
    more_lines: int
    balance: str
    after: str
    is_short: bool
    content: str  # as it is sent: filled, spoken
    title: str


def ask_estimate(who: Member, kind: Kind, body: Mapping[str, Any]) -> tuple[Estimate | None, Faults]:
    """The estimate as far as there is one, and what is in the way of sending."""
    answer = public.call(open_line(), who.account, public.QUOTE + kind.path, body, "")
    if answer.fate is not public.Fate.ANSWERED:
        return None, {"": _("The platform does not answer at the moment. Try again in a while.")}
    if answer.status != 0:
        return None, word_refusal(kind, answer.status, cut_detail(answer.message))
    said = answer.data
    if "good" not in said:
        return None, word_refusal(kind, said["status"], said["detail"])
    with open_look() as conn:
        found = _read(conn, who.account_id, said)
    faults = word_refusal(kind, said["status"], said["detail"]) if said["status"] else {}
    if found.is_short:
        faults[""] = _("The balance does not cover it: %(amount)s %(currency)s are needed, %(balance)s are there.") % {
            "amount": found.amount, "balance": found.balance, "currency": who.currency,
        }  # fmt: skip
    return found, faults


def open_line() -> public.Line:
    """The line of this installation."""
    return public.open_line(installation().settings, installation().api_url)


def _read(conn: Conn, account_id: int, said: Mapping[str, Any]) -> Estimate:
    wallet = billing.read_wallet(conn, account_id)
    money = wallet.balance_micros + wallet.gift_micros
    amount = int(said["amount"])
    lines = [
        Priced(
            name_country(country), count, units, billing.text_of(price // max(units, 1)), billing.text_of(price * count)
        )
        for country, units, price, count in said["prices"]
    ]
    return Estimate(
        said["good"], said["bad"], [(phone, word_reason(reason)) for phone, reason in said["refused"]], said["parts"],
        amount, billing.text_of(amount), lines[:_LINES_MOST], max(len(lines) - _LINES_MOST, 0),
        billing.text_of(money), billing.text_of(money - amount), amount > money + wallet.credit_micros,
        said["content"], said["title"],
    )  # fmt: skip


def word_reason(reason: int) -> str:
    """Why a recipient is left out."""
    if reason == Reason.DUPLICATE:
        return _("listed twice: sent once")
    return str(REASONS.get(Reason(reason), ""))
