"""Words the reply to a send: the page's fields in the page's order (contract, section 4).

SMS lists its numbers as objects in `successData`; the other products as pairs in `array`. JSON by hand: there may be
50,000 rows, and a single send should not pay for a general encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

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

    def __init__(self, rows: str, word_row: Callable[[bytes, str], str], numbered: str = "batchNo") -> None:
        """`numbered`: the name of the batch number on the page, where it is another; both are said then."""
        self._rows = rows
        self._word_row = word_row
        self._numbered = numbered

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
                bad.append(_bad_row(message_id, phone, Reason(reason), language))
            else:
                good.append(self._word_row(message_id, phone))
        return self._word((phrase(Status.SUBMITTED, language), 0), batch_no, good, bad)

    def refuse(self, refusal: Refusal, draft: Draft, language: str) -> bytes:
        """A send of which no number was good."""
        bad = [
            _bad_row(i, phone, Reason(reason), language)
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


SMS_WORDING = Wording("successData", _sms_row)
PAIR_WORDING = Wording("array", _pair)
NOTICE_WORDING = Wording("array", _pair, "barchNo")  # the page's spelling


def _bad_row(message_id: bytes, phone: str, reason: Reason, language: str) -> str:
    status = reason.end.status
    text = phrase(Status(status), language, "duplicate" if reason is Reason.DUPLICATE else "")
    row = {"phone": phone, "messageId": message_id.hex(), "status": status, "message": text}
    return msgspec.json.encode(row).decode()
