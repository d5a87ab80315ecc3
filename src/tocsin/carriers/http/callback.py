"""Receipts and replies that a carrier brings by calling us, read by the rules of the channel's settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tocsin.carriers.calls import read_number, read_rows, shows_token
from tocsin.carriers.http.config import SENT_WORDS, HttpConfig
from tocsin.carriers.model import RECEIPT, Called, Ear, Heard, StrangerError, UnreadableError
from tocsin.carriers.pointer import find, find_text
from tocsin.carriers.waits import read_time
from tocsin.carriers.words import STATES
from tocsin.traffic import Inbound, Reason, Receipt

_ID_MOST = 200
_TEXT_MOST = 10_000


def make_ear(config: HttpConfig) -> Ear:
    """What reads the calls of this channel's carrier."""
    words = SENT_WORDS | {word.strip().lower(): state for word, state in config.receipt_states.items()}
    states = {word: STATES[state] for word, state in words.items()}

    def hear(called: Called, now: float) -> Heard:
        if not shows_token(called, config.callback_token):
            raise StrangerError
        if called.what == RECEIPT:
            rows = read_rows(called, config.receipt_rows)
            return Heard([_read_receipt(config, states, row, now) for row in rows], (), config.callback_answer)
        rows = read_rows(called, config.reply_rows)
        return Heard((), [_read_reply(config, row, now) for row in rows], config.callback_answer)

    return hear


def _read_receipt(config: HttpConfig, states: Mapping[str, Reason], row: Any, now: float) -> Receipt:
    carrier_id = find_text(row, config.receipt_id)
    if not 0 < len(carrier_id) <= _ID_MOST or not carrier_id.isprintable():
        raise UnreadableError(f"a receipt has no id in {config.receipt_id!r}")
    word = find_text(row, config.receipt_status).lower()
    if not word:
        raise UnreadableError(f"a receipt has no status in {config.receipt_status!r}")
    reason = states.get(word, STATES[config.receipt_other])
    phone = read_number(find_text(row, config.receipt_number)).replace("\x00", "")
    return Receipt(carrier_id, phone, reason, read_time(find_text(row, config.receipt_time), now))


def _read_reply(config: HttpConfig, row: Any, now: float) -> Inbound:
    user = read_number(find_text(row, config.reply_from)).replace("\x00", "")
    text = find(row, config.reply_text)
    if not user or not isinstance(text, str):
        raise UnreadableError(f"a reply has no number in {config.reply_from!r} or no text in {config.reply_text!r}")
    service = read_number(find_text(row, config.reply_to)).replace("\x00", "")
    clean = text[:_TEXT_MOST].encode("utf-8", "replace").decode()
    return Inbound(user, service, clean, read_time(find_text(row, config.reply_time), now))
