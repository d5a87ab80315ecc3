"""What an end means and what can be done about it, in a sentence; what carriers and servers said, in words."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from tocsin.console.lazy import StrPromise
from tocsin.traffic import OutcomeKind, Priority, ReactionKind, Reason

REASONS: Final[dict[Reason, StrPromise]] = {
    Reason.NUMBER_ERROR: _("The number does not exist or cannot take messages. Check it, or take it off your list."),
    Reason.DUPLICATE: _("The number stood in the request before: it got the message once."),
    Reason.COUNTRY_ERROR: _("The number is not one of the country that the request named."),
    Reason.NO_ROUTE: _("No channel carries this product to this country. Ask your operator to open one."),
    Reason.BLACKLISTED: _("The number is on a blacklist, here or at the carrier, or its owner opted out."),
    Reason.OVER_CAP: _("More than a cap allows in its time. It works again when that time is over."),
    Reason.SPEND_STOP: _("The account's spend limit for the day is reached."),
    Reason.SEND_FAILED: _("No carrier took it, however often it was tried. It cost nothing."),
    Reason.REJECTED: _("The carrier refused it when it was handed over, often for its sender or its text."),
    Reason.UNDELIVERED: _("The carrier took it and could not deliver it."),
    Reason.EXPIRED: _("It could not be delivered within its time: the phone was off or out of reach."),
    Reason.NO_RECEIPT: _("The carrier took it and never said what became of it. If it still does, the state changes."),
    Reason.ACCOUNT_LOCKED: _("The account was locked when its turn came. Ask your operator."),
    Reason.CANCELLED: _("It was cancelled before it left."),
    Reason.BUSY: _("The line was busy."),
    Reason.NO_ANSWER: _("Nobody picked up."),
    Reason.CALL_REJECTED: _("The call was declined."),
    Reason.UNREACHABLE: _("The phone was off or out of reach."),
}
OUTCOMES: Final[dict[OutcomeKind, tuple[StrPromise, str, str]]] = {
    OutcomeKind.ACCEPTED: (_("Submitted: the carrier took it"), "send", "azure"),
    OutcomeKind.TEMPORARY: (_("The carrier could not take it just then: put off"), "clock-pause", "yellow"),
    OutcomeKind.PERMANENT: (_("The carrier refused it"), "ban", "red"),
    OutcomeKind.THROTTLED: (_("The carrier asked for a slower pace: put off"), "clock-pause", "yellow"),
    OutcomeKind.UNKNOWN: (_("The carrier did not answer: it may have taken it"), "hourglass", "yellow"),
}
"""Of a submit: words, icon, colour."""
PRIORITIES: Final[dict[Priority, StrPromise]] = {
    Priority.VERIFY: _("Verification"),
    Priority.NOTIFICATION: _("Notification"),
    Priority.MARKETING: _("Marketing"),
}
REACTIONS: Final[dict[ReactionKind, tuple[StrPromise, str, str]]] = {
    ReactionKind.OPENED: (_("Opened"), "mail-opened", "green"),
    ReactionKind.CLICKED: (_("A link was clicked"), "click", "green"),
    ReactionKind.UNSUBSCRIBED: (_("Unsubscribed: the address is on your blacklist now"), "ban", "yellow"),
    ReactionKind.COMPLAINED: (_("Marked as spam: the address is on your blacklist now"), "ban", "red"),
    ReactionKind.BOUNCED: (_("Bounced after its delivery"), "circle-x", "red"),
}
KINDS: Final[dict[str, StrPromise | str]] = {
    "sandbox": _("Sandbox"),
    "smpp": "SMPP",
    "http": "HTTP",
    "tocsin": _("Partner platform"),
}
"""Of carriers, as a customer may know them: which carrier it is stays with the operator."""
