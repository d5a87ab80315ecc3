"""What the registration asks beside address and password. allauth builds its form on the class here, and calls `signup`."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tocsin import accounts
from tocsin.schema.models import User


def tell_display_name_rule() -> str:
    """What a display name must be, for one that is not."""
    return _(
        "Write %(most)s characters at most, with a letter or a digit, without control characters and without links."
    ) % {"most": accounts.MAX_DISPLAY_NAME}


class Registration(forms.Form):
    """The display name of the account that the first log-in opens."""

    field_order = ["email", "password1", "account_name"]  # noqa: RUF012  as Django declares it

    account_name = forms.CharField(
        label=gettext_lazy("Company or team (optional)"), required=False, max_length=accounts.MAX_DISPLAY_NAME,
        help_text=gettext_lazy("What your account is called on pages and in mails. You can change it later."),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )  # fmt: skip

    def clean_account_name(self) -> str:
        """As it is kept."""
        try:
            return accounts.read_display_name(str(self.cleaned_data["account_name"]))
        except accounts.AccountError:
            raise forms.ValidationError(tell_display_name_rule()) from None

    def signup(self, request: HttpRequest, user: User) -> None:  # noqa: ARG002  allauth's call
        """The account is opened when the address is verified: until then its name waits with the user."""
        user.account_name = self.cleaned_data["account_name"]
        user.save(update_fields=["account_name"])
