"""The settings of a channel to a carrier with an HTTP API. Forms and help pages are drawn from the descriptions here."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tocsin.carriers.http import check
from tocsin.carriers.secrets import SECRET

_PLACEHOLDERS = "{to} {from} {text} {id} {part} {parts} {priority} {validity_s} {expires_at} {user} {secret}"

SENT_WORDS = {
    "delivrd": "delivered", "delivered": "delivered", "success": "delivered", "undeliv": "failed", "undelivered": "failed",
    "undeliverable": "failed", "failed": "failed", "failure": "failed", "expired": "expired", "rejectd": "rejected",
    "rejected": "rejected", "deleted": "rejected", "enroute": "intermediate", "acceptd": "intermediate",
    "accepted": "intermediate", "sent": "intermediate", "queued": "intermediate", "buffered": "intermediate",
    "unknown": "intermediate",
}  # fmt: skip
"""What most carriers say, in lower case."""


class HttpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Only `url` has no default: a channel that posts {"to", "from", "text", "id"} and takes the body for the id."""

    url: Annotated[str, Meta(description=f"Where to send; may hold placeholders: {_PLACEHOLDERS}.")]
    method: Annotated[str, Meta(pattern="^(GET|POST)$", description="POST or GET; a GET has no body.")] = "POST"
    content_type: Annotated[
        str,
        Meta(
            pattern="^[!-~ ]+/[!-~ ]+$",
            description="Of the body; values are escaped as JSON, form, XML or plain text demand.",
        ),
    ] = "application/json"
    body: Annotated[str, Meta(max_length=65_536, description="The body with placeholders; it is sent in UTF-8.")] = (
        '{"to": "{to}", "from": "{from}", "text": "{text}", "id": "{id}"}'
    )
    headers: Annotated[
        dict[str, str], Meta(description="Further headers; values may hold {user}, {secret} and {id}.")
    ] = {}
    auth: Annotated[
        str,
        Meta(
            pattern="^(none|basic|bearer)$",
            description="none, basic (`user` and `secret`) or bearer (`secret`).",
        ),
    ] = "none"
    user: Annotated[str, Meta(description="The name for `auth`, and the placeholder {user}.")] = ""
    secret: Annotated[
        str, Meta(description="Password, token or API key: for `auth`, and the placeholder {secret}.", extra=SECRET)
    ] = ""
    long_text: Annotated[
        str,
        Meta(
            pattern="^(parts|whole)$",
            description="A long SMS as a request for each part (`parts`), or as one request that the carrier cuts itself "
            "(`whole`).",
        ),
    ] = "parts"
    connect_timeout_s: Annotated[
        float, Meta(gt=0, le=60, description="Seconds for a connection; none in time is a temporary failure.")
    ] = 5.0
    timeout_s: Annotated[
        float, Meta(gt=0, le=300, description="Seconds for the whole request; no answer in time is unknown.")
    ] = 15.0
    connections: Annotated[int, Meta(ge=1, le=256, description="Requests at once, from each worker.")] = 8
    keep_alive_s: Annotated[
        float,
        Meta(
            ge=0,
            le=300,
            description="Seconds for which an idle connection is used again; keep it below what the carrier allows.",
        ),
    ] = 3.0
    pause_s: Annotated[
        float, Meta(ge=0, le=60, description="Seconds of rest after a throttled request without Retry-After.")
    ] = 1.0
    longest_pause_s: Annotated[float, Meta(ge=0, le=300, description="A Retry-After counts up to so many seconds.")] = (
        60.0
    )
    ok_status: Annotated[list[str], Meta(description='Statuses of success, like ["200", "202"] or ["2xx"].')] = (
        msgspec.field(default_factory=lambda: ["2xx"])
    )
    ok_at: Annotated[
        str,
        Meta(
            description="Where in the answer success is told, a JSON pointer like /result/code; without it, what the body "
            "begins with."
        ),
    ] = ""
    ok_values: Annotated[
        list[str], Meta(description="What stands there on success; without any the status alone tells it.")
    ] = []
    id_at: Annotated[
        str,
        Meta(
            description="Where the carrier's id is: a JSON pointer like /messages/0/id, `header NAME`, `body` (all of it), "
            "`after TEXT` (in the body), or `own`: it calls the message by our {id}."
        ),
    ] = "body"
    status_errors: Annotated[
        dict[str, str],
        Meta(
            description='What a status means, like {"402": "temporary", "4xx": "permanent"}: temporary, throttled, unknown, '
            "permanent, or permanent:REASON with rejected, number error, blacklisted, expired or undelivered."
        ),
    ] = {}
    error_at: Annotated[str, Meta(description="Where an error is told in the answer, a JSON pointer.")] = ""
    errors: Annotated[
        dict[str, str], Meta(description="What a value there means, in the words of status_errors; before the status.")
    ] = {}
    other_error: Annotated[
        str, Meta(description="What an error means that no rule names, where the status is one of success.")
    ] = "permanent"
    callback_token: Annotated[
        str,
        Meta(
            description="Whoever brings receipts and replies must show it, as ?token=, `Authorization: Bearer` or "
            "X-Token; at least 16 characters.",
            extra=SECRET,
        ),
    ] = ""
    callback_answer: Annotated[
        str, Meta(max_length=1000, description="The body of our answer, where the carrier wants one.")
    ] = ""
    receipt_rows: Annotated[
        str,
        Meta(description="Where the list of receipts is, a JSON pointer; without it the body is the list, or the one."),
    ] = ""
    receipt_id: Annotated[
        str, Meta(description="The field with the carrier's id: a name, or a JSON pointer in a row.")
    ] = "id"
    receipt_status: Annotated[str, Meta(description="The field with the status.")] = "status"
    receipt_number: Annotated[str, Meta(description="The field with the number.")] = "to"
    receipt_time: Annotated[
        str, Meta(description="The field with the time: epoch seconds or milliseconds, or ISO 8601; else it is now.")
    ] = "time"
    receipt_states: Annotated[
        dict[str, str],
        Meta(
            description="What a status word means, beside the usual ones: delivered, failed, expired, rejected, "
            "number error, blacklisted or intermediate."
        ),
    ] = {}
    receipt_other: Annotated[str, Meta(description="What any other status word means.")] = "intermediate"
    reply_rows: Annotated[str, Meta(description="Where the list of replies is, like receipt_rows.")] = ""
    reply_from: Annotated[str, Meta(description="The field with the number of who replies.")] = "from"
    reply_to: Annotated[str, Meta(description="The field with the number or name that was written to.")] = "to"
    reply_text: Annotated[str, Meta(description="The field with the text.")] = "text"
    reply_time: Annotated[str, Meta(description="The field with the time, like receipt_time.")] = "time"

    def __post_init__(self) -> None:
        """Raises ValueError with a line for each mistake."""
        mistakes = [
            *check.find_url_mistakes(self.url),
            *check.find_template_mistakes(self.body, self.content_type),
            *check.find_header_mistakes(self.headers, self.user, self.secret),
            *check.find_rule_mistakes(
                {"status_errors": self.status_errors, "errors": self.errors, "other_error": {"": self.other_error}}
            ),
            *check.find_state_mistakes(
                {"receipt_states": self.receipt_states, "receipt_other": {"": self.receipt_other}}
            ),
            *check.find_status_mistakes("ok_status", self.ok_status),
            *check.find_status_mistakes("status_errors", self.status_errors),
            *check.find_id_mistakes(self.id_at),
            *check.find_token_mistakes(self.callback_token),
        ]
        if self.auth != "none" and not self.secret:
            mistakes.append(f"secret: missing, as auth is {self.auth}")
        if mistakes:
            raise ValueError("\n".join(mistakes))
