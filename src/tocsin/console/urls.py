"""Addresses of the console. `/ops/` is kept free for the operators' pages."""

from __future__ import annotations

from django.urls import include, path

from tocsin.console import outbox
from tocsin.console.pages import (
    batch,
    batch_mail,
    batches,
    choices,
    home,
    keys,
    log,
    message,
    quickstart,
    replies,
    scheduled,
)

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
    path("batches/", batches.show, name="batches"),
    path("batches/<int:batch_no>/", batch.show, name="batch"),
    path("batches/<int:batch_no>/now/", batch.show_now, name="batch-now"),
    path("batches/<int:batch_no>/pause/", batch.pause, name="batch-pause"),
    path("batches/<int:batch_no>/resume/", batch.resume, name="batch-resume"),
    path("batches/<int:batch_no>/cancel/", batch.cancel, name="batch-cancel"),
    path("batches/<int:batch_no>/mail/", batch_mail.show, name="batch-mail"),
    path("scheduled/", scheduled.show, name="scheduled"),
    path("scheduled/<int:batch_no>/cancel/", scheduled.cancel, name="scheduled-cancel"),
    path("replies/", replies.show, name="replies"),
    path("choose/", choices.choose, name="choose"),
    path("outbox/", outbox.show, name="outbox"),
    path("healthz", choices.say_well, name="healthz"),
    path("user/", include("allauth.account.urls")),
]

handler500 = "tocsin.console.middleware.say_broken"
