"""Who did: every change that a person or a verb makes, and what programs asked of the API."""

from tocsin.audit.record import AuditEntry, read_last, record
from tocsin.audit.requests import (
    NEWEST_REQUEST,
    AskedRequests,
    DayCount,
    FullDay,
    RequestEntry,
    RequestView,
    accepted_share,
    count_requests,
    find_request,
    forget_requests,
    log_requests,
    read_full_days,
    read_requests,
    recount_requests,
    strangers_share,
)

__all__ = [
    "NEWEST_REQUEST",
    "AskedRequests",
    "AuditEntry",
    "DayCount",
    "FullDay",
    "RequestEntry",
    "RequestView",
    "accepted_share",
    "count_requests",
    "find_request",
    "forget_requests",
    "log_requests",
    "read_full_days",
    "read_last",
    "read_requests",
    "record",
    "recount_requests",
    "strangers_share",
]
