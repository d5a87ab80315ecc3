"""Who did: every change that a person or a verb makes, and what programs asked of the API."""

from tocsin.audit.record import AuditEntry, read_last, record
from tocsin.audit.requests import (
    NEWEST_REQUEST,
    AskedRequests,
    RequestEntry,
    RequestView,
    find_request,
    forget_requests,
    log_requests,
    read_requests,
)

__all__ = [
    "NEWEST_REQUEST",
    "AskedRequests",
    "AuditEntry",
    "RequestEntry",
    "RequestView",
    "find_request",
    "forget_requests",
    "log_requests",
    "read_last",
    "read_requests",
    "record",
]
