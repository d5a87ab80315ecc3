"""How allauth fits into the console: who may register, from which address he comes, where he goes."""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from tocsin.console.installation import installation
from tocsin.console.mails import Mails
from tocsin.console.signins import find_user, note_failure

_LOG = logging.getLogger("tocsin.console")


class Adapter(Mails):
    """allauth's choices where the installation decides them."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  allauth's call
        """Where no mail can go, no address can be verified."""
        return bool(installation().settings.smtp_url) or installation().settings.console_outbox == "on"

    def get_client_ip(self, request: HttpRequest) -> str:
        """As our middleware found it."""
        return str(request.META["REMOTE_ADDR"])

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """A wrong password, at the log-in or where it is asked again."""
        user = find_user(str(credentials.get("email", "")))
        if user is not None:
            note_failure(request, user, "password")

    def send_notification_mail(self, *words: Any, **named: Any) -> None:
        """Tell of a change that is made already: a mail server that is away does not undo it."""
        try:
            super().send_notification_mail(*words, **named)
        except OSError as error:
            _LOG.error("a notice of a change was not sent: %s", error)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002  the same
        """Back to where the change began."""
        return reverse("security")
