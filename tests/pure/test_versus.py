"""How `bench versus` compares two trees: rounds are paired, and a ratio above 1 always says that this tree is better."""

from __future__ import annotations

import subprocess
import sys

from bench.figure import Own
from bench.versus import compare


def test_a_ratio_is_of_its_round_and_the_figure_is_their_median() -> None:
    rounds = [
        ({"flow": Own(100.0, "messages/s")}, {"flow": Own(150.0, "messages/s")}),
        ({"flow": Own(200.0, "messages/s")}, {"flow": Own(180.0, "messages/s")}),
        ({"flow": Own(50.0, "messages/s")}, {"flow": Own(60.0, "messages/s")}),
    ]
    (row,) = compare(rounds)
    assert (row.theirs, row.ours, row.ratios) == ([100.0, 200.0, 50.0], [150.0, 180.0, 60.0], [1.5, 0.9, 1.2])
    assert row.ratio == 1.2


def test_of_a_time_less_is_better() -> None:
    own, other = Own(20.0, "ms", more_is_better=False), Own(40.0, "ms", more_is_better=False)
    assert [row.ratio for row in compare([({"large": other}, {"large": own})])] == [2.0]


def test_what_cannot_be_compared_is_refused() -> None:
    for words, said in (
        (["HEAD", "kannel"], "kannel"),
        (["HEAD", "nothing"], "nothing"),
        (["no-such-ref"], "no-such-ref"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "bench", "versus", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert said in done.stderr
