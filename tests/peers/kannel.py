"""Kannel: bearerbox, which binds to an SMSC by SMPP, and smsbox, which takes sends by HTTP; a configuration for both."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from tests.peers.node_smpp import PASSWORD, USER
from tests.peers.program import HOST, end, find_ports, find_program, listens, read_end
from tests.poll import until_sync

_ADMIN = "admin-word"
_GROUPS = """\
group = core
admin-port = {admin}
admin-interface = {host}
admin-password = {password}
smsbox-port = {boxes}
smsbox-interface = {host}
box-allow-ip = {host}
log-file = {directory}/bearerbox.log
log-level = {log_level}
store-type = file
store-location = {directory}/store
store-dump-freq = 10
dlr-storage = internal
sms-resend-freq = 1
sms-outgoing-queue-limit = 1000000
sms-incoming-queue-limit = 1000000

group = smsc
smsc = smpp
smsc-id = smsc
host = {host}
port = {smsc}
transceiver-mode = true
interface-version = 34
smsc-username = {system_id}
smsc-password = {secret}
system-type = ""
source-addr-ton = 5
source-addr-npi = 0
dest-addr-ton = 1
dest-addr-npi = 1
max-pending-submits = {window}
enquire-link-interval = 5
reconnect-delay = 1
{more}

group = smsbox
bearerbox-host = {host}
bearerbox-port = {boxes}
sendsms-interface = {host}
sendsms-port = {sends}
sendsms-chars = "0123456789+"
mo-recode = true
log-file = {directory}/smsbox.log
log-level = {log_level}

group = sendsms-user
username = user
password = word
max-messages = 10
concatenation = true

group = sms-service
keyword = default
max-messages = 0
catch-all = true
get-url = "{replies}"
"""


class Settings(NamedTuple):
    """What differs between runs."""

    smsc_port: int
    system_id: str = USER
    password: str = PASSWORD
    window: int = 100
    log_level: int = 0  # 0: all, in which PDUs are shown; 2: warnings
    replies: str = "http://127.0.0.1:9/"  # where what phones send goes: %p from, %P to, %b text
    more: str = ""  # further lines of the SMSC's group


class Answer(NamedTuple):
    """To a send: 202 is 'accepted'."""

    status: int
    text: str


class Kannel:
    """Both boxes, running."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory = directory
        self._admin, self._boxes, self._sends = find_ports(3)
        self._file = directory / "kannel.conf"
        self._file.write_text(self._write(settings), encoding="utf-8")
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Both boxes, and the door for sends open."""
        self._start("bearerbox", self._boxes)
        self._start("smsbox", self._sends)
        until_sync(lambda: self.status().findtext("boxes/box/type") == "smsbox", 10)

    def pids(self) -> list[int]:
        """bearerbox, smsbox."""
        return [each.pid for each in self._running]

    def is_online(self) -> bool:
        """Whether it is bound to the SMSC."""
        return (self.status().findtext("smscs/smsc/status") or "").startswith("online")

    def status(self) -> ElementTree.Element:
        """Kannel's own: sms/sent/total, dlr/received/total, smscs/smsc/queued ..."""
        with contextlib.closing(http.client.HTTPConnection(HOST, self._admin, timeout=60)) as connection:
            connection.request("GET", f"/status.xml?password={_ADMIN}")
            return ElementTree.fromstring(connection.getresponse().read())

    def send(self, to: Sequence[str], text: str, timeout_s: float = 60.0, **fields: str) -> Answer:
        """One request for all of them; `dlr_mask`, `dlr_url`, `coding`, `charset` ... as Kannel calls them, with dashes."""
        target = build_send(to, text, **fields)
        with contextlib.closing(http.client.HTTPConnection(HOST, self._sends, timeout=timeout_s)) as connection:
            connection.request("GET", target)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode())

    def connect(self, timeout_s: float = 60.0) -> http.client.HTTPConnection:
        """A connection that can be kept, for `build_send`."""
        return http.client.HTTPConnection(HOST, self._sends, timeout=timeout_s)

    def end(self) -> None:
        """smsbox first; bearerbox saves what waits."""
        for popen in reversed(self._running):
            popen.terminate()
            end(popen)

    def explain(self) -> str:
        """The logs' last lines."""
        return "\n".join(read_end(self.directory / f"{each}.log") for each in ("bearerbox", "smsbox"))

    def _start(self, name: str, port: int) -> None:
        with (self.directory / f"{name}.out").open("ab") as out:
            popen = subprocess.Popen(
                [find_program(name), "-v", "4", str(self._file)], cwd=self.directory, stdout=out, stderr=out
            )
        self._running.append(popen)

        def ready() -> bool:
            assert popen.poll() is None, f"{name} ended\n{self.explain()}"
            return listens(port)

        until_sync(ready, 20)

    def _write(self, settings: Settings) -> str:
        return _GROUPS.format(
            host=HOST, admin=self._admin, boxes=self._boxes, sends=self._sends, smsc=settings.smsc_port,
            password=_ADMIN, directory=self.directory, system_id=settings.system_id, secret=settings.password,
            window=settings.window, log_level=settings.log_level, replies=settings.replies, more=settings.more,
        )  # fmt: skip


@contextlib.contextmanager
def run_kannel(directory: Path, settings: Settings) -> Iterator[Kannel]:
    """Kannel, bound to the SMSC, for the time of the block; its files are in the directory."""
    kannel = Kannel(directory, settings)
    try:
        kannel.start()
        until_sync(kannel.is_online, 15)
        yield kannel
    finally:
        kannel.end()


def build_send(to: Sequence[str], text: str, **fields: str) -> str:
    """The target of a GET; many receivers are separated by spaces."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    query = urlencode(
        {"username": "user", "password": "word", "from": "Tocsin", "text": text, **named}, quote_via=quote
    )
    return f"/cgi-bin/sendsms?{query}&to={'+'.join(to)}"
