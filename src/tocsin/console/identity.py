"""How allauth fits into the console: who may register, from which address he comes, where he goes."""

from __future__ import annotations

from django.http import HttpRequest

from tocsin.console.installation import installation
from tocsin.console.mails import Mails


class Adapter(Mails):
    """allauth's choices where the installation decides them."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  allauth's call
        """Where no mail can go, no address can be verified."""
        return bool(installation().settings.smtp_url) or installation().settings.console_outbox == "on"

    def get_client_ip(self, request: HttpRequest) -> str:
        """As our middleware found it."""
        return str(request.META["REMOTE_ADDR"])
