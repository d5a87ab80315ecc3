"""Mails of an installation without an SMTP server: the last ones are kept, and the demo shows them on a page."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin.console.installation import installation
from tocsin.schema.models import LocalMail

KEPT = 50
_LOG = logging.getLogger("tocsin.console")


def is_shown() -> bool:
    """Whether everybody may read the outbox."""
    return installation().settings.console_outbox == "on" and not installation().settings.smtp_url


class Backend(BaseEmailBackend):
    """Django's way to send mail, without a server."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep them where the outbox is shown; else they are lost, and the log says so."""
        if not is_shown():
            _LOG.error("a mail was not sent: TOCSIN_SMTP_URL names no server")
            return 0
        for mail in email_messages:
            LocalMail.objects.create(to=", ".join(mail.to), subject=str(mail.subject), body=str(mail.body))
        newest = LocalMail.objects.order_by("-id").values_list("id", flat=True)[:KEPT]
        LocalMail.objects.exclude(id__in=list(newest)).delete()
        return len(email_messages)


@require_safe
@never_cache
def show(request: HttpRequest) -> HttpResponse:
    """The outbox, newest first; not found where it is not shown."""
    if not is_shown():
        raise Http404
    return render(request, "console/outbox.html", {"mails": LocalMail.objects.order_by("-id")[:KEPT]})
