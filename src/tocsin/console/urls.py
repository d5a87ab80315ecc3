"""Addresses of the console. `/ops/` is kept free for the operators' pages."""

from __future__ import annotations

from django.urls import include, path

from tocsin.console import outbox
from tocsin.console.pages import choices, files, home, keys, log, message, quickstart, replies, uploads

urlpatterns = [
    path("", home.show, name="home"),
    path("quick-start/", quickstart.show, name="quick-start"),
    path("quick-start/key/", quickstart.make_key, name="quick-start-key"),
    path("quick-start/send/", quickstart.send, name="quick-start-send"),
    path("quick-start/arrival/<str:message_id>/", quickstart.watch, name="quick-start-arrival"),
    path("keys/", keys.show, name="keys"),
    path("keys/<int:key_id>/revoke/", keys.revoke, name="key-revoke"),
    path("messages/", log.show, name="messages"),
    path("files/", files.show, name="files"),
    path("files/list/", files.show_list, name="files-list"),
    path("files/<int:job_id>/download/", files.download, name="file-download"),
    path("files/<int:job_id>/cancel/", files.cancel, name="file-cancel"),
    path("files/<int:job_id>/remove/", files.remove, name="file-remove"),
    path("exports/start/<str:kind>/", files.start, name="export-start"),
    path("messages/on/", log.go_on, name="messages-on"),
    path("messages/<str:message_id>/", message.show, name="message"),
    path("messages/<str:message_id>/now/", message.show_now, name="message-now"),
    path("replies/", replies.show, name="replies"),
    path("uploads/", uploads.show, name="uploads"),
    path("uploads/<int:job_id>/", uploads.show_one, name="upload"),
    path("uploads/<int:job_id>/progress/", uploads.progress, name="upload-progress"),
    path("uploads/<int:job_id>/choose/", uploads.choose, name="upload-choose"),
    path("uploads/<int:job_id>/send/", uploads.send, name="upload-send"),
    path("uploads/<int:job_id>/on/", uploads.go_on, name="upload-on"),
    path("uploads/<int:job_id>/back/", uploads.go_back, name="upload-back"),
    path("uploads/<int:job_id>/discard/", uploads.discard, name="upload-discard"),
    path("uploads/<int:job_id>/not-sent/", uploads.take_bad, name="upload-bad"),
    path("choose/", choices.choose, name="choose"),
    path("outbox/", outbox.show, name="outbox"),
    path("healthz", choices.say_well, name="healthz"),
    path("user/", include("allauth.account.urls")),
]

handler500 = "tocsin.console.middleware.say_broken"
