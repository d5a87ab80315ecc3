"""The test send of Quick start: a request to the public API, as a customer's own program makes it, with the key that he made."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlencode

from tocsin.console import public
from tocsin.console.installation import installation
from tocsin.content import Status
from tocsin.kit import clock

PATH = public.SMS
BODY = {"numbers": "81234567801", "codeId": 10007, "content": "Hello from Tocsin", "action": "NOTIFICATION"}
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
            return Sent("", f"the API at {installation().api_url} does not answer: {error or type(error).__name__}")
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
    return Sent("", f"{answer.get('status')} {answer.get('message') or ''}")


def _post(account: str, api_key: str) -> dict[str, object]:
    at = str(int(clock.now_s()))
    sign = hashlib.md5(f"{account}{api_key}{at}".encode(), usedforsecurity=False).hexdigest()
    query = urlencode({"account": account, "sign": sign, "datetime": at})
    line = public.open_line(installation().settings, installation().api_url)
    with closing(public.open_connection(line)) as connection:
        asked = json.dumps(BODY).encode()
        reached = public.exchange(connection, line, f"{PATH}?{query}", asked, {"Content-Type": "application/json"})
    found = json.loads(reached.body)
    if not isinstance(found, dict):
        raise ValueError("it answered something else than JSON")  # noqa: TRY004  caught as what it is: a bad answer
    return found


SAMPLE = """\
ACCOUNT={account}
KEY={key}
NOW=$(date +%s)
SIGN=$(printf '%s' "$ACCOUNT$KEY$NOW" | md5sum | cut -c1-32)
curl -s "{url}{path}?account=$ACCOUNT&sign=$SIGN&datetime=$NOW" \\
  -H 'Content-Type: application/json' \\
  -d '{body}'"""


def write_sample(account: str, api_key: str) -> str:
    """The same request for a shell, with the key filled in; without one it says where it goes."""
    return SAMPLE.format(
        account=account, key=api_key or "YOUR_KEY", url=installation().api_url, path=PATH, body=json.dumps(BODY)
    )
