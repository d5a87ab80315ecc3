"""Which tree is measured: this one, or another that `bench versus` names.

The bench, its load generator and its peers are always of this tree; the product is run by the Python of the measured tree.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path


class _Measured:
    python = sys.executable
    alone = False


def measure_tree(tree: Path) -> None:
    """From now on measure the product of `tree`, a checkout with a virtual environment, and nothing beside it."""
    _Measured.python, _Measured.alone = str(tree / ".venv" / "bin" / "python"), True


def find_python() -> str:
    """The Python that runs the measured product."""
    return _Measured.python


def is_alone() -> bool:
    """Whether other programs (bare servers, Kannel, node-smpp) are left out: two trees are compared with each other."""
    return _Measured.alone


def list_known(environment: dict[str, str]) -> dict[str, str]:
    """`environment` without the settings that the measured tree does not know: an older one refuses them."""
    known = _list_settings()
    return {name: value for name, value in environment.items() if not name.startswith("TOCSIN_") or name in known}


@functools.cache
def _list_settings() -> frozenset[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "DATABASE_URL"))}
    done = subprocess.run(
        [find_python(), "-m", "tocsin", "--json", "config"], env=clean, capture_output=True, text=True, check=True
    )
    return frozenset(json.loads(done.stdout))
