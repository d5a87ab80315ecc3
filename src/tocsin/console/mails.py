"""Mails of the console that allauth sends: in the reader's language, and no end of the request where they cannot go."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext as _

from tocsin.console.installation import installation
from tocsin.console.settings import CODE_HOLDS_S

_LOG = logging.getLogger("tocsin.console")


class Mails(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """allauth's way to send a mail. The texts are in templates/account/email."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send it. One that the server does not take is logged, and the visitor told: he may ask for it again."""
        language = getattr(context.get("user"), "language", "") or translation.get_language() or "en"
        facts = {"console_url": installation().settings.console_url, "minutes": CODE_HOLDS_S // 60, **context}
        try:
            with translation.override(language):
                super().send_mail(template_prefix, email, facts)
        except OSError as error:  # smtplib's errors are such
            _LOG.error("a mail was not sent: %s: %s", type(error).__name__, error)
            messages.error(self.request, _("The mail could not be sent. Try again in a few minutes."))

    def render_mail(
        self, template_prefix: str, email: str, context: dict[str, Any], headers: dict[str, str] | None = None
    ) -> EmailMessage:
        """A mail that no vacation notice answers."""
        mail = super().render_mail(
            template_prefix, email, context, {"Auto-Submitted": "auto-generated", **(headers or {})}
        )
        assert isinstance(mail, EmailMessage)
        return mail
