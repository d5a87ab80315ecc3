"""The test of an upstream platform: it is asked for our balance there, signed as a send would be."""

from __future__ import annotations

from typing import Any

from tocsin.carriers.crew import open_egress
from tocsin.carriers.model import ChannelFacts, Probe, ProbeOrder
from tocsin.carriers.once import send_once
from tocsin.carriers.tocsin import mapping
from tocsin.carriers.tocsin.config import TocsinConfig
from tocsin.carriers.tocsin.link import TocsinLink
from tocsin.kit import clock
from tocsin.kit.address import read_once
from tocsin.kit.egress import AddressRefusedError, NoAnswerError, Talk

_BALANCE = "/api/v1/sms/balance"
_MAX_URL = 4096
_HEADERS = b"Accept: application/json\r\nUser-Agent: Tocsin\r\n"


async def probe(channel: ChannelFacts, config: TocsinConfig, order: ProbeOrder) -> Probe:
    """Ask for the balance, and send the message if there is one."""
    try:
        answer = await _ask_balance(config)
    except (NoAnswerError, AddressRefusedError, OSError) as error:
        return Probe(False, [f"no answer: {error}"])
    found = _judge(config, answer.status, mapping.read_json(answer))
    if not found.good or order.message is None:
        return found
    sent = await send_once(TocsinLink(channel, config, ""), order.message)
    return sent._replace(said=[*found.said, *sent.said])


async def _ask_balance(config: TocsinConfig) -> Any:
    egress = open_egress(config.connect_timeout_s, config.timeout_s, Talk(asks_anew=False))
    try:
        target = read_once(mapping.write_url(config, clock.now_s(), _BALANCE), _MAX_URL)
        return await egress.ask(target, _HEADERS, b"", b"GET")
    finally:
        egress.close()


def _judge(config: TocsinConfig, http_status: int, document: dict[str, Any] | None) -> Probe:
    status = document.get("status") if document is not None else None
    if http_status != 200 or document is None or not isinstance(status, int):
        return Probe(False, [f"{config.base_url} answered HTTP {http_status}, and nothing that the API would"])
    if status != 0:
        said = str(document.get("message", ""))[:200]
        return Probe(
            False,
            [f"the upstream answered {status}: {said}", "the account, its key or our address is not let in there"],
        )
    data = document.get("data")
    money = data if isinstance(data, dict) else {}
    left = f"{money.get('balance', '?')} {money.get('currency', '')}".rstrip()
    return Probe(True, [f"the upstream knows account {config.account}: balance {left[:80]}"])
