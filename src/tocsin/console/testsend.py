"""The test send of Quick start: a request to the public API, as a customer's own program makes it, with the key that he made."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlencode

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tocsin.console import public
from tocsin.console.installation import installation
from tocsin.console.samples import Sample, write_samples
from tocsin.content import Status
from tocsin.kit import clock

PATH = public.SMS
_TRIES = 4
_AGAIN_S = 0.5


class Sent(NamedTuple):
    """What the API said: the message's id, or why there is none."""

    message_id: str
    trouble: str


def send_test(account: str, api_key: str) -> Sent:
    """Send it. A key is known to the API within a second: one that is refused is tried again for so long."""
    answer: dict[str, object] = {}
    for turn in range(_TRIES):
        try:
            answer = _post(account, api_key)
        except (OSError, ValueError, http.client.HTTPException) as error:
            why = {"url": installation().api_url, "error": str(error) or type(error).__name__}
            return Sent("", _("the API at %(url)s does not answer: %(error)s") % why)
        if answer.get("status") != Status.AUTHENTICATION or turn == _TRIES - 1:
            break
        time.sleep(_AGAIN_S)
    return _read(answer)


def _read(answer: dict[str, object]) -> Sent:
    data = answer.get("data")
    rows = data.get("successData") if isinstance(data, dict) else None
    row = rows[0] if isinstance(rows, list) and rows else None
    if answer.get("status") == 0 and isinstance(row, dict) and row.get("messageId"):
        return Sent(str(row["messageId"]), "")
    return Sent("", _word(answer.get("status"), str(answer.get("message") or "")))


def _word(number: object, message: str) -> str:
    """A status in the visitor's language, with the details that the API gave."""
    chinese = (get_language() or "").startswith("zh")
    status = next((known for known in Status if known == number), None)
    if status is None or not chinese:
        return f"{number} {message}"
    _text, _colon, detail = message.partition(": ")
    return f"{number} {status.text_zh}" + (f": {detail}" if detail else "")


def _post(account: str, api_key: str) -> dict[str, object]:
    at = str(int(clock.now_s()))
    sign = hashlib.md5(f"{account}{api_key}{at}".encode(), usedforsecurity=False).hexdigest()
    query = urlencode({"account": account, "sign": sign, "datetime": at})
    line = public.open_line(installation().settings, installation().api_url)
    with closing(public.open_connection(line)) as connection:
        asked = json.dumps(describe_body()).encode()
        reached = public.exchange(connection, line, f"{PATH}?{query}", asked, {"Content-Type": "application/json"})
    found = json.loads(reached.body)
    if not isinstance(found, dict):
        raise ValueError("it answered something else than JSON")  # noqa: TRY004  caught as what it is: a bad answer
    return found


def describe_body() -> dict[str, object]:
    """What is sent, with a text in the visitor's language."""
    return {"numbers": "81234567801", "codeId": 10007, "content": _("Hello from Tocsin"), "action": "NOTIFICATION"}


def fill_samples(account: str, api_key: str) -> list[Sample]:
    """The same request as programs, with the key filled in; without one they say where it goes."""
    return write_samples(account, api_key or "YOUR_KEY", installation().api_url + PATH, describe_body())
