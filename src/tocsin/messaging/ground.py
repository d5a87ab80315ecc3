"""What the check of a send stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tocsin.compliance import Guards
from tocsin.kit.ids import Ids
from tocsin.messaging.batchno import BatchNumbers
from tocsin.routing import Case, Table
from tocsin.senders import MailDomains
from tocsin.templates import TemplateBook

if TYPE_CHECKING:
    from tocsin.messaging.numbers import Reader


@dataclass(slots=True)
class Ground:
    """The process's reference data and makers of ids."""

    table: Table
    ids: Ids
    numbers: BatchNumbers
    validity_s: float
    now_s: Callable[[], float]
    guards: Guards = field(default_factory=Guards)  # empty: nothing is configured
    templates: TemplateBook = field(default_factory=TemplateBook)
    mail_domains: MailDomains = field(default_factory=MailDomains)
    readers: dict[tuple[int, int, Case], Reader] = field(default_factory=dict)
