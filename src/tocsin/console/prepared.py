"""Sends that were written and wait to be confirmed, with their files. Another account's is never found."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models.functions import Length

from tocsin.console.compose import Fields
from tocsin.console.database_now import database_now
from tocsin.console.kinds import Kind
from tocsin.console.public import File
from tocsin.console.tenancy import Member
from tocsin.schema.models import PreparedFile, PreparedSend

KEPT: Final = timedelta(days=7)
_OPEN_MOST: Final = 50  # of an account: who writes on and on loses the oldest
_NAME_MOST: Final = 200


def find_prepared(who: Member, prepared_id: uuid.UUID) -> PreparedSend | None:
    """One of the account."""
    return PreparedSend.objects.filter(account_id=who.account_id, id=prepared_id).first()


def find_open(who: Member, word: str, kind: Kind) -> PreparedSend | None:
    """One that nobody confirmed yet, by what a form says of it."""
    try:
        found = find_prepared(who, uuid.UUID(word))
    except ValueError:
        return None
    return found if found is not None and found.answer is None and found.kind == kind.slug else None


def find_last(who: Member, kind: Kind) -> PreparedSend | None:
    """The user's newest one of a product."""
    mine = PreparedSend.objects.filter(account_id=who.account_id, user=who.user, kind=kind.slug)
    return mine.order_by("-made_at").first()


def save(
    who: Member, kind: Kind, kept: PreparedSend | None, fields: Fields, new: Sequence[File], dropped: Collection[int]
) -> PreparedSend:
    """Write what was typed: into the one that is there, or a new one. `dropped`: ids of its files that go."""
    with transaction.atomic():
        if kept is None:
            _forget(who)
            kept = PreparedSend.objects.create(
                id=uuid.uuid4(), account_id=who.account_id, user=who.user, kind=kind.slug, fields=dict(fields)
            )
        else:
            kept.fields = dict(fields)
            kept.save(update_fields=["fields"])
            PreparedFile.objects.filter(prepared=kept, id__in=list(dropped)).delete()
        for file in new:
            PreparedFile.objects.create(prepared=kept, name=file.name[:_NAME_MOST], data=file.data)
    return kept


def _forget(who: Member) -> None:
    """Of the account: what is old, and what is too much."""
    own = PreparedSend.objects.filter(account_id=who.account_id)
    own.filter(made_at__lt=database_now() - KEPT).delete()
    waiting = list(own.filter(answer__isnull=True).order_by("-made_at").values_list("id", flat=True)[_OPEN_MOST - 1 :])
    if waiting:
        own.filter(id__in=waiting).delete()


def read_files(prepared: PreparedSend) -> list[File]:
    """Its files, in their order."""
    found = PreparedFile.objects.filter(prepared=prepared).order_by("id")
    return [File(file.name, bytes(file.data)) for file in found]


def list_files(prepared: PreparedSend | None) -> list[tuple[int, str, int]]:
    """Id, name and bytes of its files."""
    if prepared is None:
        return []
    found = PreparedFile.objects.filter(prepared=prepared).order_by("id").annotate(size=Length("data"))
    return list(found.values_list("id", "name", "size"))
