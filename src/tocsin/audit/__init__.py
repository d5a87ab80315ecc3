"""Who did: every change that a person or a verb makes."""

from tocsin.audit.record import AuditEntry, read_last, record

__all__ = ["AuditEntry", "read_last", "record"]
