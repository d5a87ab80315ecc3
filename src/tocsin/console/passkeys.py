"""How allauth's second factors fit into the console: secrets are sealed, keys have short names."""

from __future__ import annotations

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tocsin.console.browsers import read_agent
from tocsin.console.installation import installation
from tocsin.schema.models import User

_LONGEST = 60  # characters of a passkey's name


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is not typed
    """allauth's choices where the installation decides them."""

    def encrypt(self, text: str) -> str:
        """As it lies in the database."""
        return installation().seal.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Its opposite."""
        return installation().seal.open(encrypted_text)

    def get_totp_issuer(self) -> str:
        """What the app lists the code under."""
        return "Tocsin"

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002, ARG002  allauth's call
        """A passkey is called as what it is made on, until its owner names it."""
        agent = read_agent(context.request.META.get("HTTP_USER_AGENT", ""))
        return agent.system or agent.browser or _("Passkey")


class AddPasskey(AddWebAuthnForm):  # type: ignore[misc]  # the same
    """allauth's form with a bounded name."""

    name = forms.CharField(label=gettext_lazy("Name"), required=False, max_length=_LONGEST)


class NamePasskey(EditWebAuthnForm):  # type: ignore[misc]  # the same
    """The same."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=_LONGEST)
