"""Addresses of the console. `/ops/` is kept free for the operators' pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from tocsin.console import outbox
from tocsin.console.pages import (
    choices,
    home,
    joining,
    keys,
    log,
    message,
    preferences,
    quickstart,
    replies,
    security,
    team,
)

_FACTORS: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="security")),  # in place of allauth's own lists
    path("webauthn/", RedirectView.as_view(pattern_name="security")),
    path("", include("allauth.mfa.urls")),
]

urlpatterns = [
    path("", home.show, name="home"),
    path("quick-start/", quickstart.show, name="quick-start"),
    path("quick-start/key/", quickstart.make_key, name="quick-start-key"),
    path("quick-start/send/", quickstart.send, name="quick-start-send"),
    path("quick-start/arrival/<str:message_id>/", quickstart.watch, name="quick-start-arrival"),
    path("keys/", keys.show, name="keys"),
    path("keys/<int:key_id>/revoke/", keys.revoke, name="key-revoke"),
    path("messages/", log.show, name="messages"),
    path("messages/on/", log.go_on, name="messages-on"),
    path("messages/<str:message_id>/", message.show, name="message"),
    path("messages/<str:message_id>/now/", message.show_now, name="message-now"),
    path("replies/", replies.show, name="replies"),
    path("choose/", choices.choose, name="choose"),
    path("outbox/", outbox.show, name="outbox"),
    path("healthz", choices.say_well, name="healthz"),
    path("team/", team.show, name="team"),
    path("team/invite/", team.invite, name="team-invite"),
    path("team/invitations/<int:invitation_id>/send/", team.send_again, name="invitation-send"),
    path("team/invitations/<int:invitation_id>/withdraw/", team.withdraw, name="invitation-withdraw"),
    path("team/<int:membership_id>/role/", team.change_role, name="member-role"),
    path("team/<int:membership_id>/remove/", team.remove, name="member-remove"),
    path("team/leave/", team.leave, name="team-leave"),
    path("team/second-factor/", team.ask_second, name="team-second-factor"),
    path("invitation/<str:token>/", joining.show, name="invitation"),
    path("account/<int:account_id>/", joining.choose, name="choose-account"),
    path("no-account/", joining.show_none, name="no-account"),
    path("security/", security.show, name="security"),
    path("security/log-ins/", security.show_tries, name="log-ins"),
    path("security/sessions/<int:session_id>/end/", security.end_session, name="session-end"),
    path("security/sessions/end/", security.end_others, name="sessions-end"),
    path("preferences/", preferences.show, name="preferences"),
    path("preferences/time/", preferences.show_sample, name="preferences-sample"),
    path("security/factors/", include(_FACTORS)),
    path("user/", include("allauth.account.urls")),
]

handler500 = "tocsin.console.middleware.say_broken"
