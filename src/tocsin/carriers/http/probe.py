"""The test of an HTTP carrier: a connection, with TLS where the address says so; a request only with a message to send.

Such a carrier knows no log-in but that of a send: only a message shows whether it knows ours.
"""

from __future__ import annotations

import asyncio
import ssl

from tocsin.carriers.http.config import HttpConfig
from tocsin.carriers.http.link import HttpLink
from tocsin.carriers.model import ChannelFacts, Probe, ProbeOrder
from tocsin.carriers.once import send_once
from tocsin.kit import clock
from tocsin.kit.address import read_url


async def probe(channel: ChannelFacts, config: HttpConfig, order: ProbeOrder) -> Probe:
    """Connect, and send the message if there is one."""
    try:
        said = [await reach(config.url.partition("{")[0], config.connect_timeout_s)]
    except (OSError, ValueError) as error:
        return Probe(False, [f"no connection: {error or type(error).__name__}"])
    if order.message is None:
        return Probe(
            True,
            [*said, "no request was sent: only a message shows whether the carrier takes our log-in; name a number"],
        )
    sent = await send_once(HttpLink(channel, config, ""), order.message)
    return sent._replace(said=[*said, *sent.said])


async def reach(url: str, within_s: float) -> str:
    """Connect to the address of a URL and part again; a sentence that says so. Raises OSError (TimeoutError too), ValueError."""
    target, begun_s = read_url(url), clock.monotonic_s()
    name = f"{target.host}:{target.port}"
    try:
        async with asyncio.timeout(within_s):
            _, writer = await asyncio.open_connection(
                target.host, target.port, ssl=ssl.create_default_context() if target.tls else None
            )
    except TimeoutError:
        raise TimeoutError(f"{name} did not answer within {within_s:g} s") from None
    writer.close()
    took_ms = (clock.monotonic_s() - begun_s) * 1000
    return f"connected to {name}{' with TLS, its certificate is good' if target.tls else ''}, {took_ms:.0f} ms"
