"""Reads one table in a process of its own, with limits: `python -m tocsin.tables.child FILE`.

A small file can describe a table of any size, and the reader of workbooks makes all of it before it gives the first row.
The limits end this process, and nothing else. Rows go to standard output as frames: 4 bytes of length, then MessagePack.
A frame is a list of rows or, as the last one, a word.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Final

import msgspec

from tocsin.tables.process import END, LENGTH, MOST_CPU_S
from tocsin.tables.read import Fault, TableError, read_table

MOST_MEMORY: Final = 512 * 1024 * 1024
_ROWS: Final = 500
_TEXT: Final = 256 * 1024
_encode = msgspec.msgpack.Encoder().encode


def main(file: Path) -> None:
    """Write the rows, then the last word: END, a Fault, or the kind and the place of a fault of ours."""
    _limit()
    try:
        _write_rows(file)
        last: str = END
    except TableError as error:
        last = error.fault
    except MemoryError:
        last = Fault.TOO_LARGE
    except BrokenPipeError:
        return
    except Exception as error:  # noqa: BLE001  the edge of the process; its text may quote the file, and is not told
        last = f"{type(error).__name__}{_find_place(error)}"
    _write(last)


def _limit() -> None:
    """A crash writes no core file: the customer's numbers would be in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def _write_rows(file: Path) -> None:
    rows: list[tuple[int, list[str]]] = []
    size = 0
    for line, cells in read_table(file):
        rows.append((line, cells))
        size += sum(map(len, cells))
        if len(rows) == _ROWS or size > _TEXT:
            _write(rows)
            rows, size = [], 0
    if rows:
        _write(rows)


def _write(frame: list[tuple[int, list[str]]] | str) -> None:
    body = _encode(frame)
    sys.stdout.buffer.write(len(body).to_bytes(LENGTH, "big"))
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def _find_place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
