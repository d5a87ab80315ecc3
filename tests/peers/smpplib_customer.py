"""A customer on smpplib, in a thread of its own: binds, sends, and keeps the answers and what is delivered to it."""

from __future__ import annotations

import contextlib
import queue
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from smpplib.client import Client
from smpplib.exceptions import ConnectionError as LostError
from smpplib.exceptions import PDUError

from tests.peers.node_smpp import PASSWORD, USER
from tests.peers.program import HOST

_RECEIPT = 0x04
_STEP_S = 0.1


class Submitted(NamedTuple):
    """An answer to a submit_sm."""

    sequence: int
    status: int
    message_id: str


class Delivered(NamedTuple):
    """A deliver_sm, octets as they came."""

    source: str
    destination: str
    esm_class: int
    data_coding: int
    text: bytes
    receipted_message_id: str
    message_state: int | None

    @property
    def is_receipt(self) -> bool:
        return self.esm_class & 0x3C == _RECEIPT


class SmpplibCustomer:
    """Bound from its start; smpplib is used by its thread alone."""

    def __init__(self, port: int, system_id: str, password: str) -> None:
        self.submitted: list[Submitted] = []
        self.delivered: list[Delivered] = []
        self.lost: str | None = None
        self._client = Client(HOST, port, timeout=10, allow_unknown_opt_params=True)
        self._client.set_message_sent_handler(self._keep_answer)
        self._client.set_error_pdu_handler(self._let_pass)
        self._client.set_message_received_handler(self._keep_delivery)
        self._commands: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._here, self._there = socket.socketpair()
        self._client.connect()
        try:
            self._client.bind_transceiver(system_id=system_id, password=password)
        except BaseException:
            self._close()
            raise
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, destination: str, text: bytes, **fields: Any) -> None:
        """A submit_sm; the answer comes to `submitted`. Fields are smpplib's: data_coding, esm_class, source_addr ..."""
        self._command({
            "source_addr": "Tocsin", "source_addr_ton": 5, "dest_addr_ton": 1, "dest_addr_npi": 1,
            "destination_addr": destination, "short_message": text, "registered_delivery": 1, **fields,
        })  # fmt: skip

    def end(self) -> None:
        """Unbind and close."""
        self._command(None)
        self._thread.join(15)
        self._close()

    def _command(self, command: dict[str, Any] | None) -> None:
        self._commands.put(command)
        self._there.send(b".")

    def _run(self) -> None:
        try:
            while self._obey():
                readable, _, _ = select.select([self._client._socket, self._here], [], [], _STEP_S)
                if self._here in readable:
                    self._here.recv(4096)
                self._client.poll()
            self._client.unbind()
        except (LostError, PDUError, OSError) as error:
            self.lost = repr(error)

    def _obey(self) -> bool:
        """Whether it goes on."""
        with contextlib.suppress(queue.Empty):
            while True:
                command = self._commands.get_nowait()
                if command is None:
                    return False
                self._client.send_message(**command)
        return True

    def _let_pass(self, _: Any) -> None:
        """smpplib calls the answer's own handler after this one."""

    def _keep_answer(self, pdu: Any, **_: Any) -> None:
        message_id = (getattr(pdu, "message_id", None) or b"").decode()
        self.submitted.append(Submitted(pdu.sequence, pdu.status, message_id))

    def _keep_delivery(self, pdu: Any, **_: Any) -> None:
        text = pdu.short_message or pdu.message_payload or b""
        receipted = (pdu.receipted_message_id or b"").rstrip(b"\0").decode()
        self.delivered.append(
            Delivered(
                pdu.source_addr.decode(), pdu.destination_addr.decode(), pdu.esm_class, pdu.data_coding, text, receipted,
                pdu.message_state,
            )
        )  # fmt: skip

    def _close(self) -> None:
        for each in (self._here, self._there):
            each.close()
        self._client.disconnect()


@contextlib.contextmanager
def run_smpplib(port: int, system_id: str = USER, password: str = PASSWORD) -> Iterator[SmpplibCustomer]:
    """For the time of the block. Raises smpplib's PDUError where the bind is refused."""
    customer = SmpplibCustomer(port, system_id, password)
    try:
        yield customer
    finally:
        customer.end()
