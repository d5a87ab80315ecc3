"""What a request says: its own content, or an approved template filled with its values (contract, sections 2 and 4)."""

from __future__ import annotations

from typing import Final, NamedTuple

from tocsin.accounts import FREE_TEXT, Account
from tocsin.content import Status, text_fault, units16
from tocsin.messaging.forms import Form
from tocsin.messaging.model import Ask, Refusal
from tocsin.routing import Country
from tocsin.templates import KIND_OF, TemplateBook

MAX_UNITS: Final = 1024
_ID_DIGITS: Final = 10  # of 2**31
_UNUSABLE = Refusal(Status.TEMPLATE_EMPTY, "templateId: no approved template of this account has this id")


class Said(NamedTuple):
    """The text to send, and the template that it was made of; None: the request's own."""

    content: str
    template_id: int | None


def find_content(ask: Ask, account: Account, form: Form, book: TemplateBook) -> Said | Refusal:
    """The content of a request; a template wins."""
    if ask.template_id is None:
        return _check_length(ask.content) or Said(ask.content or "", None)
    word = ask.template_id.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= _ID_DIGITS):
        return _UNUSABLE
    found = book.find(account.id, KIND_OF[form.product], int(word))
    if found is None:
        return _UNUSABLE
    try:
        content = found.template.fill(ask.template_params)
    except ValueError as error:
        return Refusal(Status.NOT_TEMPLATE, str(error))
    return _check_length(content) or Said(content, found.id)


def _check_length(content: str | None) -> Refusal | None:
    if content is None or not content.strip():
        return Refusal(Status.CONTENT_EMPTY)
    if fault := text_fault(content):
        return Refusal(Status.PLATFORM, f"content: {fault}")
    if units16(content) > MAX_UNITS:
        return Refusal(Status.CONTENT_TOO_LONG)
    return None


def check_rule(said: Said, account: Account, form: Form, country: Country, book: TemplateBook) -> Refusal | None:
    """Whether the country takes this content. Raises templates.Unready: the book is asked again when it is prepared."""
    if said.template_id is not None or not (form.template_rule and country.template_required):
        return None
    granted = account.grants.get(FREE_TEXT, frozenset())
    if granted & {str(country.code_id), country.iso, "*"} or book.fits(account.id, KIND_OF[form.product], said.content):
        return None
    return Refusal(Status.NOT_TEMPLATE)
