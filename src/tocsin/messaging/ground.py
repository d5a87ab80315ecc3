"""What the check of a send stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tocsin.kit.ids import Ids
from tocsin.messaging.batchno import BatchNumbers
from tocsin.routing import Table


@dataclass(slots=True)
class Ground:
    """The process's reference data and makers of ids."""

    table: Table
    ids: Ids
    numbers: BatchNumbers
    validity_s: float
    now_s: Callable[[], float]
