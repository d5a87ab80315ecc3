"""Addresses of the console. `/ops/` is kept free for the operators' pages."""

from __future__ import annotations

from django.urls import include, path

from tocsin.console import outbox
from tocsin.console.pages import choices, confirm, home, keys, log, quickstart, send, templates

urlpatterns = [
    path("", home.show, name="home"),
    path("quick-start/", quickstart.show, name="quick-start"),
    path("quick-start/key/", quickstart.make_key, name="quick-start-key"),
    path("quick-start/send/", quickstart.send, name="quick-start-send"),
    path("quick-start/arrival/<str:message_id>/", quickstart.watch, name="quick-start-arrival"),
    path("send/", send.begin, name="send-begin"),
    path("send/confirm/<uuid:prepared_id>/", confirm.show, name="send-confirm"),
    path("send/confirm/<uuid:prepared_id>/states/", confirm.follow, name="send-states"),
    path("send/<slug:slug>/", send.show, name="send"),
    path("send/<slug:slug>/content/", send.change_template, name="send-content"),
    path("send/<slug:slug>/preview/", send.preview, name="send-preview"),
    path("templates/", templates.show, name="templates"),
    path("templates/new/", templates.write, name="template-new"),
    path("templates/<int:template_id>/", templates.look, name="template"),
    path("templates/<int:template_id>/edit/", templates.write, name="template-edit"),
    path("templates/<int:template_id>/submit/", templates.submit, name="template-submit"),
    path("templates/<int:template_id>/withdraw/", templates.withdraw, name="template-withdraw"),
    path("templates/<int:template_id>/delete/", templates.delete, name="template-delete"),
    path("keys/", keys.show, name="keys"),
    path("keys/<int:key_id>/revoke/", keys.revoke, name="key-revoke"),
    path("messages/", log.show, name="messages"),
    path("choose/", choices.choose, name="choose"),
    path("outbox/", outbox.show, name="outbox"),
    path("healthz", choices.say_well, name="healthz"),
    path("user/", include("allauth.account.urls")),
]

handler500 = "tocsin.console.middleware.say_broken"
