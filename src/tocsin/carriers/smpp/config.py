"""The settings of a channel over SMPP. Forms and help pages are drawn from the descriptions here."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tocsin.carriers.secrets import SECRET
from tocsin.carriers.smpp.words import read_codes, read_kinds, read_states

_Number = Annotated[int, Meta(ge=0, le=255)]


class SmppConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Host and name have no default: a transceiver bind, GSM 7-bit and UCS-2, parts by an 8-bit reference."""

    host: Annotated[str, Meta(min_length=1, max_length=253, description="Name or address of the SMSC.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="Its TCP port.")] = 2775
    system_id: Annotated[str, Meta(min_length=1, max_length=64, description="The name that it knows us by.")]
    password: Annotated[str, Meta(max_length=64, description="The password to it.", extra=SECRET)] = ""
    system_type: Annotated[str, Meta(max_length=32, description="What some SMSCs want to be told in a bind.")] = ""
    bind: Annotated[
        str,
        Meta(
            pattern="^(trx|tx[+]rx|tx)$",
            description="trx: one bind both ways; tx+rx: a pair of binds; tx: no receipts, no replies.",
        ),
    ] = "trx"
    binds: Annotated[int, Meta(ge=1, le=64, description="Binds (or pairs) of each worker.")] = 1
    window: Annotated[int, Meta(ge=1, le=10_000, description="Submits without an answer on one bind.")] = 50
    tls: Annotated[bool, Meta(description="Whether the connection is encrypted.")] = False
    tls_ca: Annotated[
        str,
        Meta(
            description="File of the certificates that the SMSC's is checked against; without it those of the system."
        ),
    ] = ""
    tls_verify: Annotated[bool, Meta(description="Whether the SMSC's certificate is checked at all.")] = True
    sender: Annotated[str, Meta(max_length=21, description="Sender of messages that name none.")] = ""
    sender_always: Annotated[bool, Meta(description="Whether `sender` goes in the place of any other, too.")] = False
    ton_npi: Annotated[
        dict[str, str],
        Meta(
            description='TON and NPI by kind of sender, like {"alphanumeric": "5/0", "short": "3/0", "international": "1/1"}, '
            'and of the recipient: {"recipient": "1/1"}.'
        ),
    ] = {}
    gsm: Annotated[
        str,
        Meta(
            pattern="^(unpacked|packed|latin1)$",
            description="How texts of the GSM alphabet go: a septet an octet, packed, or as Latin-1.",
        ),
    ] = "unpacked"
    gsm_coding: Annotated[
        int | None, Meta(ge=0, le=255, description="data_coding of those: 0, for Latin-1 3, unless it is set.")
    ] = None
    ucs2_coding: Annotated[int, Meta(ge=0, le=255, description="data_coding of all others.")] = 8
    national: Annotated[
        str,
        Meta(
            pattern="^(|tr|es|pt)$",
            description="Language whose shift tables the SMSC takes (tr, es, pt): such texts go in septets.",
        ),
    ] = ""
    default_alphabet: Annotated[
        str,
        Meta(
            pattern="^(gsm|packed|latin1)$", description="What data_coding 0 means in replies: gsm, packed or latin1."
        ),
    ] = "gsm"
    long_text: Annotated[
        str,
        Meta(
            pattern="^(udh8|udh16|sar|payload)$",
            description="How a text of several parts goes: a header with a reference of 8 or 16 bits, the SAR parameters, or "
            "as one message_payload.",
        ),
    ] = "udh8"
    service_type: Annotated[str, Meta(max_length=5, description="service_type of every message.")] = ""
    priorities: Annotated[
        tuple[_Number, _Number, _Number], Meta(description="priority_flag of VERIFY, NOTIFICATION and MARKETING.")
    ] = (0, 0, 0)
    validity: Annotated[
        str,
        Meta(pattern="^(relative|absolute|none)$", description="How the SMSC is told how long a message is good."),
    ] = "relative"
    receipts: Annotated[bool, Meta(description="Whether receipts are asked for.")] = True
    intermediate: Annotated[bool, Meta(description="Whether intermediate states are asked for, too.")] = False
    id_format: Annotated[
        str,
        Meta(
            pattern="^(text|hex|decimal|either)$",
            description="Ids of answers against those of receipts: text: the same; hex: the answer is hexadecimal and the "
            "receipt decimal; decimal: the other way round; either: any of these.",
        ),
    ] = "text"
    errors: Annotated[
        dict[str, str],
        Meta(
            description='What a command_status means, like {"0x0B": "number error", "0x401": "blacklisted"}: temporary, '
            "throttled, unknown, rejected, number error, blacklisted, expired or undelivered."
        ),
    ] = {}
    receipt_states: Annotated[
        dict[str, str],
        Meta(
            description='What a state of a receipt means, like {"UNKNOWN": "intermediate"}: delivered, failed, expired, '
            "rejected, number error, blacklisted or intermediate."
        ),
    ] = {}
    receipt_errors: Annotated[
        dict[str, str],
        Meta(description='What an `err` of a failed receipt means, like {"001": "number error"}, in the same words.'),
    ] = {}
    answer_s: Annotated[
        float, Meta(gt=0, le=600, description="Seconds for an answer; a submit without one is unknown.")
    ] = 30.0
    enquire_s: Annotated[float, Meta(gt=0, le=3600, description="Seconds of silence before enquire_link.")] = 30.0
    connect_s: Annotated[float, Meta(gt=0, le=120, description="Seconds for the connection, and for the bind.")] = 10.0
    reconnect_s: Annotated[
        float, Meta(gt=0, le=60, description="Seconds before the first new try; it doubles with each, and is jittered.")
    ] = 1.0
    reconnect_most_s: Annotated[float, Meta(gt=0, le=3600, description="The longest wait between two tries.")] = 60.0
    throttled_s: Annotated[
        float,
        Meta(
            gt=0, le=60, description="Seconds of rest after a first throttled submit; it doubles up to ten times that."
        ),
    ] = 0.5
    throttled_tries: Annotated[
        int, Meta(ge=1, le=100, description="Submits of one part that the link tries itself while it is throttled.")
    ] = 10

    def __post_init__(self) -> None:
        """Raises ValueError with a line for each mistake."""
        mistakes = [
            *read_codes("errors", self.errors)[1],
            *read_states("receipt_states", self.receipt_states)[1],
            *read_states("receipt_errors", self.receipt_errors)[1],
            *read_kinds(self.ton_npi)[1],
        ]
        if not (self.system_id + self.password + self.system_type + self.sender + self.service_type).isascii():
            mistakes.append("system_id, password, system_type, sender, service_type: must be ASCII")
        if self.sender_always and not self.sender:
            mistakes.append("sender: missing, as sender_always is set")
        if mistakes:
            raise ValueError("\n".join(mistakes))
