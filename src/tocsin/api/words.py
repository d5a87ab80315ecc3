"""Words the reply to a send: the page's fields in the page's order (contract, section 4).

SMS lists its numbers as objects in `successData`; the other products as pairs in `array`. JSON by hand: there may be
50,000 rows, and a single send should not pay for a general encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from tocsin.api.wire import Reply, error_reply
from tocsin.content import Status, phrase
from tocsin.messaging import Draft, Refusal
from tocsin.traffic import Reason

Row = tuple[bytes, str, int, int]
"""(message id, phone, status, reason) of a number."""


def _sms_row(message_id: bytes, phone: str) -> str:
    return f'{{"phone":"{phone}","messageId":"{message_id.hex()}"}}'


def _pair(message_id: bytes, phone: str) -> str:
    return f'["{phone}","{message_id.hex()}"]'


class Wording:
    """How one product words its replies."""

    def __init__(
        self, rows: str, word_row: Callable[[bytes, str], str], numbered: str = "batchNo", mention: str = "phone"
    ) -> None:
        """`rows`: the list of accepted ones; `mention`: what a row of failData calls whom it is to.

        `numbered`: the name of the batch number on the page, where it is another; both are said then.
        """
        self._rows = rows
        self._word_row = word_row
        self._numbered = numbered
        self._mention = mention

    def error(self, refusal: Refusal, language: str) -> Reply:
        """A request that was refused as a whole, before any of its rows was made."""
        return error_reply(refusal.status, language, refusal.detail)

    def accept(self, draft: Draft, language: str) -> bytes:
        """An accepted send."""
        if draft.good == len(draft.ids):
            good = list(map(self._word_row, draft.ids, draft.phones))
            return self._word((phrase(Status.SUBMITTED, language), 0), draft.batch_no, good, [])
        rows = zip(draft.ids, draft.phones, draft.statuses, draft.reasons, strict=True)
        return self.again(rows, draft.batch_no, language)

    def again(self, rows: Iterable[Row], batch_no: int, language: str) -> bytes:
        """A send as its rows say."""
        good, bad = [], []
        for message_id, phone, status, reason in rows:
            if status:
                bad.append(self._bad_row(message_id, phone, Reason(reason), language))
            else:
                good.append(self._word_row(message_id, phone))
        return self._word((phrase(Status.SUBMITTED, language), 0), batch_no, good, bad)

    def refuse(self, refusal: Refusal, draft: Draft, language: str) -> bytes:
        """A send of which no number was good."""
        bad = [
            self._bad_row(i, phone, Reason(reason), language)
            for i, phone, reason in zip(draft.ids, draft.phones, draft.reasons, strict=True)
        ]
        text = phrase(refusal.status, language, refusal.detail)
        return self._word((text, int(refusal.status)), draft.batch_no, [], bad)

    def _word(self, head: tuple[str, int], batch_no: int, good: list[str], bad: list[str]) -> bytes:
        text, status = head
        quoted = msgspec.json.encode(text).decode()
        error = "" if status == 0 else f',"msg":{quoted}'
        number = f'"batchNo":"{batch_no}"'
        if self._numbered != "batchNo":
            number = f'"{self._numbered}":"{batch_no}",{number}'
        return (
            f'{{"status":{status},"message":{quoted}{error},"data":{{"success":{len(good)},"fail":{len(bad)},'
            f'{number},"{self._rows}":[{",".join(good)}],"failData":[{",".join(bad)}]}}}}'
        ).encode()

    def _bad_row(self, message_id: bytes, phone: str, reason: Reason, language: str) -> str:
        status = reason.end.status
        text = phrase(Status(status), language, "duplicate" if reason is Reason.DUPLICATE else "")
        row = {self._mention: phone, "messageId": message_id.hex(), "status": status, "message": text}
        return msgspec.json.encode(row).decode()


class EmailWording(Wording):
    """Email re-uses numbers of the table: where its part of the page has a phrase of its own, that is the text."""

    _PHRASES: Final = {
        Status.CONTENT_EMPTY: ("Email subject is empty", "邮件主题为空"),
        Status.CONTENT_TOO_LONG: ("SMS content is empty", "短信内容为空"),
        Status.NUMBER_ABNORMAL: ("Recipient is empty", "收件人为空"),
    }

    def error(self, refusal: Refusal, language: str) -> Reply:
        """The same in email's words."""
        own = self._PHRASES.get(refusal.status)
        if own is None:
            return super().error(refusal, language)
        text = own[1] if language.startswith("zh") else own[0]
        return Reply(msgspec.json.encode({"status": int(refusal.status), "message": text, "msg": text}))


SMS_WORDING = Wording("successData", _sms_row)
PAIR_WORDING = Wording("array", _pair)
EMAIL_WORDING = EmailWording("array", _pair, mention="email")
NOTICE_WORDING = Wording("array", _pair, "barchNo")  # the page's spelling
