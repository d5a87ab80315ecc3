"""Events out: rows that customers' servers receive, and their way there.

Who writes a report enqueues its row in the same transaction (`chunk_reports`, `statement`); `workers/push.py` serves
the endpoints with a `Lane` each.
"""

from tocsin.webhooks.attempts import (
    NEWEST_ATTEMPT,
    OUTCOMES,
    AskedAttempts,
    AttemptDetail,
    find_attempt,
    has_answered,
    read_attempts,
)
from tocsin.webhooks.backlog import ReplayView, ask_replay, list_replays, replay_attempts, work_off
from tocsin.webhooks.deliver import Lane, Tools
from tocsin.webhooks.endpoints import Endpoints
from tocsin.webhooks.enqueue import ReportEntry, chunk_reports, statement
from tocsin.webhooks.leases import Leases
from tocsin.webhooks.manage import (
    drop_rest,
    list_attempts,
    list_endpoints,
    remove_endpoint,
    renew_secret,
    resume,
    set_endpoint,
)
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
from tocsin.webhooks.store import drop_orphans, forget_attempts, has_open_replays
from tocsin.webhooks.trace import Pushes, Try, WaitingPush, trace_pushes
from tocsin.webhooks.trials import (
    MOST_A_MINUTE,
    NoEndpointError,
    TooManyTestsError,
    Trials,
    TrialView,
    ask_test,
    find_test,
)

__all__ = [
    "KINDS",
    "MOST_A_MINUTE",
    "NEWEST_ATTEMPT",
    "OUTCOMES",
    "ROWS_PER_PUSH",
    "AskedAttempts",
    "AttemptDetail",
    "AttemptView",
    "Endpoint",
    "EndpointView",
    "Endpoints",
    "EventRow",
    "Keys",
    "Lane",
    "Leases",
    "NewEndpoint",
    "NoEndpointError",
    "OutboxRow",
    "Pushes",
    "Reader",
    "ReplayView",
    "ReportEntry",
    "ReportFacts",
    "Room",
    "Settler",
    "Shape",
    "TooManyTestsError",
    "Tools",
    "TrialView",
    "Trials",
    "Try",
    "WaitingPush",
    "ask_replay",
    "ask_test",
    "body",
    "chunk_reports",
    "drop_orphans",
    "drop_rest",
    "event_row",
    "fee_text",
    "find_attempt",
    "find_test",
    "forget_attempts",
    "has_answered",
    "has_open_replays",
    "list_attempts",
    "list_endpoints",
    "list_replays",
    "read_attempts",
    "reading_dsn",
    "remove_endpoint",
    "renew_secret",
    "replay",
    "replay_attempts",
    "report_row",
    "resume",
    "retry_aside",
    "set_endpoint",
    "shape",
    "statement",
    "time_text",
    "trace_pushes",
    "uplink_body",
    "work_off",
]
