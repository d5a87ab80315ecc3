"""Addresses of the console. `/ops/` is kept free for the operators' pages."""

from __future__ import annotations

from django.urls import include, path

from tocsin.console import outbox
from tocsin.console.pages import choices, home, keys, ledger, lists, log, prices, quickstart, settings, usage

urlpatterns = [
    path("", home.show, name="home"),
    path("quick-start/", quickstart.show, name="quick-start"),
    path("quick-start/key/", quickstart.make_key, name="quick-start-key"),
    path("quick-start/send/", quickstart.send, name="quick-start-send"),
    path("quick-start/arrival/<str:message_id>/", quickstart.watch, name="quick-start-arrival"),
    path("keys/", keys.show, name="keys"),
    path("keys/<int:key_id>/revoke/", keys.revoke, name="key-revoke"),
    path("messages/", log.show, name="messages"),
    path("ledger/", ledger.show, name="ledger"),
    path("ledger/statement/", ledger.statement, name="statement"),
    path("ledger/statement.csv", ledger.statement_file, name="statement-file"),
    path("usage/", usage.show, name="usage"),
    path("usage/usage.csv", usage.save, name="usage-file"),
    path("prices/", prices.show, name="prices"),
    path("prices/prices.csv", prices.save, name="prices-file"),
    path("lists/", lists.show, {"which": "opt-outs"}, name="opt-outs"),
    path("lists/add/", lists.add, {"which": "opt-outs"}, name="opt-outs-add"),
    path("lists/<int:row_id>/remove/", lists.remove, {"which": "opt-outs"}, name="opt-out-remove"),
    path("lists/blacklist/", lists.show, {"which": "blacklist"}, name="blacklist"),
    path("lists/blacklist/add/", lists.add, {"which": "blacklist"}, name="blacklist-add"),
    path("lists/blacklist/<int:row_id>/remove/", lists.remove, {"which": "blacklist"}, name="blacklist-remove"),
    path("settings/", settings.show, name="settings"),
    path("settings/save/", settings.save, name="settings-save"),
    path("settings/alert/", settings.save_alert, name="alert-save"),
    path("choose/", choices.choose, name="choose"),
    path("outbox/", outbox.show, name="outbox"),
    path("healthz", choices.say_well, name="healthz"),
    path("user/", include("allauth.account.urls")),
]

handler500 = "tocsin.console.middleware.say_broken"
