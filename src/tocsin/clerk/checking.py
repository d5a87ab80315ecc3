"""The second step of an upload: each row is read, doubles are found, and the API says what the rest would cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

from tocsin.clerk.api import Api, Reply
from tocsin.clerk.numbers import find_number
from tocsin.clerk.patience import Patience
from tocsin.content import ColumnText, Status, name_columns
from tocsin.files import HEAD, Alike, Checked, Desk, Job, State, Step, Trouble, rows

_STEP: Final = 1000
_QUOTED: Final = 2000


class _RefusedError(Exception):
    """The API refuses the request as a whole."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message)
        self.reply = reply


class _AwayError(Exception):
    """The API cannot be reached."""


def check_upload(desk: Desk, job: Job, api: Api, wait: Callable[[float], None]) -> None:
    """Check it; its user confirms or mends. `wait` raises where the process is to end. Raises files.Lost."""
    total = int(job.found["rows"])
    _check_rows(desk, job, total, wait)
    with desk.hold(job) as conn:
        rows.mark_doubles(conn, job.id)
        rows.drop_pieces(conn, job.id)
        rows.weigh(conn, job.id)  # with the texts of each row
    try:
        sums = _Quotes(desk, job, api, wait).add_up(total)
    except _AwayError:
        desk.fail(job, Trouble.AWAY)
        return
    except _RefusedError as refusal:
        refused = {"refusal": {"status": refusal.reply.status, "message": refusal.reply.message}}
        desk.finish(job, Step.MAP, State.OPEN, refused)
        return
    faults = dict(rows.count_faults(desk.conn, job.id))
    found: dict[str, Any] = {**sums, "faults": faults, "bad": sum(faults.values()), "refusal": None}
    desk.finish(job, Step.CONFIRM, State.OPEN, found)


def _check_rows(desk: Desk, job: Job, total: int, wait: Callable[[float], None]) -> None:
    asked, after, done = job.asked, 0, 0
    head: list[str] = []
    if asked["headed"]:
        after, head = rows.read_rows(desk.conn, job.id, 0, 1)[0]
        with desk.hold(job) as conn:
            rows.write_checked(conn, job.id, [Checked(after, "", 0, "", 0, HEAD)])
    text = ColumnText(asked["content"], name_columns(head, int(job.found["width"])))
    while step := rows.read_rows(desk.conn, job.id, after, _STEP):
        wait(0)
        checked = [_check(line, cells, asked, text) for line, cells in step]
        after, done = step[-1][0], done + len(step)
        desk.tell(job, done, 50 * done // total)
        with desk.hold(job) as conn:
            rows.write_checked(conn, job.id, checked)


def _check(line: int, cells: list[str], asked: Mapping[str, Any], text: ColumnText) -> Checked:
    def read(at: int | None) -> str:
        return "" if at is None or at >= len(cells) else cells[at]

    number = find_number(read(asked["number"]), read(asked["country"]), int(asked["usual"]))
    if number.fault:
        return Checked(line, "", 0, "", 0, number.fault)
    said = text.fill(cells)
    return Checked(line, number.phone, number.asked_id, said.content, said.parts, said.fault)


class _Quotes:
    """What the good rows would cost, asked of the API in pieces; numbers that it refuses become faulty rows."""

    def __init__(self, desk: Desk, job: Job, api: Api, wait: Callable[[float], None]) -> None:
        self._desk, self._job, self._api, self._wait = desk, job, api, wait
        self._countries: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])  # messages, parts, micros
        self._good = 0

    def add_up(self, total: int) -> dict[str, Any]:
        """Good rows, their parts and what they cost, by country."""
        done = 0
        for alike in rows.list_alike(self._desk.conn, self._job.id):
            after = 0
            while step := rows.read_alike(self._desk.conn, self._job.id, alike, after, _QUOTED):
                after = step[-1][0]
                self._quote(alike, step)
                done += len(step)
                self._desk.tell(self._job, done, 50 + 48 * done // total)
        countries = sorted(self._countries.items(), key=lambda item: -item[1][2])
        return {
            "good": self._good,
            "parts": sum(parts for _, (_, parts, _) in countries),
            "micros": sum(micros for _, (_, _, micros) in countries),
            "countries": [[code, *sums] for code, sums in countries],
        }

    def _quote(self, alike: Alike, step: list[tuple[int, str]]) -> None:
        """Until the API finds fault with none: it names only the first so many."""
        left = step
        while left:
            data = self._ask(alike, [phone for _, phone in left])
            if not data.get("bad"):
                self._count(data)
                return
            refused = {str(phone): f"reason:{reason}" for phone, reason in data["refused"]}
            if not data["good"] and len(set(refused.values())) == 1:  # a country that nothing goes to
                word = next(iter(refused.values()))
                refused = {phone: word for _, phone in left}
            faults = [(line, refused[phone]) for line, phone in left if phone in refused]
            if not faults:
                raise _RefusedError(Reply(True, int(Status.PLATFORM), "", {}))
            with self._desk.hold(self._job) as conn:
                rows.mark_faults(conn, self._job.id, faults)
            left = [row for row in left if row[1] not in refused]

    def _ask(self, alike: Alike, phones: list[str]) -> Mapping[str, Any]:
        body = describe_send(self._job.asked, alike.asked_id, alike.content, phones)
        patience = Patience(self._wait)
        while True:
            self._wait(0)
            reply = self._api.quote(self._job.asked["account"], body, "")
            if reply.reached and reply.status == Status.SUBMITTED and "good" in reply.data:
                return reply.data
            if reply.reached and reply.status == Status.SUBMITTED:  # a refusal of the whole is told inside
                reply = reply._replace(
                    status=int(reply.data.get("status", 0)), message=str(reply.data.get("detail", ""))
                )
            if not patience.again(reply):
                raise _RefusedError(reply) if reply.reached else _AwayError
            self._desk.tell(self._job, self._good, 50)

    def _count(self, data: Mapping[str, Any]) -> None:
        self._good += int(data["good"])
        for country, units, price, count in data["prices"]:
            sums = self._countries[int(country)]
            sums[0] += count
            sums[1] += count * units
            sums[2] += count * price


def describe_send(asked: Mapping[str, Any], code_id: int, content: str, phones: list[str]) -> dict[str, Any]:
    """The body of a request for rows of one country and one text."""
    body = {
        "numbers": ",".join(phones),
        "codeId": code_id,
        "content": content or asked["content"],
        "action": asked["action"],
    }
    optional = {"senderId": asked["sender"], "sendTime": asked["send_time"]}
    return body | {name: value for name, value in optional.items() if value}
