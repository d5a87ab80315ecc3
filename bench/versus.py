"""`python -m bench versus REF [NAME...]`: this tree against another commit, in alternating rounds of one run.

REF is checked out into build/versus/COMMIT with a virtual environment of its own, made by its own Makefile and kept for the
next time. Each round measures a figure on both trees, each in a process of its own with a fresh database, with the bench and
load generator of this tree for both; the order changes from round to round. A ratio above 1 says that this tree is better,
whatever the unit.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from bench.children import BrokenError
from bench.figure import Own, median

_HERE = Path(__file__).parents[1]
_KEPT = _HERE / "build" / "versus"
_ROUNDS = 5
_DEFAULT = ("accept", "flow", "smpp")
_FOREIGN = "kannel"
"""Measures nothing of ours."""


class Compared(NamedTuple):
    """One figure: what each tree reached, round by round."""

    name: str
    unit: str
    theirs: list[float]
    ours: list[float]
    ratios: list[float]

    @property
    def ratio(self) -> float:
        return median(self.ratios)


def main(words: list[str], known: Container[str]) -> int:
    """Compare, print the table, write the JSON. Exit code 1 where something could not be measured."""
    options = _read_arguments(words, known)
    began = time.monotonic()
    try:
        tree = prepare_tree(options.ref)
        rounds = list(_run_rounds(tree, options.names, options.rounds))
    except BrokenError as error:
        print(f"BROKEN  {error}", file=sys.stderr)
        return 1
    compared = compare(rounds)
    _print(compared, options.ref, tree.name, time.monotonic() - began)
    if options.json:
        facts = [{**each._asdict(), "ratio": round(each.ratio, 4)} for each in compared]
        options.json.write_text(json.dumps({"ref": tree.name, "figures": facts}, indent=2) + "\n", encoding="utf-8")
    return 0


def _read_arguments(words: list[str], known: Container[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench versus", description="Compare this tree with another commit."
    )
    parser.add_argument("ref", metavar="REF", help="a commit, branch or tag of this repository")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"figures of make bench; else {', '.join(_DEFAULT)}")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help=f"rounds of each figure on both trees; {_ROUNDS}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    options = parser.parse_args(words)
    options.names = options.names or list(_DEFAULT)
    unknown = [name for name in options.names if name not in known or name == _FOREIGN]
    if unknown:
        parser.error(f"no figure of the product is called {', '.join(unknown)}")
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    return options


def prepare_tree(ref: str) -> Path:
    """The checkout of `ref` with its environment, made where it is missing. Raises BrokenError."""
    commit = _run(
        "git", "rev-parse", "--short=12", "--verify", "--quiet", f"{ref}^{{commit}}", why=f"no commit is {ref}"
    )
    tree = _KEPT / commit
    if not (tree / ".git").exists():
        _run("git", "worktree", "prune")
        _run("git", "worktree", "add", "--detach", "--force", str(tree), commit)
    _say(f"{ref} is {commit}; its environment is in {tree.relative_to(_HERE)}")
    _run("make", "-C", str(tree), ".venv/.installed-run")
    return tree


def _run(*words: str, why: str = "") -> str:
    done = subprocess.run(words, cwd=_HERE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BrokenError(why or f"{' '.join(words)}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout.strip()


def _run_rounds(tree: Path, names: list[str], rounds: int) -> Iterable[tuple[dict[str, Own], dict[str, Own]]]:
    """What both trees reached, a pair a round and figure; theirs first."""
    for name in names:
        for number in range(rounds):
            sides = (tree, _HERE) if number % 2 == 0 else (_HERE, tree)
            found = {each: _measure(each, name) for each in sides}
            pair = found[tree], found[_HERE]
            yield pair
            for row in compare([pair]):
                _say(
                    f"{row.name}, round {number + 1}: {row.theirs[0]:,.5g} -> {row.ours[0]:,.5g} {row.unit}, {row.ratio:.3f}"
                )


def _measure(tree: Path, name: str) -> dict[str, Own]:
    """What the product of `tree` reached alone, by figure. Raises BrokenError."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        words = [sys.executable, "-m", "bench", name, "--tree", str(tree), "--json", file.name]
        done = subprocess.run(words, cwd=_HERE, capture_output=True, text=True, check=False)
        facts: dict[str, Any] = json.loads(Path(file.name).read_bytes() or b"{}")
    if done.returncode != 0 or facts.get("broken", True):
        raise BrokenError(f"{name} of {tree.name}: {facts.get('broken') or done.stderr.strip()[-800:]}")
    return {each["name"]: Own(**each["own"]) for each in facts["figures"] if each["own"]}


def compare(rounds: Iterable[tuple[dict[str, Own], dict[str, Own]]]) -> list[Compared]:
    """By figure, in the order in which they came; theirs first in each pair."""
    found: dict[str, Compared] = {}
    for theirs, ours in rounds:
        for name, own in ours.items():
            row = found.setdefault(name, Compared(name, own.unit, [], [], []))
            row.theirs.append(theirs[name].value)
            row.ours.append(own.value)
            ratio = own.value / theirs[name].value
            row.ratios.append(ratio if own.more_is_better else 1 / ratio)
    return list(found.values())


def _print(compared: list[Compared], ref: str, commit: str, took_s: float) -> None:
    print(f"\nThis tree against {ref} ({commit}); above 1: this tree is better\n")
    for row in compared:
        print(f"{row.name}  ratio {row.ratio:.3f}  ({', '.join(f'{each:.3f}' for each in row.ratios)})")
        print(f"  {commit}: {_list(row.theirs)} {row.unit}\n  this tree: {_list(row.ours)} {row.unit}")
    print(f"\n{took_s:.0f} s")


def _list(values: list[float]) -> str:
    return ", ".join(f"{each:,.5g}" for each in values)


def _say(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
