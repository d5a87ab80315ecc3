"""The words both sides share."""

from tocsin.traffic.model import Attachment, Feedback, Inbound, Link, LinkState, Outcome, Receipt, Sink, Submission
from tocsin.traffic.words import ENDS, PRODUCT_NAMES, End, OutcomeKind, Priority, Product, ReactionKind, Reason

__all__ = [
    "ENDS",
    "PRODUCT_NAMES",
    "Attachment",
    "End",
    "Feedback",
    "Inbound",
    "Link",
    "LinkState",
    "Outcome",
    "OutcomeKind",
    "Priority",
    "Product",
    "ReactionKind",
    "Reason",
    "Receipt",
    "Sink",
    "Submission",
]
