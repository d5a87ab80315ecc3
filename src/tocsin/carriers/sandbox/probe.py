"""The test of a sandbox channel: there is nothing to connect to, and a message's fate is told without sending it."""

from __future__ import annotations

from tocsin.carriers.model import ChannelFacts, Probe, ProbeOrder
from tocsin.carriers.sandbox.config import SandboxConfig
from tocsin.carriers.sandbox.fates import find_fate


async def probe(channel: ChannelFacts, config: SandboxConfig, order: ProbeOrder) -> Probe:  # noqa: ARG001  every carrier's
    """Whether it is told to be down, and what it would do with the number."""
    if config.down:
        return Probe(False, ["the sandbox is told to be down, by its setting `down`"])
    said = ["the sandbox is part of this platform: there is nothing to connect to, and it delivers to nobody"]
    if order.message is not None:
        fate = find_fate(order.message)
        said.append(f"nothing was sent; a message to this number would be {fate.says if fate else 'delivered'}")
    return Probe(True, said)
