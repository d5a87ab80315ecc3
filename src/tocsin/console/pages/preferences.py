"""Preferences of a user: what he is called, language, theme, time zone. Nothing of them concerns an account."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from tocsin.console.pages.choices import keep_choice
from tocsin.console.settings import LANGUAGES
from tocsin.console.tenancy import person
from tocsin.content import find_zone
from tocsin.kit import clock
from tocsin.schema.models import User

_LONGEST_NAME = 80


@cache
def list_zones() -> list[str]:
    """IANA's names of places, and UTC."""
    names = (files("tzdata") / "zones").read_text(encoding="ascii").split()
    return ["UTC", *sorted(name for name in names if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/")))]


class Preferences(forms.Form):
    """The form: fields of a User. A zone is kept as IANA writes it."""

    name = forms.CharField(
        label=gettext_lazy("Your name"), required=False, max_length=_LONGEST_NAME,
        help_text=gettext_lazy("As your team sees you. Without one they see your address."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), required=False, choices=[("", gettext_lazy("As the browser asks")), *LANGUAGES]
    )
    theme = forms.ChoiceField(
        label=gettext_lazy("Theme"), required=False,
        choices=[("", gettext_lazy("As the system is")), ("light", gettext_lazy("Light")), ("dark", gettext_lazy("Dark"))],
    )  # fmt: skip
    zone = forms.CharField(
        label=gettext_lazy("Time zone"), required=False, max_length=64,
        help_text=gettext_lazy("Begin to type a city or a region. Empty: the zone of your browser."),
    )  # fmt: skip

    def clean_zone(self) -> str:
        """The zone's own name; "" for the browser's."""
        typed = str(self.cleaned_data["zone"]).strip()
        if not typed:
            return ""
        known = {name.lower(): name for name in list_zones()}
        found = known.get(typed.replace(" ", "_").lower())
        if found is None:
            raise forms.ValidationError(_("No time zone has this name. Take one of the list."))
        return found


@never_cache
@person
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The form; a POST keeps what was chosen, in the cookies of the pages before the log-in too."""
    user = cast(User, request.user)
    known = {name: getattr(user, name) for name in Preferences.base_fields}
    form = Preferences(request.POST if request.method == "POST" else None, initial=known)
    if request.method == "POST" and form.is_valid():
        User.objects.filter(id=user.id).update(**form.cleaned_data)
        with translation.override(form.cleaned_data["language"] or translation.get_language()):
            messages.success(request, _("Your preferences are kept."))
        answer = redirect("preferences")
        for name in ("language", "theme"):
            keep_choice(answer, name, form.cleaned_data[name])
        return answer
    facts = {"form": form, "zones": list_zones(), **_describe_sample(request, str(form["zone"].value() or ""))}
    return render(request, "console/preferences.html", facts)


@require_safe
@never_cache
@person
def show_sample(request: HttpRequest) -> HttpResponse:
    """What time it is in a zone, while one chooses."""
    return render(request, "console/_sample_time.html", _describe_sample(request, request.GET.get("zone", "")))


def _describe_sample(request: HttpRequest, typed: str) -> dict[str, object]:
    zone = find_zone(typed.strip() or request.COOKIES.get("tocsin_zone", "")) or (None if typed.strip() else clock.UTC)
    if zone is None:
        return {"sample": None}
    here: datetime = clock.now().astimezone(zone)
    shift = here.strftime("%z")
    return {"sample": here, "sample_zone": getattr(zone, "key", "") or "UTC", "shift": f"{shift[:3]}:{shift[3:]}"}
