"""Bodies of requests while they come in: small ones in memory, others in temporary files, all of them bounded."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections import Counter
from typing import BinaryIO, Final, cast

IN_MEMORY: Final = 32 * 1024
"""Of one body. A larger one lies in a file without a name, where TMPDIR says."""
MAX_BYTES: Final = 512 * 1024 * 1024
"""Of all bodies of a process, beyond what each may have in memory: a small form always finds room."""
MAX_ADDRESS_BYTES: Final = 128 * 1024 * 1024
"""The same, of the bodies of one address."""
log = logging.getLogger("tocsin.console")


class SpoolSpace:
    """Bytes that bodies take, over all connections and by address."""

    def __init__(self, most: int = MAX_BYTES, most_of_address: int = MAX_ADDRESS_BYTES) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._lock = threading.Lock()
        self._taken = 0
        self._by_address: Counter[str] = Counter()

    def take(self, address: str, size: int) -> bool:
        """Whether there is room for `size` bytes more."""
        with self._lock:
            if self._taken + size > self._most or self._by_address[address] + size > self._most_of_address:
                return False
            self._taken += size
            self._by_address[address] += size
            return True

    def give(self, address: str, size: int) -> None:
        """Back."""
        with self._lock:
            self._taken -= size
            self._by_address[address] -= size
            if not self._by_address[address]:
                del self._by_address[address]


class Spool:
    """One body. The loop writes it, and then one thread reads it."""

    def __init__(self, space: SpoolSpace | None, address: str) -> None:
        """Without space it is a body that must stay in memory."""
        self._space = space
        self._address = address
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  closed by `close`
        self._taken = 0
        self.size = 0

    def write(self, piece: bytes) -> bool:
        """Whether there was room for it."""
        if not self._take(self.size + len(piece) - IN_MEMORY - self._taken):
            return False
        self.size += len(piece)
        try:
            self._file.write(piece)
        except OSError as error:
            log.warning("the body of a request cannot be kept: %s", error)
            return False
        return True

    def _take(self, more: int) -> bool:
        if more <= 0:
            return True
        if self._space is None or not self._space.take(self._address, more):
            return False
        self._taken += more
        return True

    def open(self) -> BinaryIO:
        """To be read from its beginning."""
        self._file.seek(0)
        return cast("BinaryIO", self._file)

    def close(self) -> None:
        """Its room is free again."""
        self._file.close()
        if self._space is not None:
            self._space.give(self._address, self._taken)
        self._taken = 0
