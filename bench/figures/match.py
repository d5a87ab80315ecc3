"""Which of 1,000 approved templates a content fits: microseconds a find, in the worst of some realistic cases."""

from __future__ import annotations

import json
import subprocess

from bench import side
from bench.children import BrokenError
from bench.figure import Figure, Own, Say
from bench.matching import TEMPLATES

_MUST_US = 100.0


def measure(say: Say) -> list[Figure]:
    """One figure."""
    done = subprocess.run(
        [side.find_python(), "-m", "bench.matching"], capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        raise BrokenError(f"matching: {done.stderr[-500:]}")
    found: dict[str, float] = json.loads(done.stdout)
    worst = max(found.values())
    say(f"match: {worst:.0f} us at the worst of {len(found)} cases")
    return [
        Figure(
            "match", f"template matching among {TEMPLATES:,}", f"<= {_MUST_US:.0f} us a find", f"{worst:.0f} us",
            worst <= _MUST_US, "1 process", {"us a find": found}, Own(worst, "us", more_is_better=False),
        )
    ]  # fmt: skip
