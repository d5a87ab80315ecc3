"""What the simulator counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Counts(msgspec.Struct):
    """Since the start; `sessions` and `waiting` are as they are now."""

    connections: int = 0
    binds: int = 0
    binds_refused: int = 0
    sessions: int = 0
    drops: int = 0
    submits: int = 0
    taken: int = 0
    last_at: float = 0.0
    """When the last one was taken, epoch seconds."""
    queries: int = 0
    statuses: dict[int, int] = msgspec.field(default_factory=dict)
    """Answers that refuse a submit, by command_status."""
    unanswered: int = 0
    """Submits that were taken and never answered, on purpose."""
    receipts: int = 0
    replies: int = 0
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    expired: int = 0
    dropped: int = 0
    """Receipts and replies over what is kept."""
    waiting: int = 0
    most_unanswered: int = 0
    """Submits of one session that waited for an answer at once."""
    most_per_s: int = 0

    def refuse(self, status: int) -> None:
        """Note an answer that refuses."""
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def copy(self) -> Counts:
        """As it is now."""
        return msgspec.structs.replace(self, statuses=dict(self.statuses))

    def show(self) -> Mapping[str, Any]:
        """As JSON has it; statuses in hex."""
        shown = msgspec.to_builtins(self)
        return {**shown, "statuses": {f"0x{status:02X}": count for status, count in sorted(self.statuses.items())}}
