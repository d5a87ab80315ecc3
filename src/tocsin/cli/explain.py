"""`tocsin route explain`: which way a number would go, and why. It asks the code that routes; nothing is decided here."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import click

from tocsin import accounts, billing, content, messaging, routing
from tocsin.cli.base import Choice, Refusal, find_dsn, load_settings, show, table, verb
from tocsin.cli.change import Conn, open_change
from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.traffic import PRODUCT_NAMES, Priority, Product

PRODUCT = Choice(list(PRODUCT_NAMES), case_sensitive=False)
ACTION = Choice([priority.name for priority in Priority], case_sensitive=False)
_FORMS = {form.product: form for form in (messaging.SMS, messaging.MMS, messaging.VOICE_NOTICE, messaging.VOICE_OTP)}


class Owner(NamedTuple):
    """Whose number it is (routing.Payer). Id 0: nobody's in particular."""

    id: int
    plan_id: int
    name: str | None
    plan: str
    grants: dict[str, set[str]]


class Recipient(NamedTuple):
    """A number as it is routed. `country` None: an address of email."""

    address: str
    country: routing.Country | None


@verb("explain")
@click.argument("number")
@click.option("--account", help="Sent by this account; else by one of the default plan without routes of its own.")
@click.option("--product", type=PRODUCT, default="sms", show_default=True, help="What is sent.")
@click.option("--action", type=ACTION, help="What an SMS is for.  [default: NOTIFICATION]")
@click.option("--sender", default="", help="Its sender, if the request names one.")
@click.option("--routing", "pinned", help="The channel that the request names.")
@click.option("--country", help="Whose number it is, as a request's codeId says; else its calling code tells.")
def explain(number: str, account: str | None, product: str, **options: Any) -> None:
    """Tell which way a number would go now, and why: each rule, the channels in order, price, cost and margin.

    NUMBER has its country code. Nothing is sent. Shown are the rules that numbers of its country and account can meet.

    \b
    Examples: tocsin route explain 6281234567890
              tocsin route explain 6281234567890 --account acme --action MARKETING --sender ACME
    """
    settings = load_settings()
    routes = asyncio.run(_read_table(find_dsn(settings)))
    kind = PRODUCT_NAMES[product]
    with open_change(settings) as conn:
        owner = _find_owner(conn, account)
        to = _read_recipient(number, kind, options["country"], routes)
        case = _read_case(kind, owner, to, routes, options)
        code_id = to.country.code_id if to.country else routing.NOWHERE
        found = routes.explain(owner, code_id, case, to.address)
        names = {row.id: row for row in routing.list_routes(conn)}
    facts = _describe(owner, to, case, found)
    facts["rules"] = [_describe_rule(verdict, names.get(verdict.route.id), routes) for verdict in found.verdicts]
    facts["channels"] = [_describe_offer(offer, routes) for offer in found.offers]
    show(facts, _tell(facts))


async def _read_table(dsn: str) -> routing.Table:
    session, routes = Session(dsn, "cli"), routing.Table()
    try:
        await routes.load(session)
    finally:
        await session.close()
    return routes


def _find_owner(conn: Conn, account: str | None) -> Owner:
    """Raises AccountError, BillingError."""
    if account is None:
        plan = billing.find_plan(conn, accounts.DEFAULT_PLAN)
        return Owner(0, plan.id, None, plan.name, {})
    facts = accounts.find_account(conn, account)
    grants: dict[str, set[str]] = {}
    for _, kind, value in accounts.list_grants(conn, facts.id, everything=True):
        grants.setdefault(kind, set()).add(value)
    return Owner(facts.id, billing.find_plan(conn, facts.plan).id, account, facts.plan, grants)


def _read_recipient(number: str, product: Product, country: str | None, routes: routing.Table) -> Recipient:
    """Raises Refusal."""
    if product is Product.EMAIL:
        verdict = content.check_address(number)
        if verdict.fault is not None:
            raise Refusal(f"{number!r} is no email address")
        return Recipient(verdict.address, None)
    asked = _find_country(number, country, routes)
    read = content.numbering(asked.iso, _FORMS[product].voice).normalise(
        number if country else f"+{_digits_of(number)}"
    )
    own = routes.country_of_iso(read.region_iso) or asked
    if read.reason is not None:
        raise Refusal(f"{number} is no number of {asked.iso} that {product.name.lower().replace('_', ' ')} reaches")
    if not own.enabled:
        raise Refusal(f"nothing is sent to {own.iso}: tocsin country set {own.code_id} --enabled")
    return Recipient(read.digits, own)


def _digits_of(number: str) -> str:
    return content.clean_number(number).removeprefix("+").removeprefix("00")


def _find_country(number: str, word: str | None, routes: routing.Table) -> routing.Country:
    """Of the codeId or ISO code, else the main one of the number's calling code. Raises Refusal."""
    if word:
        named = routes.country(int(word)) if word.isdecimal() else routes.country_of_iso(word.upper())
        if named is None:
            raise routing.RoutingNameError("country", word, "give a codeId like 10007 or an ISO code like ID")
        return named
    digits = _digits_of(number)
    for country in routes.countries():
        if digits.startswith(str(country.calling_code)):
            main = routes.country_of_iso(content.numbering(country.iso).main_iso)
            return main or country
    raise Refusal(f"{number!r} begins with no country code: give it like 6281234567890")


def _read_case(
    product: Product, owner: Owner, to: Recipient, routes: routing.Table, options: dict[str, Any]
) -> routing.Case:
    """Raises Refusal for what the account was not granted."""
    form = _FORMS.get(product)
    fixed = form.priority if form else Priority.NOTIFICATION
    action = fixed if fixed is not None else Priority[options["action"] or Priority.NOTIFICATION.name]
    sender, pinned = options["sender"], options["pinned"]
    channel = routes.channel_by_name(pinned) if pinned else None
    if pinned and channel is None:
        raise routing.RoutingNameError("channel", pinned)
    if owner.name is not None:
        if pinned and pinned not in owner.grants.get(accounts.ROUTING, ()):
            raise Refusal(f"routing {pinned} is not granted to {owner.name}")
        if form and sender and sender not in owner.grants.get(form.sender_grant, ()):
            raise Refusal(f"{form.sender_grant} {sender} is not granted to {owner.name}")
    if form and not sender and form.sender_grant == accounts.SENDER and (pool := accounts.read_pool(owner.grants)):
        sender = pool.choose(to.country.code_id if to.country else 0, to.address)
    return routing.Case(product, action, sender, channel.id if channel else None, clock.now_s())


def _describe(owner: Owner, to: Recipient, case: routing.Case, found: routing.Explained) -> dict[str, Any]:
    return {
        "number": to.address,
        "country": to.country.iso if to.country else None,
        "codeId": to.country.code_id if to.country else None,
        "account": owner.name,
        "plan": owner.plan,
        "product": next(name for name, product in PRODUCT_NAMES.items() if product == case.product),
        "action": Priority(case.action).name,
        "sender": case.sender,
        "status": 0 if found.pick else int(content.Status.NO_CHANNEL),
    }


def _describe_rule(verdict: routing.Verdict, row: routing.RouteRow | None, routes: routing.Table) -> dict[str, Any]:
    route = verdict.route
    channel = routes.channel(route.channel_id)
    return {
        "id": route.id or None,
        "for": _tell_scope(row) if row else "named by the request",
        "channel": channel.name if channel else None,
        "preference": route.preference,
        "weight": route.weight,
        "wins": verdict.why is routing.Why.CARRIES,
        "why": f"{verdict.why}: {verdict.detail}" if verdict.detail else str(verdict.why),
    }


def _tell_scope(row: routing.RouteRow) -> str:
    hours = (
        "" if row.start_minute is None else f"{content.write_hours(row.start_minute, row.end_minute or 0)} {row.zone}"
    )
    action = "" if row.action is None else Priority(row.action).name
    words = {
        "account": row.account, "plan": row.plan, "country": row.iso, "prefix": row.prefix, "sender": row.sender,
        "action": action, "hours": hours,
    }  # fmt: skip
    return ", ".join(f"{name} {word}" for name, word in words.items() if word) or "everything"


def _describe_offer(offer: routing.Offer, routes: routing.Table) -> dict[str, Any]:
    channel = routes.channel(offer.channel_id)
    price, cost = offer.price_micros, offer.cost_micros
    margin = None if price is None or cost is None else price - cost
    return {
        "channel": channel.name if channel else None,
        "price": None if price is None else billing.text_of(price),
        "cost": None if cost is None else billing.text_of(cost),
        "margin": None if margin is None else billing.text_of(margin),
        "margin_percent": round(100 * margin / price, 1) if price and margin is not None else None,
        "paused": channel.paused if channel else False,
        "why_not": None if offer.against is None else str(offer.against),
    }


def _tell(facts: dict[str, Any]) -> str:
    place = f"{facts['country']} ({facts['codeId']})" if facts["country"] else "email"
    who = f"account {facts['account']}" if facts["account"] else "any account"
    head = f"{facts['number']}  {place}  {facts['product']} {facts['action']}  {who} of plan {facts['plan']}"
    if facts["sender"]:
        head += f"  from {facts['sender']}"
    names = ["id", "for", "channel", "preference", "weight", "why"]
    rules = table(names, [["" if row[name] is None else row[name] for name in names] for row in facts["rules"]])
    return "\n\n".join([head, rules, _tell_channels(facts["channels"])])


def _tell_channels(channels: list[dict[str, Any]]) -> str:
    cells = []
    for at, row in enumerate([*(row for row in channels if not row["why_not"])], 1):
        told = (
            f"{row['margin']} ({row['margin_percent']} %)" if row["margin_percent"] is not None else row["margin"] or ""
        )
        note = "paused: it waits there" if row["paused"] and at == 1 else "paused" if row["paused"] else ""
        cells.append([at, row["channel"], row["price"], row["cost"] or "not known", told, note])
    if not cells:
        return "It goes nowhere: no route, or no price for it (status 3)."
    return table(["try", "channel", "price", "cost", "margin", ""], cells)
