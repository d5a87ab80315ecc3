"""The spine: what happens to a message."""

from tocsin.messaging.accept import check_send
from tocsin.messaging.answers import Answers
from tocsin.messaging.batches import (
    NEWEST_BATCH,
    Batch,
    BatchAsk,
    BatchRow,
    BatchState,
    Progress,
    find_batch,
    page_batches,
    read_content,
)
from tocsin.messaging.batchno import BatchNumbers, Exhausted
from tocsin.messaging.ends import KINDS, Books, renew_ends
from tocsin.messaging.expire import end_expired
from tocsin.messaging.failover import move_page
from tocsin.messaging.forms import MMS, SMS, VOICE_NOTICE, VOICE_OTP, Form
from tocsin.messaging.ground import Ground
from tocsin.messaging.keep import (
    fold_batches,
    fold_rollups,
    forget_keys,
    keep_partitions,
    make_partitions,
    make_partitions_of,
)
from tocsin.messaging.links import Linker
from tocsin.messaging.log import NEWEST, Asked, LogRow, State, find_message, read_log
from tocsin.messaging.mail import check_mail
from tocsin.messaging.mailsums import (
    NEWEST_EVENT,
    MailEvent,
    MailSums,
    Part,
    page_mail_events,
    read_mail_sums,
)
from tocsin.messaging.model import Ask, Claimed, Draft, End, Refusal, Text
from tocsin.messaging.move import Chunk, Reviewed, Terms, end_cancelled, move_due
from tocsin.messaging.numbers import refuse_some, sending_of
from tocsin.messaging.query import (
    Reply,
    Span,
    Standing,
    batch_span,
    find_accepted,
    find_reports,
    page_ids,
    page_replies,
    read_balance,
    read_batch,
    read_funds,
    time_span,
)
from tocsin.messaging.reactions import Reaction, receive_feedback, record_reactions
from tocsin.messaging.receipt import Received, receive
from tocsin.messaging.replies import NEWEST_REPLY, FoundReplies, ReplyPlace, ReplyRow, list_replies
from tocsin.messaging.schedule import (
    Cancelled,
    Planned,
    Scheduled,
    Slot,
    cancel_schedule,
    list_schedules,
    mark_cancelled,
    page_planned,
    page_schedules,
    read_slots,
)
from tocsin.messaging.search import Found, key_of, search_log, time_of
from tocsin.messaging.slots import SlotLease
from tocsin.messaging.stop import cancel_batch, end_stopped, pause_batch, resume_batch
from tocsin.messaging.store import REFUSED, WON, load_ended, read_refusals
from tocsin.messaging.store import accept as accept_statement
from tocsin.messaging.submit import NextChannel, Open, Texts, Verdicts, Work, judge, merge_retries, record
from tocsin.messaging.submit import load as load_work
from tocsin.messaging.sums import Count, Sums, read_sums
from tocsin.messaging.sweep import end_overdue, match_again
from tocsin.messaging.trace import (
    Answered,
    PartReceipt,
    Reacted,
    Report,
    Said,
    Submitted,
    Trace,
    Waits,
    trace_message,
)
from tocsin.messaging.uplink import join_replies, receive_replies

__all__ = [
    "KINDS",
    "MMS",
    "NEWEST",
    "NEWEST_BATCH",
    "NEWEST_EVENT",
    "NEWEST_REPLY",
    "REFUSED",
    "SMS",
    "VOICE_NOTICE",
    "VOICE_OTP",
    "WON",
    "Answered",
    "Answers",
    "Ask",
    "Asked",
    "Batch",
    "BatchAsk",
    "BatchNumbers",
    "BatchRow",
    "BatchState",
    "Books",
    "Cancelled",
    "Chunk",
    "Claimed",
    "Count",
    "Draft",
    "End",
    "Exhausted",
    "Form",
    "Found",
    "FoundReplies",
    "Ground",
    "Linker",
    "LogRow",
    "MailEvent",
    "MailSums",
    "NextChannel",
    "Open",
    "Part",
    "PartReceipt",
    "Planned",
    "Progress",
    "Reacted",
    "Reaction",
    "Received",
    "Refusal",
    "Reply",
    "ReplyPlace",
    "ReplyRow",
    "Report",
    "Reviewed",
    "Said",
    "Scheduled",
    "Slot",
    "SlotLease",
    "Span",
    "Standing",
    "State",
    "Submitted",
    "Sums",
    "Terms",
    "Text",
    "Texts",
    "Trace",
    "Verdicts",
    "Waits",
    "Work",
    "accept_statement",
    "batch_span",
    "cancel_batch",
    "cancel_schedule",
    "check_mail",
    "check_send",
    "end_cancelled",
    "end_expired",
    "end_overdue",
    "end_stopped",
    "find_accepted",
    "find_batch",
    "find_message",
    "find_reports",
    "fold_batches",
    "fold_rollups",
    "forget_keys",
    "join_replies",
    "judge",
    "keep_partitions",
    "key_of",
    "list_replies",
    "list_schedules",
    "load_ended",
    "load_work",
    "make_partitions",
    "make_partitions_of",
    "mark_cancelled",
    "match_again",
    "merge_retries",
    "move_due",
    "move_page",
    "page_batches",
    "page_ids",
    "page_mail_events",
    "page_planned",
    "page_replies",
    "page_schedules",
    "pause_batch",
    "read_balance",
    "read_batch",
    "read_content",
    "read_funds",
    "read_log",
    "read_mail_sums",
    "read_refusals",
    "read_slots",
    "read_sums",
    "receive",
    "receive_feedback",
    "receive_replies",
    "record",
    "record_reactions",
    "refuse_some",
    "renew_ends",
    "resume_batch",
    "search_log",
    "sending_of",
    "time_of",
    "time_span",
    "trace_message",
]
