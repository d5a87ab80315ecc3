"""Low-balance alerts: a thread of the console's process looks every few seconds who fell below his threshold, and mails it.

Here and not among the workers' housekeeping, as the console has the SMTP settings and the outbox. Several consoles do no harm: a
fall is claimed and committed before its mail goes. It must not end, and must not keep the process: it is a daemon.
"""

from __future__ import annotations

import logging
import threading
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.db import Error, connection
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from tocsin import accounts, billing
from tocsin.billing import Fall, text_of
from tocsin.console.installation import installation
from tocsin.console.rights import MONEY
from tocsin.console.tenancy import Member, open_change, open_look

EVERY_S = 5.0
_LANGUAGES = {"zh": "zh-hans"}
log = logging.getLogger("tocsin.console")


def start() -> None:
    """Look from now on, until the process ends."""
    threading.Thread(target=_look_on, name="alerts", daemon=True).start()


def _look_on() -> None:
    rest = threading.Event()
    while not rest.wait(EVERY_S):
        try:
            tell_falls()
        except Error:
            log.info("alerts wait for the database")
        except Exception:  # the edge of the loop
            log.exception("alerts")
        finally:
            connection.close()


def tell_falls() -> int:
    """Mail every fall that nobody was told of; how many mails went."""
    if not can_mail():
        return 0  # the banner shows it, and a server that is set later gets what is still true then
    with open_change() as conn:
        falls = billing.claim_falls(conn)
    return sum(_tell(fall) for fall in falls)


def can_mail() -> bool:
    """Whether a mail of the console would go anywhere."""
    settings = installation().settings
    return bool(settings.smtp_url) or settings.console_outbox == "on"


def _tell(fall: Fall) -> bool:
    if not fall.addresses:
        return False
    try:
        _write(fall).send()
    except (OSError, SMTPException):
        log.exception("the low-balance alert of account %s could not be mailed: it is tried again", fall.account)
        with open_change() as conn:
            billing.give_back_fall(conn, fall)
        return False
    return True


def _write(fall: Fall) -> EmailMessage:
    """In the account's language, to all of its addresses at once: it goes or it does not."""
    facts = {
        "account": accounts.write_title(fall.account, fall.display_name),
        "left": text_of(fall.left_micros),
        "threshold": text_of(fall.threshold_micros),
        "currency": fall.currency,
        "url": installation().settings.console_url,
    }
    with translation.override(_LANGUAGES.get(fall.language, fall.language)):
        subject = _("Low balance: %(left)s %(currency)s left on account %(account)s") % facts
        body = render_to_string("console/mails/low_balance.txt", facts)
    return EmailMessage(subject, body, to=fall.addresses)


def describe_banner(request: HttpRequest) -> dict[str, object]:
    """For the layout: what is left, where that is little, to those whom money concerns. Asked where it is shown only."""
    member: Member | None = getattr(request, "member", None)
    if member is None or MONEY not in member.can:
        return {}
    return {"find_low_balance": lambda: _find_low(member)}


def _find_low(member: Member) -> dict[str, str] | None:
    with open_look() as conn:
        alert = billing.read_alert(conn, member.account_id)
    if alert is None or not alert.is_low:
        return None
    return {"left": text_of(alert.left_micros), "threshold": text_of(alert.threshold_micros)}
