"""Texts that the operator approves: which one a send may use, and whether free content fits one."""

from tocsin.templates.book import TemplateBook
from tocsin.templates.change import (
    Draft,
    add_template,
    approve_template,
    find_template,
    list_templates,
    reject_template,
    submit_template,
)
from tocsin.templates.model import (
    EMAIL,
    EVERYBODY,
    KIND_OF,
    KINDS,
    Found,
    State,
    TemplateError,
    TemplateRow,
    Unready,
)
from tocsin.templates.own import (
    Wanted,
    delete_draft,
    edit_draft,
    find_own,
    list_own,
    submit_own,
    withdraw_own,
)

__all__ = [
    "EMAIL",
    "EVERYBODY",
    "KINDS",
    "KIND_OF",
    "Draft",
    "Found",
    "State",
    "TemplateBook",
    "TemplateError",
    "TemplateRow",
    "Unready",
    "Wanted",
    "add_template",
    "approve_template",
    "delete_draft",
    "edit_draft",
    "find_own",
    "find_template",
    "list_own",
    "list_templates",
    "reject_template",
    "submit_own",
    "submit_template",
    "withdraw_own",
]
