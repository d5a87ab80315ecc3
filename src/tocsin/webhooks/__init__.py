"""Events out: rows that customers' servers receive, and their way there.

Who writes a report enqueues its row in the same transaction (`chunk_reports`, `statement`); `workers/push.py` serves
the endpoints with a `Lane` each.
"""

from tocsin.webhooks.deliver import Lane, Tools
from tocsin.webhooks.endpoints import Endpoints
from tocsin.webhooks.enqueue import ReportEntry, chunk_reports, statement
from tocsin.webhooks.leases import Leases
from tocsin.webhooks.manage import drop_rest, list_attempts, list_endpoints, remove_endpoint, resume, set_endpoint
from tocsin.webhooks.model import (
    KINDS,
    ROWS_PER_PUSH,
    AttemptView,
    Endpoint,
    EndpointView,
    NewEndpoint,
    OutboxRow,
)
from tocsin.webhooks.post import Keys
from tocsin.webhooks.reader import Reader, reading_dsn
from tocsin.webhooks.replay import replay, retry_aside
from tocsin.webhooks.room import Room
from tocsin.webhooks.rows import (
    EventRow,
    ReportFacts,
    Shape,
    body,
    event_row,
    fee_text,
    report_row,
    shape,
    time_text,
    uplink_body,
)
from tocsin.webhooks.settle import Settler
from tocsin.webhooks.store import drop_orphans, forget_attempts
from tocsin.webhooks.trace import Pushes, Try, WaitingPush, trace_pushes

__all__ = [
    "KINDS",
    "ROWS_PER_PUSH",
    "AttemptView",
    "Endpoint",
    "EndpointView",
    "Endpoints",
    "EventRow",
    "Keys",
    "Lane",
    "Leases",
    "NewEndpoint",
    "OutboxRow",
    "Pushes",
    "Reader",
    "ReportEntry",
    "ReportFacts",
    "Room",
    "Settler",
    "Shape",
    "Tools",
    "Try",
    "WaitingPush",
    "body",
    "chunk_reports",
    "drop_orphans",
    "drop_rest",
    "event_row",
    "fee_text",
    "forget_attempts",
    "list_attempts",
    "list_endpoints",
    "reading_dsn",
    "remove_endpoint",
    "replay",
    "report_row",
    "resume",
    "retry_aside",
    "set_endpoint",
    "shape",
    "statement",
    "time_text",
    "trace_pushes",
    "uplink_body",
]
