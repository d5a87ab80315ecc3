"""CPU of the accept path by stage, without HTTP: what a group costs, and what of it each of its requests pays."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from bench import side
from bench.children import BrokenError
from bench.figure import Figure, Own, Say
from bench.product import Product, run_product


def measure(say: Say) -> list[Figure]:
    """One figure for each number of requests in flight."""
    with run_product() as product:
        product.tocsin("channel", "pause", "sandbox")
        product.settle()
        found = _accept(product)
    stages = found.pop("stages")
    figures = []
    for name, facts in found.items():
        say(f"path, {name}: {facts['CPU us']} us of CPU a request, {facts['a second']}/s")
        figures.append(
            Figure(
                f"path/{name}", f"CPU of the accept path, {name}", "for comparison", f"{facts['CPU us']} us", True,
                "1 acceptor without HTTP, postgres", {**facts, "us a stage": stages},
                Own(facts["CPU us"], "us", more_is_better=False),
            )
        )  # fmt: skip
    return figures


def _accept(product: Product) -> dict[str, Any]:
    environment = {**os.environ, "TOCSIN_HOME": str(product.home), "DATABASE_URL": product.dsn}
    done = subprocess.run(
        [side.find_python(), "-m", "bench.accepting", product.caller.account],
        env=side.list_known(environment), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode != 0:
        raise BrokenError(f"accepting: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
