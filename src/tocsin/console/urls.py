"""Addresses of the console. `/ops/` is kept free for the operators' pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from tocsin.console import outbox
from tocsin.console.pages import (
    attempts,
    choices,
    home,
    hooks,
    hooktest,
    joining,
    keys,
    ledger,
    log,
    message,
    preferences,
    quickstart,
    replies,
    requests,
    security,
    team,
    usage,
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
    path("quick-start/webhook/", hooktest.save, name="quick-start-hook"),
    path("webhooks/", hooks.show, name="webhooks"),
    path("webhooks/set/<slug:kind>/", hooks.set_url, name="webhook-set"),
    path("webhooks/secret/<slug:kind>/", hooks.renew_secret, name="webhook-secret"),
    path("webhooks/remove/<slug:kind>/", hooks.remove, name="webhook-remove"),
    path("webhooks/resume/<slug:kind>/", hooks.resume, name="webhook-resume"),
    path("webhooks/aside/<slug:kind>/", hooks.retry_aside, name="webhook-aside"),
    path("webhooks/test/<slug:kind>/", hooktest.send, name="webhook-test"),
    path("webhooks/tests/<int:test_id>/", hooktest.watch, name="webhook-test-watch"),
    path("webhooks/replay/", attempts.replay_since, name="webhook-replay"),
    path("webhooks/attempts/", attempts.show, name="webhook-attempts"),
    path("webhooks/attempts/replay/", attempts.replay_chosen, name="webhook-attempts-replay"),
    path("webhooks/attempts/<int:attempt_id>/", attempts.show_one, name="webhook-attempt"),
    path("keys/<int:key_id>/rotate/", keys.rotate, name="key-rotate"),
    path("keys/addresses/", keys.set_addresses, name="key-addresses"),
    path("requests/", requests.show, name="requests"),
    path("requests/<int:request_id>/", requests.show_one, name="request"),
    path("messages/", log.show, name="messages"),
    path("messages/on/", log.go_on, name="messages-on"),
    path("messages/<str:message_id>/", message.show, name="message"),
    path("messages/<str:message_id>/now/", message.show_now, name="message-now"),
    path("replies/", replies.show, name="replies"),
    path("ledger/", ledger.show, name="ledger"),
    path("ledger/statement/", ledger.statement, name="statement"),
    path("ledger/statement.csv", ledger.statement_file, name="statement-file"),
    path("usage/", usage.show, name="usage"),
    path("usage/usage.csv", usage.save, name="usage-file"),
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
