"""Language and theme: kept with the user, and in a cookie for visitors."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from tocsin.console.settings import LANGUAGES
from tocsin.schema.models import User

_YEAR_S = 365 * 86_400
_CHOICES = {"language": [code for code, _ in LANGUAGES], "theme": ["light", "dark"]}
_COOKIES = {"language": "tocsin_language", "theme": "tocsin_theme"}


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Note what was chosen and go back."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    answer = HttpResponseRedirect(back)
    for name, known in _CHOICES.items():
        word = request.POST.get(name, "")
        if word not in known:
            continue
        keep_choice(answer, name, word)
        if isinstance(request.user, User):
            User.objects.filter(id=request.user.id).update(**{name: word})
    return answer


def keep_choice(answer: HttpResponse, name: str, word: str) -> None:
    """Keep a language or theme in its cookie, for the pages before the log-in; "": forget it."""
    if not word:
        answer.delete_cookie(_COOKIES[name], samesite="Lax")
        return
    secure = settings.SESSION_COOKIE_SECURE
    answer.set_cookie(_COOKIES[name], word, max_age=_YEAR_S, samesite="Lax", httponly=True, secure=secure)


@require_safe
def say_well(_request: HttpRequest) -> HttpResponse:
    """That the process answers; it says nothing of the database, which may be away for a while."""
    return HttpResponse("ok\n", content_type="text/plain")
