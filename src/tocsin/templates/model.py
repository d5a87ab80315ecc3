"""Templates as values: what operators see of one, and what a send finds."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from tocsin.content import Template, parse_template
from tocsin.kit.suggest import UnknownNameError
from tocsin.traffic import Product

EVERYBODY: Final = 0
"""The account of what every account may use."""

KINDS: Final = ("sms", "mms", "voice", "email")
KIND_OF: Final = {
    Product.SMS: "sms",
    Product.MMS: "mms",
    Product.VOICE_NOTICE: "voice",
    Product.VOICE_OTP: "voice",
    Product.EMAIL: "email",
}
EMAIL: Final = KIND_OF[Product.EMAIL]


class State(StrEnum):
    """Stored. Only an approved template may be sent."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class TemplateError(ValueError):
    """What cannot be done with a template, as one sentence for the operator."""


class TemplateNameError(UnknownNameError, TemplateError):
    """A name that does not exist; the command line says which ones are close."""


class Unready(Exception):  # noqa: N818  (it says what the templates are)
    """Too many templates changed to be read at once: `await TemplateBook.prepare(account_id, kind)`, then ask again."""

    def __init__(self, account_id: int, kind: str) -> None:
        super().__init__(f"templates of account {account_id}, {kind}")
        self.account_id, self.kind = account_id, kind


class TemplateRow(NamedTuple):
    """A row of table template as people read it."""

    id: int
    account: str | None  # None: for every account
    kind: str
    name: str
    subject: str
    text: str
    state: State
    reason: str
    created_at: datetime
    decided_at: datetime | None


class Found:
    """An approved template, as a send uses it. `subject` is that of an email, which is filled by placeholders."""

    def __init__(self, template_id: int, subject: str, text: str) -> None:
        self.id, self.subject, self.text = template_id, subject, text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Found) and self._said() == other._said()

    __hash__ = None  # type: ignore[assignment]  # it is found by its id

    def _said(self) -> tuple[int, str, str]:
        return self.id, self.subject, self.text

    @cached_property
    def template(self) -> Template:
        """Of an SMS, an MMS or a voice message: the text cut at its variables. Cut when it is first asked for."""
        return parse_template(self.text)
