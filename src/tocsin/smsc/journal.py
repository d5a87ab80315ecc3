"""One line of JSON for each message that was taken, for tests that compare both sides. Written in bulk."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tocsin.smpp import Message
from tocsin.smsc.reading import read_header

_LINES_AT_ONCE = 2_000


class Line(msgspec.Struct, gc=False):
    """One message; octets in hex, `at` in epoch seconds, TLVs by their tags in hex."""

    id: str
    session: int
    system_id: str
    at: float
    command: str
    source: str
    destination: str
    data_coding: int
    esm_class: int
    registered: int
    udh: str
    text: str
    tlvs: dict[str, str]


class Journal:
    """`flush` writes what is noted."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("wb") if path is not None else None
        self._encode = msgspec.json.Encoder().encode_lines
        self._lines: list[Line] = []
        self.is_on = path is not None

    def note(self, answered_id: bytes, who: tuple[int, str, str], at_s: float, message: Message) -> None:
        """`who`: number of the session, its system_id, the command."""
        m = message
        header = read_header(m) or b""
        self._lines.append(
            Line(
                answered_id.decode(),
                who[0],
                who[1],
                at_s,
                who[2],
                m.source.decode("latin-1"),
                m.destination.decode("latin-1"),
                m.data_coding,
                m.esm_class,
                m.registered,
                header.hex(),
                m.text[len(header) :].hex() if m.text else "",
                {f"{tag:04x}": value.hex() for tag, value in m.tlvs.items()} if m.tlvs else {},
            )
        )
        if len(self._lines) >= _LINES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """To the file."""
        if self._file is not None and self._lines:
            self._file.write(self._encode(self._lines))
            self._file.flush()
            self._lines.clear()

    def close(self) -> None:
        """Write the rest."""
        self.flush()
        if self._file is not None:
            self._file.close()
