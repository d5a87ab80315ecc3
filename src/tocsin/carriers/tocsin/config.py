"""The settings of a channel to an upstream platform. Forms and help pages are drawn from the descriptions here."""

from __future__ import annotations

from binascii import Error
from typing import Annotated

import msgspec
from msgspec import Meta

from tocsin.carriers.secrets import SECRET
from tocsin.carriers.tocsin.signature import key_of
from tocsin.kit.address import read_url

TOKEN_LEAST = 16


class TocsinConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is, who we are there, and what it may be asked."""

    base_url: Annotated[
        str, Meta(description="Address of the upstream, like https://sms.example.com; /api/v1/... is added.")
    ]
    account: Annotated[str, Meta(min_length=1, max_length=255, description="Our account there.")]
    api_key: Annotated[str, Meta(min_length=1, description="The account's API key there.", extra=SECRET)]
    code_ids: Annotated[
        dict[str, str],
        Meta(description='The upstream\'s codeId of a country by ours, like {"10007": "62"}; else it is the same.'),
    ] = {}
    pass_sender: Annotated[
        bool, Meta(description="Whether our sender is asked for there, as `senderId`; it must be granted there.")
    ] = True
    routing: Annotated[str, Meta(description="The upstream's channel to ask for, if it granted one.")] = ""
    numbers_per_request: Annotated[
        int, Meta(ge=1, le=1000, description="Messages of one text are sent together, so many at most.")
    ] = 200
    idempotent: Annotated[
        bool,
        Meta(
            description="Whether the upstream knows Idempotency-Key, as Tocsin does: then a request without an answer is "
            "asked again. Say no for any other platform: it would send twice."
        ),
    ] = True
    find_out_s: Annotated[
        float, Meta(ge=0, le=600, description="Seconds for which a request without an answer is asked again.")
    ] = 30.0
    connect_timeout_s: Annotated[
        float, Meta(gt=0, le=60, description="Seconds for a connection; none in time is a temporary failure.")
    ] = 5.0
    timeout_s: Annotated[float, Meta(gt=0, le=300, description="Seconds for the whole request.")] = 15.0
    connections: Annotated[int, Meta(ge=1, le=64, description="Requests at once, from each worker.")] = 4
    longest_pause_s: Annotated[float, Meta(ge=0, le=300, description="A Retry-After counts up to so many seconds.")] = (
        60.0
    )
    callback_token: Annotated[
        str,
        Meta(
            description="Whoever brings receipts and replies must show it, as ?token= in the URL that is set upstream; at "
            "least 16 characters.",
            extra=SECRET,
        ),
    ] = ""
    receipt_secret: Annotated[
        str,
        Meta(
            description="The secret (whsec_...) of the upstream's sms endpoint: reports must be signed with it.",
            extra=SECRET,
        ),
    ] = ""
    reply_secret: Annotated[
        str,
        Meta(description="The secret of the upstream's uplink endpoint: replies must be signed with it.", extra=SECRET),
    ] = ""
    swapped: Annotated[
        bool, Meta(description="Whether the upstream's replies have `to` and `fromNum` the other way round.")
    ] = False

    def __post_init__(self) -> None:
        """Raises ValueError with a line for each mistake."""
        mistakes = []
        try:
            read_url(self.base_url)
        except ValueError as error:
            mistakes.append(f"base_url: {error}")
        if "?" in self.base_url or "#" in self.base_url:
            mistakes.append("base_url: must end before its query")
        if self.callback_token and (len(self.callback_token) < TOKEN_LEAST or not self.callback_token.isascii()):
            mistakes.append(f"callback_token: must be at least {TOKEN_LEAST} ASCII characters")
        for name, secret in (("receipt_secret", self.receipt_secret), ("reply_secret", self.reply_secret)):
            try:
                key_of(secret)
            except (Error, ValueError):
                mistakes.append(f"{name}: is no secret as `tocsin webhook set` prints it, whsec_ and base64")
        if mistakes:
            raise ValueError("\n".join(mistakes))
