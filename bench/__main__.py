"""`python -m bench [--long] [--json FILE] [NAME...]`: measure, print the table, write the JSON.

`python -m bench versus REF [NAME...]` compares this tree with another commit of it: see `bench/versus.py`.

Exit code 0 unless something broke: a figure that is missed is printed as missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from bench import side, versus
from bench.children import BrokenError
from bench.figure import Figure, Measure
from bench.figures import BY_NAME, LONG, SHORT


def main() -> int:
    """Measure what was asked for."""
    signal.signal(signal.SIGTERM, _end)  # what was started is ended then too
    if sys.argv[1:2] == ["versus"]:
        return versus.main(sys.argv[2:], {**SHORT, **LONG, **BY_NAME})
    options = _read_arguments()
    if options.tree:
        side.measure_tree(options.tree)
    chosen: dict[str, Measure] = {**SHORT, **LONG, **BY_NAME}
    names = options.names or list(LONG if options.long else SHORT)
    began = time.monotonic()
    figures: list[Figure] = []
    broken: list[str] = []
    for name in names:
        try:
            figures += chosen[name](_say)
        except BrokenError as error:
            broken.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001  the other figures are worth having
            traceback.print_exc()
            broken.append(f"{name}: {error!r}")
    took_s = time.monotonic() - began
    _print(figures, broken, took_s)
    if options.json:
        _write_json(options.json, figures, broken, took_s)
    return 1 if broken else 0


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Tocsin on this machine. `versus REF` compares it with another commit.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of: {', '.join([*SHORT, *LONG, *BY_NAME])}; else all short ones"
    )
    parser.add_argument("--long", action="store_true", help="only the one that runs long: 2 million messages")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    parser.add_argument(
        "--tree", type=Path, metavar="DIR", help="measure the product of another checkout, with its own .venv, alone"
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in {**SHORT, **LONG, **BY_NAME}]
    if unknown:
        parser.error(f"no figure is called {', '.join(unknown)}")
    return options


def _end(_sign: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(143)


def _say(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _machine() -> dict[str, Any]:
    load = os.getloadavg()[0]
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load": round(load, 1),
    }


def _print(figures: list[Figure], broken: list[str], took_s: float) -> None:
    head = ("figure", "must reach", "reached", "")
    rows = [head, *((each.what, each.must, each.reached, "yes" if each.ok else "NO") for each in figures)]
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    print()
    for place, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if place == 0:
            print("  ".join("-" * width for width in widths).rstrip())
    print("\nDetails")
    for each in figures:
        print(f"\n{each.name}  [{each.processes}]")
        for name, value in each.details.items():
            print(f"  {name}: {_show(value)}")
    for line in broken:
        print(f"\nBROKEN  {line}")
    print(f"\n{_machine()}\n{sum(each.ok for each in figures)} of {len(figures)} reached, in {took_s:.0f} s")


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)


def _write_json(path: Path, figures: list[Figure], broken: list[str], took_s: float) -> None:
    facts = {
        "machine": _machine(), "took_s": round(took_s, 1), "figures": [each.as_json() for each in figures], "broken": broken,
    }  # fmt: skip
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
